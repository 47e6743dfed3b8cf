"""What the API's errors are called in the languages of the pages.

The API answers an English sentence with a code. In English that sentence is shown, which is often
more exact; in another language the one for its code, from ``sentence_tables.py``. One that is
missing is shown in English: better than nothing. What is wrong with one field, which the API says
in the words of its library, is in the words of the pages in English, too.
"""

from __future__ import annotations

from ..errors import ApiError
from .language import current_language, gettext, has_translation
from .sentence_tables import ALL, FIELDS, GROUPS, OWN


def localised(error: ApiError) -> str:
    """Return the sentence of an error in the language of the request."""
    return sentence(error.code, error.sentence)


def sentence(code: str, english: str) -> str:
    """Return the sentence for a code in the language of the request.

    Args:
        code: the code; for a field, what is said of it.
        english: what the API says.
    """
    if english in FIELDS:
        return gettext(FIELDS[english])
    known = ALL.get(english) or ALL.get(code)
    if current_language() == "en" or known is None or not has_translation(known):
        return english
    return gettext(known)


def sentences(*groups: str) -> dict[str, str]:
    """Return the sentences of some groups, for scripts; in English most are the API's."""
    own = {code: gettext(text) for code, text in (OWN | FIELDS).items()}
    if current_language() == "en":
        return own
    table = {code: text for name in groups for code, text in GROUPS[name].items()}
    return own | {code: gettext(text) for code, text in table.items() if has_translation(text)}
