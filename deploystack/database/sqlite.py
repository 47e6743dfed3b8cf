"""A connection of Python's SQLite driver that another thread can take away from its user."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self
from weakref import WeakSet

ABANDON_SECONDS = 2.0
"""How long to wait for a statement that was interrupted to end."""


class _Cursor(sqlite3.Cursor):
    """Lets nobody into the library while another thread is in it, or has taken it away."""

    def execute(self, *arguments: Any) -> Self:
        self.connection.watcher(arguments[0])  # type: ignore[attr-defined]
        with self.connection.entered():  # type: ignore[attr-defined]
            return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> Self:
        self.connection.watcher(arguments[0])  # type: ignore[attr-defined]
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

    def __next__(self) -> Any:
        with self.connection.entered():  # type: ignore[attr-defined]
            return super().__next__()

    def close(self) -> None:
        with self.connection.held():  # type: ignore[attr-defined]
            super().close()


class SqliteConnection(sqlite3.Connection):
    """A connection that another thread than its user's can take away from it.

    The transaction ends then, which releases its locks, and no statement is executed any more. The
    handle is not closed before nobody refers to it: its user may still hold cursors.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.is_abandoned = False
        self._busy = threading.Lock()
        self._cursors: WeakSet[Any] = WeakSet()
        self.watcher: Callable[[str], object] = str  # told each statement
        super().__init__(*arguments, **named)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the library for a ``with`` block, taken away or not."""
        with self._busy:
            yield

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Hold the library for a ``with`` block.

        Raises:
            ProgrammingError: the connection was taken away.
        """
        with self._busy:
            if self.is_abandoned:
                raise sqlite3.ProgrammingError("the connection was taken away")
            yield

    def abandon(self) -> None:
        """Take the connection away from whoever uses it, and end its transaction."""
        self.is_abandoned = True
        deadline = time.monotonic() + ABANDON_SECONDS
        while not self._busy.acquire(timeout=0.01):
            self.interrupt()
            if time.monotonic() > deadline:
                return
        try:
            # A statement of which not all rows were fetched would keep the interruption alive, and
            # the rollback would be what is interrupted.
            for cursor in list(self._cursors):
                sqlite3.Cursor.close(cursor)
            super().rollback()
        finally:
            self._busy.release()

    def cursor(self, factory: Any = _Cursor) -> Any:
        """Return a cursor."""
        cursor = super().cursor(factory)
        self._cursors.add(cursor)
        return cursor

    def execute(self, *arguments: Any) -> Any:
        """Execute a statement on a cursor of its own."""
        return self.cursor().execute(*arguments)

    def rollback(self) -> None:
        """Roll back; a connection that was taken away fails, so that no pool keeps it."""
        with self.entered():
            super().rollback()

    def close(self) -> None:
        """Close the handle, unless somebody else may be using it."""
        if not self.is_abandoned:
            super().close()

    def __del__(self) -> None:
        """Close the handle now that nobody refers to it: its user may have been left behind."""
        with suppress(sqlite3.ProgrammingError):  # it was never opened
            super().close()
