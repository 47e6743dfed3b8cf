"""Looking at a database before it is used: can it be, and what would setup do? Changes nothing."""

from __future__ import annotations

import os
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from . import engines
from .migrations import migrator
from .migrations.migrator import Contents
from .migrations.schema import Schema
from .postgres import preflight
from .problems import DatabaseProblem
from .target import Dialect, PostgresTarget, SqliteTarget, Target

if TYPE_CHECKING:
    import psycopg2.extensions

PREFLIGHT_SECONDS = 10.0
"""How long a server may take, in all, to be looked at."""


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        dialect: the kind of database.
        server_version: such as ``16.4``.
        contents: what is in it.
        action: what setup would do: ``create`` the schema, ``upgrade`` an older one of ours, or
            ``adopt`` one that is up to date.
    """

    dialect: Dialect
    server_version: str
    contents: Contents
    action: Literal["create", "upgrade", "adopt"]


def check(target: Target, schema: Schema) -> Report:
    """Return what is in ``target``.

    Raises:
        DatabaseProblem: it cannot be used; the sentence says what mends it.
    """
    if isinstance(target, PostgresTarget):
        version, contents = _look_at_server(target, schema)
    else:
        version, contents = sqlite3.sqlite_version, _look_at_file(target, schema)
    migrator.refuse_unusable(contents, schema.history)
    if contents.kind == "empty":
        return Report(target.dialect, version, contents, "create")
    action: Literal["upgrade", "adopt"] = (
        "upgrade" if schema.history.pending(contents.revisions) else "adopt"
    )
    return Report(target.dialect, version, contents, action)


def _look_at_server(target: PostgresTarget, schema: Schema) -> tuple[str, Contents]:
    ends = time.monotonic() + PREFLIGHT_SECONDS
    with (
        engines.inspection(target) as connection,
        engines.bounded(connection, ends - time.monotonic()),
    ):
        facts = preflight.examine(
            cast("psycopg2.extensions.connection", connection.connection.driver_connection)
        )
        preflight.check(facts)
        return facts.version, schema.examine(connection)


def _look_at_file(target: SqliteTarget, schema: Schema) -> Contents:
    path = target.path
    # Not exists(): a link to nothing is something in the way, not a place to make a file.
    if not os.path.lexists(path):
        _refuse_unwritable(target)
        return Contents("empty")
    if not path.is_file():
        raise DatabaseProblem(
            "db_not_a_database",
            "There is something else where the database file belongs. Move it away, then try "
            "again.",
        )
    with engines.inspection(target) as connection:
        return schema.examine(connection)


def _refuse_unwritable(target: SqliteTarget) -> None:
    folder = target.path.parent
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise DatabaseProblem(
            "db_no_permission",
            "The data folder cannot be written. Give this process the right to write it.",
        )
