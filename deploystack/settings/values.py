"""The types of settings: how a value is written as text, read back, and refused."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

MAX_CHARACTERS = 64 * 1024
"""How long a value may be, written as text."""

MAX_DIGITS = 100
"""How many digits a whole number may have."""

MAX_DEPTH = 64
"""How many lists and objects may be within each other."""

# RFC 5322's dot-atom, with RFC 6531's letters before the @; quoted names and literals are not used.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"{_ATOM}(\.{_ATOM})*@{_LABEL}(\.{_LABEL})*")
_INTEGER = re.compile(rf"[+-]?[0-9]{{1,{MAX_DIGITS}}}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


class Kind(NamedTuple):
    """A type.

    Attributes:
        parse: returns the value that a text stands for; ``ValueError`` if it stands for none.
        write: returns a value as text; ``ValueError`` if it is not of this type.
    """

    parse: Callable[[str], Any]
    write: Callable[[Any], str]


def parse(kind: str, text: str) -> Any:
    """Return the value of type ``kind`` that ``text`` stands for.

    Raises:
        ValueError: with a sentence for a person.
    """
    return KINDS[kind].parse(text)


def write(kind: str, value: Any) -> str:
    """Return a value of type ``kind`` as the text in which it is kept, and sent as ``value``.

    Raises:
        ValueError: it is no such value, or too long; with a sentence for a person.
    """
    text = KINDS[kind].write(value)
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"A value has at most {MAX_CHARACTERS} characters.")
    if "\0" in text:
        raise ValueError("A value has no NUL characters.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("The value is not valid Unicode.") from None
    return text


def accept(kind: str, value: Any) -> str:
    """Do the same for what comes from outside: a text may stand for the value.

    ``"false"`` is a boolean and ``"[1]"`` a list, as they are where ``value`` is always a text.
    """
    if isinstance(value, str) and kind not in TEXTS:
        if len(value) > MAX_CHARACTERS:
            raise ValueError(f"A value has at most {MAX_CHARACTERS} characters.")
        value = parse(kind, value)
    return write(kind, value)


def is_empty(value: Any) -> bool:
    """Return whether nothing is set: what needs the setting cannot work with this value."""
    return value is None or value == "" or value in ([], {})


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("It must be a text.")
    return value


def _write_url(value: Any) -> str:
    text = _string(value)
    if not text:
        return text
    try:
        parts = urlsplit(text)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url or not text.isprintable() or " " in text:
        raise ValueError("It must be a URL that begins with http:// or https://.")
    return text


def _write_email(value: Any) -> str:
    text = _string(value)
    is_email = _EMAIL.fullmatch(text) and len(text) <= 254 and text.index("@") <= 64
    if text and not (is_email and text.isprintable() and " " not in text):
        raise ValueError("It must be an e-mail address, such as name@example.org.")
    return text


def _parse_boolean(text: str) -> bool:
    match text.strip().lower():
        case "true" | "1" | "yes" | "on" | "enabled":
            return True
        case "false" | "0" | "no" | "off" | "disabled":
            return False
    raise ValueError("It must be true or false.")


def _write_boolean(value: Any) -> str:
    if not isinstance(value, bool):
        raise ValueError("It must be true or false.")
    return "true" if value else "false"


def _parse_integer(text: str) -> int:
    if not _INTEGER.fullmatch(text.strip()):
        raise ValueError(f"It must be a whole number of at most {MAX_DIGITS} digits.")
    return int(text)


def _write_integer(value: Any) -> str:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    if not is_integer or abs(value) >= 10**MAX_DIGITS:
        raise ValueError(f"It must be a whole number of at most {MAX_DIGITS} digits.")
    return str(int(value))


def _parse_number(text: str) -> int | float:
    text = text.strip()
    if _INTEGER.fullmatch(text):
        return int(text)
    if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise ValueError("It must be a number.")
    return float(text)


def _write_number(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return _write_integer(value)
    if not isinstance(value, float) or not math.isfinite(value):
        raise ValueError("It must be a number.")
    return float.__repr__(value)


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ValueError("It must be JSON.") from None


def _write_json(value: Any) -> str:
    _check_json(value, MAX_DEPTH)
    try:
        return json.dumps(value, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError):
        raise ValueError("It must be JSON.") from None


def _check_json(value: Any, depth: int) -> None:
    """Refuse what would be read back as something else, or not at all."""
    if depth < 0:
        raise ValueError(f"It may have at most {MAX_DEPTH} lists and objects within each other.")
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise ValueError("It must be JSON: the names in an object are texts.")
        for item in value.values():
            _check_json(item, depth - 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_json(item, depth - 1)
    elif isinstance(value, int) and abs(value) >= 10**MAX_DIGITS:
        raise ValueError(f"It may have whole numbers of at most {MAX_DIGITS} digits.")


def _parse_list(text: str) -> list[Any]:
    value = _parse_json(text)
    if not isinstance(value, list):
        raise ValueError("It must be a list, such as [1, 2].")
    return value


def _write_list(value: Any) -> str:
    if not isinstance(value, list | tuple):
        raise ValueError("It must be a list, such as [1, 2].")
    return _write_json(list(value))


def _refuse(name: str) -> None:
    raise ValueError(name)


TEXTS = frozenset({"string", "url", "email"})

KINDS = {
    "string": Kind(str, _string),
    "number": Kind(_parse_number, _write_number),
    "boolean": Kind(_parse_boolean, _write_boolean),
    "integer": Kind(_parse_integer, _write_integer),
    "url": Kind(str, _write_url),
    "email": Kind(str, _write_email),
    "json": Kind(_parse_json, _write_json),
    "list": Kind(_parse_list, _write_list),
}
"""Each type by its name."""
