"""One value of one row, as JSON has it: long ones cut, secret ones never read."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from .tables import Column

MASK = "********"
"""Shown in place of a secret."""

MAX_CHARACTERS = 400
"""How much of a long value is shown."""

_NATIVE = frozenset({"boolean", "integer"})


class Cell(NamedTuple):
    """What is asked of the database for one column.

    Attributes:
        value: the value, cut; or the mask.
        length: how long it is, where it is cut.
        masked: whether it is secret.
    """

    value: sa.ColumnElement[Any]
    length: sa.ColumnElement[Any]
    masked: sa.ColumnElement[Any]


def cell(column: Column, secrecy: bool | str, dialect: sa.Dialect) -> Cell:
    """Return what is to be asked for ``column``.

    Args:
        column: the column.
        secrecy: whether it is secret, or in which column that is told.
        dialect: of the database.
    """
    raw: sa.ColumnElement[Any] = sa.column(column.name)
    if secrecy is True:
        nothing = sa.null()
        return Cell(sa.case((raw.is_not(None), MASK)), nothing, raw.is_not(None))
    value, length = _in_sqlite(raw) if dialect.name == "sqlite" else _in_postgres(raw, column)
    if secrecy is False:
        return Cell(value, length, sa.false())
    is_secret = sa.and_(
        raw.is_not(None), sa.func.coalesce(sa.column(secrecy, sa.Boolean), sa.true())
    )
    return Cell(
        sa.case((is_secret, MASK), else_=value),
        sa.case((is_secret, None), else_=length),
        is_secret,
    )


def _in_sqlite(
    raw: sa.ColumnElement[Any],
) -> tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]]:
    # A column may hold values of any type, whatever its own is.
    can_be_long = sa.func.typeof(raw).in_(
        [sa.literal_column("'text'"), sa.literal_column("'blob'")]
    )
    length = sa.func.length(raw)
    return (
        sa.case((can_be_long, sa.func.substr(raw, 1, MAX_CHARACTERS)), else_=raw),
        sa.case((sa.and_(can_be_long, length > MAX_CHARACTERS), length)),
    )


def _in_postgres(
    raw: sa.ColumnElement[Any], column: Column
) -> tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]]:
    if column.family in _NATIVE:
        return raw, sa.null()
    text = raw if column.family == "bytes" else sa.cast(raw, sa.Text)
    length = sa.func.octet_length(raw) if column.family == "bytes" else sa.func.length(text)
    cut = sa.func.substr(text, 1, MAX_CHARACTERS)
    return cut, sa.case((length > MAX_CHARACTERS, length))


def shown(value: Any, column: Column, *, is_cut: bool, is_in_utc: bool) -> Any:
    """Return what the database has answered for a value, as JSON has it.

    Args:
        value: the answer.
        column: of which column.
        is_cut: whether there is more of it.
        is_in_utc: whether a time without a time zone is UTC.
    """
    match value:
        case None | bool():
            return value
        case bytes() | memoryview():
            return "\\x" + bytes(value).hex()
        case int():
            return bool(value) if column.family == "boolean" and value in {0, 1} else value
        case float():
            return value if math.isfinite(value) else repr(value)
    text = str(value)
    if column.family == "moment":
        return _moment(text, is_in_utc=is_in_utc)
    if column.family == "number" and not is_cut:
        return _number(text)
    if column.family == "json" and not is_cut:
        try:
            return json.loads(text, parse_constant=str)
        except (ValueError, RecursionError):
            return text
    return text


def _moment(text: str, *, is_in_utc: bool) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:  # infinity, or before our era
        return text
    if moment.tzinfo is None and is_in_utc:
        moment = moment.replace(tzinfo=UTC)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return moment.isoformat().replace("+00:00", "Z")


def _number(text: str) -> float | str:
    """Return a number if JSON's is exactly this one, and else the text."""
    try:
        number = float(text)
    except ValueError:
        return text
    return number if repr(number) == text else text
