"""Which rows are wanted: a column, an operator and a text, made into a condition.

The names of columns are those that the database has told; what somebody typed is only ever a value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from ..errors import ApiError
from .tables import Column

OPERATORS = ("is", "is_not", "contains", "begins", "less", "greater", "empty", "not_empty")
"""What a column can be asked."""

WITHOUT_VALUE = frozenset({"empty", "not_empty"})

_INTEGERS = 1 << 63
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class Filter(NamedTuple):
    """One condition.

    Attributes:
        column: which column.
        operator: one of :data:`OPERATORS`.
        value: what it is compared with, as it was typed.
    """

    column: str
    operator: str
    value: str


def condition(
    column: Column, wanted: Filter, dialect: sa.Dialect, *, is_in_utc: bool
) -> sa.ColumnElement[bool]:
    """Return ``wanted`` as a condition on ``column``.

    Args:
        column: the column that it names.
        wanted: the condition.
        dialect: of the database.
        is_in_utc: whether the times in the column are UTC though they have no time zone.

    Raises:
        ApiError: 400 ``filter_invalid``, the column has no such values.
    """
    found: sa.ColumnElement[Any] = sa.column(column.name)
    match wanted.operator:
        case "empty":
            return found.is_(None)
        case "not_empty":
            return found.is_not(None)
        case "contains" | "begins":
            if column.family == "bytes":
                raise _invalid(wanted, "Bytes can only be compared as a whole.")
            text = sa.cast(found, sa.Text)
            look = text.icontains if wanted.operator == "contains" else text.istartswith
            return look(_text(wanted), autoescape=True)
    value: Any
    if column.family in {"text", "other", "json"}:
        value = sa.literal(_text(wanted), sa.Text)
        if column.family != "text":
            found = sa.cast(found, sa.Text)
    else:
        parsed = _parse(column, wanted)
        value = _bound(parsed, column, dialect, is_in_utc=is_in_utc)
    compared: dict[str, Callable[[], sa.ColumnElement[bool]]] = {
        "is": lambda: found == value,
        "is_not": lambda: sa.or_(found != value, found.is_(None)),
        "less": lambda: found < value,
        "greater": lambda: found > value,
    }
    return compared[wanted.operator]()


def _text(wanted: Filter) -> str:
    if "\0" in wanted.value:
        raise _invalid(wanted, "Leave out the NUL character.")
    return wanted.value


def _parse(column: Column, wanted: Filter) -> Any:
    text = wanted.value.strip()
    parsers: dict[str, tuple[Callable[[str], Any], str]] = {
        "boolean": (lambda text: _BOOLEANS[text.lower()], "Give true or false."),
        "integer": (_integer, "Give a whole number."),
        "number": (_number, "Give a number, such as 12.5."),
        "moment": (datetime.fromisoformat, "Give a time, such as 2026-11-25 18:30:00."),
        "date": (date.fromisoformat, "Give a date, such as 2026-11-25."),
        "bytes": (_bytes, "Give bytes in hexadecimal digits, such as 00ff."),
    }
    parse, sentence = parsers[column.family]
    try:
        return parse(text)
    except (ValueError, KeyError, OverflowError):
        raise _invalid(wanted, sentence) from None


def _integer(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,19}", text) or not -_INTEGERS <= int(text) < _INTEGERS:
        raise ValueError(text)
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("\\x"))


def _bound(value: Any, column: Column, dialect: sa.Dialect, *, is_in_utc: bool) -> Any:
    """Return a value as the database keeps it, to be compared there."""
    is_sqlite = dialect.name == "sqlite"
    if isinstance(value, datetime):
        if is_sqlite:
            if is_in_utc and value.tzinfo:
                value = value.astimezone(UTC)
            return sa.literal(value.strftime("%Y-%m-%d %H:%M:%S.%f"), sa.Text)
        if "with time zone" in column.type:
            value = value if value.tzinfo else value.replace(tzinfo=UTC)
            return sa.literal(value, sa.DateTime(timezone=True))
        return sa.literal(value.replace(tzinfo=None), sa.DateTime)
    if isinstance(value, date):
        return sa.literal(value.isoformat(), sa.Text) if is_sqlite else sa.literal(value, sa.Date)
    if isinstance(value, float) and not is_sqlite:
        # Compared as PostgreSQL's numeric, which 0.1 is exactly.
        return sa.cast(sa.literal(repr(value), sa.Text), sa.Numeric)
    return sa.literal(value)


def _invalid(wanted: Filter, sentence: str) -> ApiError:
    return ApiError(
        400,
        "filter_invalid",
        f"The column {wanted.column!r} cannot be compared with that. {sentence}",
        {"column": wanted.column, "operator": wanted.operator},
    )
