"""The revisions that the database has, with when and how long; and those that it lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from flask import Flask

from ..database import get_database
from ..database.looking import looking
from ..database.migrations import migrator
from ..database.migrations.history import History
from ..database.migrations.revision_log import SchemaRevision
from ..database.problems import DatabaseProblem
from ..plugins.plugin import MARKER
from ..plugins.service import get_service
from ..settings.wire import moment

Log = Mapping[tuple[str, str], sa.Row[Any]]
"""When each revision of each history was last applied."""


def revisions(app: Flask, engine: sa.Engine) -> list[dict[str, Any]]:
    """Return each history of revisions: the core's first, then those of plugins, by name.

    Of a plugin that is not installed nothing is known but where it is.

    Raises:
        ApiError: 422 ``inspection_timeout``.
    """
    with looking(engine) as connection:
        log = _log(connection)
        known = [get_database(app).history, *_of_plugins(app)]
        found = [_told(connection, history, log) for history in known]
        names = {history.version_table for history in known}
        for table in sorted(sa.inspect(connection).get_table_names()):
            if table.startswith(MARKER) and table not in names:
                found.append(_absent(connection, table, log))
    return found


def pending(app: Flask, engine: sa.Engine) -> dict[str, list[str]]:
    """Return the revisions that the database lacks, by the name of their history."""
    return {
        told["name"]: [revision["revision"] for revision in told["pending"]]
        for told in revisions(app, engine)
        if told["pending"]
    }


def _of_plugins(app: Flask) -> list[History]:
    return [plugin.history for plugin in get_service(app).plugins.loaded if plugin.history]


def _log(connection: sa.Connection) -> Log:
    table = SchemaRevision
    query = (
        sa.select(table.history, table.revision, table.applied_at, table.duration_ms)
        .where(table.direction == "upgrade")
        .order_by(table.id)
    )
    rows: list[sa.Row[Any]] = list(connection.execute(query))
    return {(row.history, row.revision): row for row in rows}


def _told(connection: sa.Connection, history: History, log: Log) -> dict[str, Any]:
    current = migrator.current(connection, history)
    told: dict[str, Any] = {
        "name": history.name,
        "kind": "core" if history.name == "core" else "plugin",
        "is_installed": True,
        "current": sorted(current),
        "head": None,
        "applied": [],
        "pending": [],
        "problem": None,
    }
    try:
        applied = [*history.applied(current & history.parents.keys())]
        unknown = sorted(current - history.parents.keys())
        told["applied"] = [_applied(history, log, each) for each in [*applied, *unknown]]
        told["head"] = history.head
        told["pending"] = [
            {"revision": each, "title": history.titles.get(each, "")}
            for each in history.pending(current)
        ]
    except DatabaseProblem as problem:  # its files cannot be read, or branch
        told["problem"] = {"code": problem.code, "error": problem.sentence}
    return told


def _applied(history: History, log: Log, revision: str) -> dict[str, Any]:
    return _entry(log, history.name, revision, history.titles.get(revision, ""))


def _entry(log: Log, name: str, revision: str, title: str) -> dict[str, Any]:
    row = log.get((name, revision))
    return {
        "revision": revision,
        "title": title,
        "applied_at": moment(row.applied_at) if row else None,
        "duration_ms": row.duration_ms if row else None,
    }


def _absent(connection: sa.Connection, table: str, log: Log) -> dict[str, Any]:
    name = table.removeprefix(MARKER)
    version = sa.table(table, sa.column("version_num"))
    current = sorted(connection.scalars(sa.select(version.c.version_num)))
    logged = [revision for history, revision in log if history == name]
    applied = [*logged, *(each for each in current if each not in logged)]
    return {
        "name": name,
        "kind": "plugin",
        "is_installed": False,
        "current": current,
        "head": None,
        "applied": [_entry(log, name, revision, "") for revision in applied],
        "pending": [],
        "problem": None,
    }
