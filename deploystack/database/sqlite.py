"""A connection of Python's SQLite driver that another thread can take away from its user."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

ABANDON_SECONDS = 2.0
"""How long to wait for a statement that was interrupted to end."""


class _Cursor(sqlite3.Cursor):
    """Lets nobody into the library while another thread is in it, or has taken it away."""

    def execute(self, *arguments: Any) -> Self:
        with self.connection.entered():  # type: ignore[attr-defined]
            return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> Self:
        with self.connection.entered():  # type: ignore[attr-defined]
            return super().executemany(*arguments)

    def fetchone(self) -> Any:
        with self.connection.entered():  # type: ignore[attr-defined]
            return super().fetchone()

    def fetchmany(self, *arguments: Any) -> list[Any]:
        with self.connection.entered():  # type: ignore[attr-defined]
            return super().fetchmany(*arguments)

    def fetchall(self) -> list[Any]:
        with self.connection.entered():  # type: ignore[attr-defined]
            return super().fetchall()


class SqliteConnection(sqlite3.Connection):
    """A connection that another thread than its user's can take away from it.

    The transaction ends then, which releases its locks, and no statement is executed any more. The
    handle is not closed before nobody refers to it: its user may still hold cursors.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._is_abandoned = False
        self._busy = threading.Lock()
        super().__init__(*arguments, **named)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Hold the library for a ``with`` block.

        Raises:
            ProgrammingError: the connection was taken away.
        """
        with self._busy:
            if self._is_abandoned:
                raise sqlite3.ProgrammingError("the connection was taken away")
            yield

    def abandon(self) -> None:
        """Take the connection away from whoever uses it, and end its transaction."""
        self._is_abandoned = True
        deadline = time.monotonic() + ABANDON_SECONDS
        while not self._busy.acquire(timeout=0.01):
            self.interrupt()
            if time.monotonic() > deadline:
                return
        try:
            super().rollback()
        finally:
            self._busy.release()

    def cursor(self, factory: Any = _Cursor) -> Any:
        """Return a cursor."""
        return super().cursor(factory)

    def rollback(self) -> None:
        """Roll back; a connection that was taken away fails, so that no pool keeps it."""
        with self.entered():
            super().rollback()

    def close(self) -> None:
        """Close the handle, unless somebody else may be using it."""
        if not self._is_abandoned:
            super().close()
