"""The texts of the pages and their translations: extracting, updating, compiling.

``make translations`` runs this file: it brings each catalogue up to date with the source, and
compiles it. Whoever has changed a text then translates it in the ``.po`` file, and runs it again.
"""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages import pofile
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo

from tests.support.server import ROOT

WEB = ROOT / "deploystack" / "web"
FOLDER = WEB / "translations"
TEMPLATES = "templates/**.html"
METHODS = [("**.py", "python"), (TEMPLATES, "jinja2")]
OPTIONS = {TEMPLATES: {"extensions": "jinja2.ext.i18n", "silent": "false"}}
KEYWORDS = {**DEFAULT_KEYWORDS, "N_": None}
ELSEWHERE = ("inspection", "settings")
"""Domains below the pages that declare texts, which the pages translate as they show them."""

WIDTH = 100
NO_DAY = datetime(2000, 1, 1, tzinfo=UTC)
"""Stands in the header of a compiled catalogue, so that the same texts compile to the same file."""

COMMENT = "# The texts of the pages. `make translations` writes it, and keeps what is translated."


def extracted() -> Catalog:
    """Return the texts that the source holds, each with the files that it is in."""
    found = Catalog(charset="utf-8")
    for file, _, text, comments, context in extract_from_dir(
        WEB, METHODS, OPTIONS, KEYWORDS, comment_tags=("Translators:",)
    ):
        # Without lines, which would differ after every change to a file.
        found.add(text, locations=[(file, 0)], auto_comments=comments, context=context)
    for folder in ELSEWHERE:
        for file, _, text, comments, context in extract_from_dir(
            WEB.parent / folder, METHODS[:1], keywords={"N_": None}
        ):
            place = f"../{folder}/{file}"
            found.add(text, locations=[(place, 0)], auto_comments=comments, context=context)
    return found


def catalogues() -> list[Path]:
    """Return the catalogue of each language that there is."""
    return sorted(FOLDER.glob("*/LC_MESSAGES/messages.po"))


def read(path: Path) -> Catalog:
    """Return a catalogue."""
    language = path.parts[-3]
    with path.open("rb") as file:
        found = pofile.read_po(file, locale=language, domain="messages", abort_invalid=True)
    found.creation_date = found.revision_date = NO_DAY
    return found


def updated(path: Path) -> Catalog:
    """Return a catalogue brought up to date with the source, without texts that are gone."""
    catalogue = read(path)
    catalogue.update(extracted(), no_fuzzy_matching=False)
    catalogue.obsolete.clear()
    return catalogue


def as_po(catalogue: Catalog) -> bytes:
    """Return what the ``.po`` file of a catalogue holds: nothing in it depends on the day."""
    file = io.BytesIO()
    pofile.write_po(
        file, catalogue, width=WIDTH, sort_output=True, include_lineno=False, omit_header=True
    )
    header = (
        f'{COMMENT}\nmsgid ""\nmsgstr ""\n'
        f'"Language: {catalogue.locale}\\n"\n'
        f'"Content-Type: text/plain; charset=utf-8\\n"\n'
        f'"Plural-Forms: {catalogue.plural_forms}\\n"\n\n'
    )
    return header.encode() + file.getvalue()


def as_mo(catalogue: Catalog) -> bytes:
    """Return what the ``.mo`` file of a catalogue holds."""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def missing(catalogue: Catalog) -> list[str]:
    """Return the texts that are not translated, or only by a guess."""
    return [_name(message) for message in catalogue if message.id and not _is_done(message)]


def _name(message: Message) -> str:
    return str(message.id if isinstance(message.id, str) else message.id[0])


def _is_done(message: Message) -> bool:
    forms = message.string if isinstance(message.string, tuple | list) else [message.string]
    return all(forms) and not message.fuzzy


def main(*languages: str) -> int:
    """Write every catalogue anew, and begin one for each of ``languages`` that has none.

    Returns:
        How many texts are left to translate.
    """
    left = 0
    for language in languages:
        path = FOLDER / language / "LC_MESSAGES" / "messages.po"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for path in catalogues():
        path.write_bytes(as_po(updated(path)))
        catalogue = read(path)
        path.with_suffix(".mo").write_bytes(as_mo(catalogue))
        for text in missing(catalogue):
            left += 1
            sys.stdout.write(f"{path.relative_to(ROOT)}: not translated: {text}\n")
    return left


if __name__ == "__main__":
    sys.exit(1 if main(*sys.argv[1:]) else 0)
