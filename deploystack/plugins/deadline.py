"""Cutting off a plugin's function that does not come back.

Python has no way to end a thread. So the function runs in a thread of its own. When its time is up,
what it holds of the database is taken away from it; then it is told to stop by an exception, which
ends a loop, and is left behind if it sleeps.
"""

from __future__ import annotations

import ctypes
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sa

from ..database import postgres
from .failure import PluginError

LEAVE_SECONDS = 2.0
"""How long a thread that is cut off may take to come out of the statement that was interrupted."""


class Stuck(BaseException):
    """The thread that was cut off does not come out of its statement: the connection is lost."""


_Listener = tuple[Any, str, Callable[..., None]]


class CutOff(BaseException):
    """Raised in the thread of a function whose time is up. Not to be caught by ``Exception``."""


def call_bounded(
    function: Callable[[], object], seconds: float, cut: Callable[[int], None]
) -> None:
    """Call ``function`` and wait for it so many seconds and no longer.

    Args:
        function: what to call, in a thread of its own.
        seconds: how long it may take.
        cut: takes the database away from it; given the identity of its thread.

    Raises:
        PluginError: ``plugin_timeout``.
        Exception: whatever ``function`` raised.
    """
    raised: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as error:  # noqa: BLE001  # told to the caller, whatever it is
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True, name="plugin")
    try:
        thread.start()
    except RuntimeError:  # since Python 3.12 none can begin while the interpreter shuts down
        run()
    else:
        thread.join(seconds)
    if thread.is_alive():
        assert thread.ident is not None  # noqa: S101
        cut(thread.ident)
        # C API, "Thread State and the Global Interpreter Lock": takes effect at the next bytecode.
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(CutOff)
        )
        raise PluginError(
            "plugin_timeout",
            f"It did not come back within {seconds:g} seconds and was cut off. Mend it, or raise "
            "DEPLOYSTACK_PLUGIN_TIMEOUT.",
        )
    if raised and not isinstance(raised[0], Exception):  # in that thread it ends nobody else
        raise RuntimeError(f"it raised {type(raised[0]).__name__}") from raised[0]
    if raised:
        raise raised[0]


class Fence:
    """Keeps a thread that was cut off away from a connection that others go on using.

    While it stands, nobody commits or rolls back the transaction either: it is not the plugin's.

    Args:
        connection: the connection of the transaction.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._running = threading.Lock()
        self._shut_out: int | None = None

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Watch the connection for the length of a ``with`` block, and longer if need be."""
        running: list[_Listener] = [
            (self._connection, "before_cursor_execute", self._enter),
            (self._connection, "after_cursor_execute", self._leave),
            (self._connection.engine, "handle_error", self._leave),
        ]
        ending: list[_Listener] = [
            (self._connection, "commit", self._refuse),
            (self._connection, "rollback", self._refuse),
        ]
        for listener in [*running, *ending]:
            sa.event.listen(*listener)
        try:
            yield
        finally:
            # One who was shut out may wake up later: for him the connection stays closed.
            for listener in ending if self._shut_out else [*running, *ending]:
                sa.event.remove(*listener)

    def shut_out(self, thread: int) -> None:
        """Let ``thread`` execute nothing more, and interrupt what it is executing.

        Raises:
            Stuck: it does not come out of its statement.
        """
        self._shut_out = thread
        raw = self._connection.connection.driver_connection
        with suppress(Exception):  # closed meanwhile: then there is nothing to interrupt
            raw.interrupt() if isinstance(raw, sqlite3.Connection) else raw.cancel()  # type: ignore[union-attr]
        if not self._running.acquire(timeout=LEAVE_SECONDS):
            if not isinstance(raw, sqlite3.Connection):
                postgres.cut_off(raw)  # type: ignore[arg-type]
            raise Stuck
        self._running.release()

    def _enter(self, *_: Any) -> None:
        if threading.get_ident() == self._shut_out:
            raise CutOff
        self._running.acquire()

    def _leave(self, *_: Any) -> None:
        with suppress(RuntimeError):  # an error that arose outside a statement
            self._running.release()

    @staticmethod
    def _refuse(*_: Any) -> None:
        raise PluginError(
            "plugin_seed_failed",
            "A seed may not commit or roll back: what it does is committed with everything else.",
        )


class Held:
    """The pooled connections that a thread has taken and not given back.

    Args:
        engine: the pool.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._held: dict[Any, int] = {}

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch the pool for the length of a ``with`` block."""
        sa.event.listen(self._engine, "checkout", self._taken)
        sa.event.listen(self._engine, "checkin", self._given_back)
        try:
            yield
        finally:
            sa.event.remove(self._engine, "checkout", self._taken)
            sa.event.remove(self._engine, "checkin", self._given_back)

    def take_away(self, thread: int) -> None:
        """End the transactions of ``thread``, so that nobody waits for what it has locked."""
        for raw, holder in list(self._held.items()):
            if holder != thread:
                continue
            if isinstance(raw, sqlite3.Connection):
                raw.interrupt()
                with suppress(sqlite3.Error):
                    raw.rollback()
                raw.close()
            else:
                postgres.cut_off(raw)

    def _taken(self, raw: Any, *_: Any) -> None:
        self._held[raw] = threading.get_ident()

    def _given_back(self, raw: Any, *_: Any) -> None:
        self._held.pop(raw, None)
