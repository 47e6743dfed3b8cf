"""The tables of a plugin as a site has them: what its first revision has to make.

A plugin that began with tables alone has no revision that says what they were. When its first one
is generated while its tables have changed already, the database that is in use still knows.
"""

from __future__ import annotations

from contextlib import suppress

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.sql.elements import conv

from ..database import engines, get_database
from ..database.problems import DatabaseProblem
from ..database.selection import NoSelection
from .initial import differences
from .plugin import Plugin


def baseline(app: Flask, plugin: Plugin) -> sa.MetaData | None:
    """Return the tables of ``plugin`` in the database in use, if they are not as it declares them.

    ``None``: they are, or there are none, or there is no database to look into.
    """
    with (
        suppress(NoSelection, DatabaseProblem),
        engines.inspection(get_database(app).target()) as connection,
    ):
        present = [
            name
            for name in sa.inspect(connection).get_table_names()
            if name.startswith(plugin.prefix)
        ]
        declared = plugin.declared()
        known = [declared.tables[name] for name in present if name in declared.tables]
        is_same = len(known) == len(present) == len(plugin.tables)
        if not present or (is_same and not differences(connection, declared, known)):
            return None
        return _read(connection, present, declared)
    return None


def _read(connection: sa.Connection, names: list[str], declared: sa.MetaData) -> sa.MetaData:
    found = sa.MetaData()  # without a naming convention: what is read has its names
    for name in names:
        table = sa.Table(name, found, autoload_with=connection)
        for constraint in table.constraints:
            if isinstance(constraint.name, str):  # the whole name: nothing is to be put before it
                constraint.name = conv(constraint.name)
        for column in table.columns:
            wanted = declared.tables[name].columns.get(column.name) if name in declared else None
            if wanted is not None and _same_type(wanted, column, connection.dialect):
                # As it was declared, which is the same on every database.
                column.type = wanted.type
                column.server_default = wanted.server_default
                column.autoincrement = wanted.autoincrement
            elif str(getattr(column.server_default, "arg", "")).startswith("nextval("):
                column.server_default = None
    return found


def _same_type(one: sa.Column[object], other: sa.Column[object], dialect: sa.Dialect) -> bool:
    return one.type.compile(dialect) == other.type.compile(dialect)
