"""What ``flask db status`` tells an operator; unlike the API, it may say where the database is."""

from __future__ import annotations

from typing import Any

from . import attach, engines
from .handle import Database
from .migrations import failure, migrator
from .problems import DatabaseProblem, pending
from .selection import NoSelection
from .target import SqliteTarget, Target


def report(database: Database) -> dict[str, Any]:
    """Return the state of the chosen database, looked up now. Changes nothing.

    Returns:
        ``configured``, ``initialized``, ``dialect``, ``location`` (without password),
        ``revision``, ``head``, ``pending`` (oldest first), ``problem`` (``code``, ``error``,
        ``cause``) and ``last_failure`` (``at``, ``revision``, ``cause``).
    """
    found: dict[str, Any] = {
        "configured": True,
        "initialized": False,
        "dialect": None,
        "location": None,
        "revision": None,
        "head": None,
        "pending": [],
        "problem": None,
        "last_failure": None,
    }
    try:
        found["head"] = database.history.head
        target = database.target()
        found |= {"dialect": target.dialect, "location": location(target)}
        _look(database, target, found)
    except NoSelection:
        found["configured"] = False
    except DatabaseProblem as problem:
        found["problem"] = {
            "code": problem.code,
            "error": problem.sentence,
            "cause": problem.cause,
        }
    return found


def _look(database: Database, target: Target, found: dict[str, Any]) -> None:
    history = database.history
    if isinstance(target, SqliteTarget) and attach.identity(target) is None:
        raise attach.file_missing()
    with engines.inspection(target) as connection:
        contents = database.schema.examine(connection)
    found["revision"] = ", ".join(sorted(contents.revisions)) or None
    migrator.refuse_unusable(contents, history)
    found["pending"] = history.pending(contents.revisions)
    found["initialized"] = not found["pending"]
    if found["pending"]:
        found["last_failure"] = failure.read(database.config.data_dir)
        raise pending()


def location(target: Target) -> str:
    """Return where a database is: its file, or host, port and name. No password."""
    """Return where a database is: the file, or host, port and name; never the password."""
    if isinstance(target, SqliteTarget):
        return str(target.path)
    keywords = target.keywords
    host, port = keywords.get("host", "(default)"), keywords.get("port", "5432")
    return f"{host}:{port}/{keywords.get('dbname', '')}"
