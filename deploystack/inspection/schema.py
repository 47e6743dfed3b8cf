"""The schema as a person wants to see it: tables by their owner, and how many rows they have."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa
from flask import Flask

from ..database.looking import INSPECT_SECONDS, looking, took_too_long
from ..errors import ApiError
from ..plugins.service import get_service
from . import catalogue
from .owners import CORE, OTHER, VERSIONS, Declared, Owner, owners_of
from .tables import Column, Table

COUNTED = 100_000
"""Up to how many rows are counted; of more, the server's estimate is told."""

_ORDER = ("core", "plugin", "versions", "other")


def schema(app: Flask, engine: sa.Engine) -> dict[str, Any]:
    """Return every table, by owner, with its columns, keys, indexes and number of rows.

    Raises:
        ApiError: 422 ``inspection_timeout``.
    """
    with looking(engine) as connection:
        tables = catalogue.tables_in(connection)
        owners = owners_of(app, connection, [table.name for table in tables])
        ends = time.monotonic() + INSPECT_SECONDS / 2
        rows = {table.name: _rows(connection, table, ends) for table in tables}
    declared = Declared(app)
    by_owner: dict[Owner, list[dict[str, Any]]] = {CORE: [], VERSIONS: []}
    for table in tables:
        owner = owners[table.name]
        by_owner.setdefault(owner, []).append(shown(table, declared) | {"rows": rows[table.name]})
    ordered = sorted(by_owner, key=lambda owner: (_ORDER.index(owner.kind), owner.name))
    installed = {plugin.name for plugin in get_service(app).plugins.all}
    return {
        "dialect": "postgres" if engine.dialect.name == "postgresql" else "sqlite",
        "owners": [
            {
                "kind": owner.kind,
                "name": owner.name,
                "is_installed": owner.kind != "plugin" or owner.name in installed,
                "tables": by_owner[owner],
            }
            for owner in ordered
            if by_owner[owner] or owner != OTHER
        ],
    }


def find(tables: Sequence[Table], name: str) -> Table:
    """Return the table of this name.

    Raises:
        ApiError: 404 ``table_unknown``.
    """
    for table in tables:
        if table.name == name:
            return table
    raise ApiError(
        404, "table_unknown", "The database has no table of this name. It may have been removed."
    )


def shown(table: Table, declared: Declared) -> dict[str, Any]:
    """Return what is told of a table, without its rows."""
    return {
        "name": table.name,
        "columns": [_column_shown(table, column, declared) for column in table.columns],
        "primary_key": table.primary_key,
        "foreign_keys": [asdict(key) for key in table.foreign_keys],
        "unique": [
            {"name": index.name, "columns": index.columns}
            for index in table.indexes
            if index.is_constraint
        ],
        "indexes": [
            {
                "name": index.name,
                "columns": index.columns,
                "unique": index.is_unique,
                "condition": index.condition,
            }
            for index in table.indexes
            if not index.is_constraint
        ],
        "readable": table.is_readable,
        "bytes": table.bytes,
    }


def _column_shown(table: Table, column: Column, declared: Declared) -> dict[str, Any]:
    secrecy = declared.secrecy(table.name, column.name)
    return {
        "name": column.name,
        "type": column.type,
        "nullable": column.is_nullable,
        "default": column.default,
        "primary_key": bool(column.key),
        "secret": bool(secrecy),
        "secret_where": secrecy if isinstance(secrecy, str) else None,
    }


def count(connection: sa.Connection, some: sa.Select[Any]) -> tuple[int, bool]:
    """Return how many rows a query has, at most ``COUNTED``, and whether that is all of them."""
    query = sa.select(sa.func.count()).select_from(some.limit(COUNTED + 1).subquery())
    found = connection.scalar(query) or 0
    return min(found, COUNTED), found <= COUNTED


def _rows(connection: sa.Connection, table: Table, ends: float) -> dict[str, Any]:
    """Return how many rows a table has, and how well that is known."""
    estimate = {
        "count": table.estimate,
        "kind": "unknown" if table.estimate is None else "estimate",
    }
    if not table.is_readable or time.monotonic() > ends:
        return estimate
    savepoint = connection.begin_nested()
    try:
        some = sa.select(sa.literal(1).label("one")).select_from(sa.table(table.name))
        found, is_all = count(connection, some)
    except sa.exc.DBAPIError as error:  # such as a table that somebody else is changing
        if not took_too_long(error) or connection.dialect.name == "sqlite":
            raise
        savepoint.rollback()
        return estimate
    savepoint.commit()
    if is_all:
        return {"count": found, "kind": "exact"}
    if table.estimate and table.estimate > found:
        return estimate
    return {"count": found, "kind": "at_least"}
