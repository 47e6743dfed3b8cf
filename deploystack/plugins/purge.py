"""Removing what a plugin has in the database, once somebody asks for it by its name."""

from __future__ import annotations

import sqlalchemy as sa

from ..database import Database, engines
from ..database.migrations import migrator
from ..errors import ApiError
from ..settings.removal import remove_settings, settings_of
from . import ledger
from .plugin import version_table
from .rules import NAME, is_reserved


def contents(database: Database, name: str) -> dict[str, int]:
    """Return what the plugin ``name`` has, installed or not: its settings, and rows by table.

    Raises:
        ApiError: 404 ``plugin_unknown``, there are none, or there can be none.
        NoSelection: no database is chosen.
        DatabaseProblem: it cannot be read.
    """
    if not NAME.fullmatch(name) or is_reserved(name):
        raise _nothing(name)
    with engines.inspection(database.target()) as connection:
        found = _count(connection, name)
        if database.schema.is_current(connection) and settings_of(connection, name):
            found["global_settings"] = len(settings_of(connection, name))
        if not found and name not in ledger.read(connection, _tables(connection)):
            raise _nothing(name)
        return found


def purge(database: Database, name: str) -> None:
    """Drop the tables and the settings of the plugin ``name``, in one transaction."""
    with engines.migration(database.target()) as connection:
        if database.schema.is_current(connection):
            remove_settings(connection, name)
        migrator.drop(connection, _count(connection, name))
        if ledger.LEDGER.name in _tables(connection):
            ledger.remove(connection, [name])


def _tables(connection: sa.Connection) -> set[str]:
    return set(sa.inspect(connection).get_table_names())


def _count(connection: sa.Connection, name: str) -> dict[str, int]:
    own = [
        table
        for table in sorted(_tables(connection))
        if table.startswith(f"{name}_") or table == version_table(name)
    ]
    return {
        table: connection.scalar(sa.select(sa.func.count()).select_from(sa.table(table))) or 0
        for table in own
    }


def _nothing(name: str) -> ApiError:
    return ApiError(
        404,
        "plugin_unknown",
        f"The database holds nothing of a plugin {name!r}. `flask plugins list` shows all there "
        "are.",
    )
