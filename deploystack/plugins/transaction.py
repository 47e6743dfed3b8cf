"""The transaction that plugins share with the core: none of them may end it.

What a plugin does is kept apart by a savepoint. Where it has got at the transaction itself, or its
time was up, there is no telling what is left of it. Then the connection is given up, and everything
is done again without that plugin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from ..database import driver_errors
from ..database.problems import DatabaseProblem
from .failure import PluginError

_START = r"(?:\s|/\*.*?\*/|--[^\n]*\n)*"  # white space and comments
_ENDS = re.compile(
    _START + r"(commit|end|abort|begin|start\s+transaction|rollback(?!\s+to))\b", re.I | re.S
)
_CHANGES_TABLES = re.compile(_START + r"(alter|create|drop|truncate)\b", re.I | re.S)
_CHANGES_ROWS = re.compile(r"\b(delete|update|replace)\b", re.I)
_INSERTS = re.compile(r"\binsert\s+(?:or\s+\w+\s+)?into\s+\W?(\w+)", re.I)

# A server that is restarted ends every connection: that is not the plugin's doing.
_OF_THE_SERVER = {"db_shutting_down", "db_starting_up"}


@contextmanager
def guarding(connection: sa.Connection) -> Iterator[None]:
    """Refuse whatever would end the transaction of ``connection``, for a ``with`` block."""
    listeners: list[tuple[str, Any]] = [
        ("commit", _refuse),
        ("rollback", _refuse),
        ("before_cursor_execute", _refuse_statement),
    ]
    for event, listener in listeners:
        sa.event.listen(connection, event, listener)
    try:
        yield
    finally:
        for event, listener in listeners:
            sa.event.remove(connection, event, listener)


def _refuse(*_: Any) -> None:
    raise PluginError(
        "plugin_seed_failed",
        "It may not commit, roll back or begin a transaction: what it does is committed with "
        "everything else. Correct its seed.",
    )


def _refuse_statement(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    if _ENDS.match(statement):
        _refuse()


class Watched:
    """What a seed does to a database, statement by statement.

    Args:
        connection: the one it works on.
        prefix: what the names of the plugin's own tables begin with.

    Attributes:
        reaches_out: whether it may have changed what rows of others refer to.
    """

    def __init__(self, connection: sa.Connection, prefix: str) -> None:
        self._connection = connection
        self._prefix = prefix
        self.reaches_out = False

    @contextmanager
    def seeding(self) -> Iterator[None]:
        """Watch for a ``with`` block; tables are not a seed's to change."""
        sa.event.listen(self._connection, "before_cursor_execute", self._look)
        raw: Any = self._connection.connection.driver_connection
        if self._connection.dialect.name == "sqlite":  # also what goes past SQLAlchemy
            raw.watcher = lambda statement: self._look(None, None, statement)
        try:
            yield
        finally:
            if self._connection.dialect.name == "sqlite":
                raw.watcher = str
            sa.event.remove(self._connection, "before_cursor_execute", self._look)

    def _look(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if _CHANGES_TABLES.match(statement):
            raise PluginError(
                "plugin_seed_failed",
                "A seed adds rows. Tables are declared in deploystack_tables, or changed by a "
                "revision. Correct it.",
            )
        others = [t for t in _INSERTS.findall(statement) if not t.startswith(self._prefix)]
        if others or _CHANGES_ROWS.search(statement):
            self.reaches_out = True


def roll_back(savepoint: sa.NestedTransaction, connection: sa.Connection) -> bool:
    """Take back what was done since ``savepoint``; return whether the connection is sound."""
    try:
        savepoint.rollback()
        connection.exec_driver_sql("SELECT 1")
    except Exception:  # noqa: BLE001  # whatever it is, this connection is of no use any more
        return False
    return not connection.invalidated


def refuse_fault_of_database(error: BaseException, suspects: set[str], name: str) -> None:
    """Raise if it was the database that failed, and not the plugin.

    A connection that the server has ended is its fault once; a plugin that makes it end each one
    is to blame.

    Raises:
        DatabaseProblem: it is being shut down, or starts.
    """
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, sa.exc.DBAPIError):
            problem: DatabaseProblem = driver_errors.problem_of(found)
            is_lost = found.connection_invalidated and isinstance(found, sa.exc.OperationalError)
            if (is_lost or problem.code in _OF_THE_SERVER) and name not in suspects:
                suspects.add(name)
                raise problem from error
        found = found.__cause__
