"""Which language a page is in, and its texts in that language.

Texts are English in the code, marked ``_()`` or, where they are looked up later, ``N_()``; the
catalogues are in ``translations/``. ``docs/how-to/pages.md`` says how one is added.
"""

from __future__ import annotations

import gettext as catalogues
from pathlib import Path
from typing import Any

from flask import current_app, request

from ..texts import N_ as N_  # noqa: PLC0414  # for every module of the pages

LANGUAGES = {"en": "English", "de": "Deutsch"}
"""The languages there are, each by its own name. The first is what texts are written in."""

COOKIE = "deploystack_language"
EXTENSION = "deploystack_translations"
FOLDER = Path(__file__).parent / "translations"

_CHOSEN = "deploystack.language"


def load_translations() -> dict[str, catalogues.NullTranslations]:
    """Return the catalogue of each language.

    Raises:
        FileNotFoundError: one was not compiled.
    """
    return {
        code: catalogues.translation("messages", str(FOLDER), [code], fallback=code == "en")
        for code in LANGUAGES
    }


def current_language() -> str:
    """Return the code of the language of the request: what was chosen, or what is preferred."""
    found: str | None = request.environ.get(_CHOSEN)
    if found is None:
        found = request.cookies.get(COOKIE, "")
        if found not in LANGUAGES:
            preferred = (given.partition("-")[0] for given in request.accept_languages.values())
            found = next((each for each in preferred if each.lower() in LANGUAGES), "en").lower()
        request.environ[_CHOSEN] = found
    return found


def _catalogue() -> catalogues.NullTranslations:
    loaded: dict[str, catalogues.NullTranslations] = current_app.extensions[EXTENSION]
    return loaded[current_language()]


def gettext(text: str, **values: Any) -> str:
    """Return ``text`` in the language of the request, with ``%(name)s`` filled in from values."""
    found = _catalogue().gettext(text)
    return found % values if values else found


def ngettext(singular: str, plural: str, number: int, **values: Any) -> str:
    """Return the form of a text that goes with ``number``, which is ``%(num)s`` in it."""
    found = _catalogue().ngettext(singular, plural, number)
    return found % {"num": number, **values}


def has_translation(text: str) -> bool:
    """Return whether the language of the request has a text of its own for this one."""
    return _catalogue().gettext(text) != text
