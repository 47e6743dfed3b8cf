"""The rows of a table, a page at a time: sorted, filtered, secrets masked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from flask import Flask

from ..database.looking import looking
from ..errors import ApiError
from . import catalogue, cells
from .filters import Filter, condition
from .owners import Declared, owners_of
from .schema import count, find
from .schema import shown as table_shown
from .tables import SORTED_AS_THEY_ARE, Column, Table

MAX_PAGES = 10_000
MAX_PER_PAGE = 200
PER_PAGE = 50


@dataclass(frozen=True)
class Wanted:
    """Which rows are wanted.

    Attributes:
        page: from 1.
        per_page: how many rows a page has.
        sort: a column; the primary key, if not given.
        order: ``asc`` or ``desc``.
        filters: what all of them must be like.
    """

    page: int = 1
    per_page: int = PER_PAGE
    sort: str | None = None
    order: Literal["asc", "desc"] = "asc"
    filters: Sequence[Filter] = ()


def page(app: Flask, engine: sa.Engine, name: str, wanted: Wanted) -> dict[str, Any]:
    """Return a page of the rows of a table, with what the table is like.

    Raises:
        ApiError: 404 ``table_unknown``; 400 ``column_unknown``, ``column_secret`` or
            ``filter_invalid``; 409 ``table_unreadable``; 422 ``inspection_timeout``.
    """
    declared = Declared(app)
    with looking(engine) as connection:
        table = find(catalogue.tables_in(connection), name)
        [owner] = owners_of(app, connection, [name]).values()
        if not table.is_readable:
            raise ApiError(
                409,
                "table_unreadable",
                "The application's database user may not read this table. Grant it SELECT there.",
            )
        asking = _Asking(table, declared, connection.dialect)
        query = asking.query(wanted)
        first = (wanted.page - 1) * wanted.per_page
        found = connection.execute(
            asking.columns_of(query).limit(wanted.per_page + 1).offset(first)
        ).all()
        total, is_exact = count(connection, query.order_by(None))
    rows = [asking.shown(row) for row in found[: wanted.per_page]]
    return {
        "table": table_shown(table, declared) | {"owner": owner._asdict()},
        "rows": rows,
        "page": wanted.page,
        "per_page": wanted.per_page,
        "has_next": len(found) > wanted.per_page and wanted.page < MAX_PAGES,
        "total": {"count": total, "kind": "exact" if is_exact else "at_least"},
    }


class _Asking:
    """Asks for rows of one table.

    Args:
        table: the table.
        declared: what is told of its columns.
        dialect: of the database.
    """

    def __init__(self, table: Table, declared: Declared, dialect: sa.Dialect) -> None:
        self._table = table
        self._dialect = dialect
        self._secrecy = {c.name: declared.secrecy(table.name, c.name) for c in table.columns}
        self._in_utc = {c.name: declared.is_in_utc(table.name, c.name) for c in table.columns}

    def query(self, wanted: Wanted) -> sa.Select[Any]:
        """Return the rows that are wanted, in their order."""
        some = sa.select(sa.literal(1).label("one")).select_from(sa.table(self._table.name))
        for each in wanted.filters:
            column = self._column(each.column)
            is_in_utc = self._in_utc[column.name]
            some = some.where(condition(column, each, self._dialect, is_in_utc=is_in_utc))
        return some.order_by(*self._order(wanted))

    def columns_of(self, query: sa.Select[Any]) -> sa.Select[Any]:
        """Return the same query, for what is shown of each row."""
        asked = [
            expression.label(f"{what}{number}")
            for number, column in enumerate(self._table.columns)
            for what, expression in zip(
                ("value", "length", "masked"),
                cells.cell(column, self._secrecy[column.name], self._dialect),
                strict=True,
            )
        ]
        return query.with_only_columns(*asked, maintain_column_froms=True)

    def shown(self, row: sa.Row[Any]) -> dict[str, Any]:
        """Return what is shown of a row."""
        values, masked, cut = {}, [], {}
        for number, column in enumerate(self._table.columns):
            value, length, is_masked = row[3 * number : 3 * number + 3]
            if is_masked:
                masked.append(column.name)
                values[column.name] = cells.MASK
                continue
            if length is not None:
                cut[column.name] = length
            values[column.name] = cells.shown(
                value, column, is_cut=length is not None, is_in_utc=self._in_utc[column.name]
            )
        return {"values": values, "masked": masked, "cut": cut}

    def _order(self, wanted: Wanted) -> list[sa.ColumnElement[Any]]:
        """Return the order: as asked for, and then by the primary key, so that pages are stable."""
        order: list[sa.ColumnElement[Any]] = []
        if wanted.sort is not None:
            column = self._column(wanted.sort)
            by: sa.ColumnElement[Any] = sa.column(column.name)
            if column.family not in SORTED_AS_THEY_ARE:
                by = sa.cast(by, sa.Text)
            order.append((by.desc() if wanted.order == "desc" else by.asc()).nulls_last())
        key: list[sa.ColumnElement[Any]] = [
            sa.column(name) for name in self._table.primary_key if name != wanted.sort
        ]
        if not self._table.primary_key:
            place = "rowid" if self._dialect.name == "sqlite" else "ctid"
            key = [sa.literal_column(place)]
        return [*order, *key]

    def _column(self, name: str) -> Column:
        """Return the column of this name, by which rows may be told apart."""
        column = self._table.column(name)
        if column is None:
            raise ApiError(
                400,
                "column_unknown",
                f"The table {self._table.name!r} has no such column.",
                {"columns": [column.name for column in self._table.columns]},
            )
        if self._secrecy[name]:
            raise ApiError(
                400,
                "column_secret",
                f"The column {name!r} holds secrets: rows are neither sorted nor filtered by it.",
                {"column": name},
            )
        return column
