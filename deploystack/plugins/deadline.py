"""Cutting off a plugin's function that does not come back.

Python has no way to end a thread. So the function runs in a thread of its own. When its time is up,
what it holds of the database is taken away from it; then it is told to stop by an exception, which
ends a loop, and is left behind if it sleeps.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from ..database import engines
from .failure import TIMEOUT, PluginError

THREAD = "plugin"
"""The name of the threads in which plugins' functions run, one at a time."""


class CutOff(BaseException):
    """Raised in the thread of a function whose time is up. Not to be caught by ``Exception``."""


def call_bounded(function: Callable[[], object], seconds: float, cut: Callable[[], None]) -> None:
    """Call ``function`` and wait for it so many seconds and no longer.

    Args:
        function: what to call, in a thread of its own.
        seconds: how long it may take.
        cut: takes the database away from it.

    Raises:
        PluginError: ``plugin_timeout``.
        Exception: whatever ``function`` raised.
    """
    raised: list[BaseException] = []
    # Held while the thread ends and while it is told to: the identity of one that has ended is
    # given to the next that begins, which would be told instead.
    ending = threading.Lock()
    has_ended = False

    def run() -> None:
        nonlocal has_ended
        try:
            function()
        except BaseException as error:  # noqa: BLE001  # told to the caller, whatever it is
            raised.append(error)
        with ending:
            has_ended = True

    thread = threading.Thread(target=run, daemon=True, name=THREAD)
    try:
        thread.start()
    except RuntimeError:  # since Python 3.12 none can begin while the interpreter shuts down
        run()
    else:
        thread.join(seconds)
    if thread.is_alive():
        assert thread.ident is not None  # noqa: S101
        cut()
        with ending:
            if not has_ended:
                # C API, "Thread State and the Global Interpreter Lock": at the next bytecode.
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(thread.ident), ctypes.py_object(CutOff)
                )
        raise PluginError("plugin_timeout", TIMEOUT, f"not within {seconds:g} seconds")
    if raised and not isinstance(raised[0], Exception):  # in that thread it ends nobody else
        raise RuntimeError(f"it raised {type(raised[0]).__name__}") from raised[0]
    if raised:
        raise raised[0]


class Held:
    """The pooled connections that a plugin's thread has taken and not given back.

    Args:
        engine: the pool.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._held: set[Any] = set()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch the pool for a ``with`` block. If that fails, nothing stays taken."""
        sa.event.listen(self._engine, "checkout", self._taken)
        sa.event.listen(self._engine, "checkin", self._given_back)
        try:
            yield
        except BaseException:  # whatever it is, raised again
            self.take_away()
            raise
        finally:
            sa.event.remove(self._engine, "checkout", self._taken)
            sa.event.remove(self._engine, "checkin", self._given_back)

    def take_away(self) -> None:
        """End what is held, so that nobody waits for what it has locked."""
        for raw in list(self._held):
            engines.take_away(raw)

    def _taken(self, raw: Any, *_: Any) -> None:
        if threading.current_thread().name == THREAD:
            self._held.add(raw)

    def _given_back(self, raw: Any, *_: Any) -> None:
        self._held.discard(raw)
