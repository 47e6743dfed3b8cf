"""Whose a table is: the core's, a plugin's, or nobody's that we know; and what its models say."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple

import sqlalchemy as sa
from flask import Flask

from ..database import get_database
from ..database.binding import Model
from ..database.migrations.revision_log import SchemaRevision
from ..database.secrecy import secrecy, sounds_secret
from ..plugins.ledger import LEDGER
from ..plugins.plugin import MARKER
from ..plugins.service import get_service

Kind = Literal["core", "plugin", "versions", "other"]


class Owner(NamedTuple):
    """Who has a table.

    Attributes:
        kind: ``core``, ``plugin``, ``versions`` (what tells how far the schema is) or ``other``.
        name: of the plugin; else the same as ``kind``.
    """

    kind: Kind
    name: str


CORE = Owner("core", "core")
VERSIONS = Owner("versions", "versions")
OTHER = Owner("other", "other")


def owners_of(app: Flask, connection: sa.Connection, tables: Collection[str]) -> dict[str, Owner]:
    """Return the owner of each table. A plugin's stay its own when it is uninstalled."""
    plugins = get_service(app).upkeep.plugin_of(connection, set(tables))
    version_table = get_database(app).history.version_table
    found = {}
    for table in tables:
        is_marker = table.startswith(MARKER) and table in plugins
        if is_marker or table in {version_table, SchemaRevision.__tablename__, LEDGER.name}:
            found[table] = VERSIONS
        elif table in Model.metadata.tables:
            found[table] = CORE
        else:
            found[table] = Owner("plugin", plugins[table]) if table in plugins else OTHER
    return found


class Declared:
    """What the models of an application say of their columns.

    Args:
        app: the application.
    """

    def __init__(self, app: Flask) -> None:
        self._core = Model.metadata.tables
        loaded = get_service(app).plugins.loaded
        self._plugins = {table.name: table for plugin in loaded for table in plugin.tables}

    def secrecy(self, table: str, column: str) -> bool | str:
        """Return whether the values of a column are secret, or in which column that is told."""
        declared = self._column(table, column)
        told = secrecy(declared.info) if declared is not None else None
        if told is not None:
            return told
        return table not in self._core and sounds_secret(column)

    def is_in_utc(self, table: str, column: str) -> bool:
        """Return whether the times in a column are UTC, though the database does not say so."""
        declared = self._column(table, column)
        kind = declared.type if declared is not None else None
        if isinstance(kind, sa.types.TypeDecorator):
            kind = kind.impl_instance
        return isinstance(kind, sa.DateTime) and kind.timezone

    def _column(self, table: str, column: str) -> sa.Column[object] | None:
        found = self._core.get(table)
        found = found if found is not None else self._plugins.get(table)
        return found.columns.get(column) if found is not None else None
