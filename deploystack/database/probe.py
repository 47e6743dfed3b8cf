"""Asking a database whether it is there, in bounded time and by one thread at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from . import engines
from .binding import Binding
from .migrations.schema import Schema
from .problems import DatabaseProblem, changed, silent

GIVE_UP_SECONDS = 10.0
"""After how long a silence the connections are taken for dead, and made anew."""


class Probe:
    """Asks the database. A server that hangs holds up one thread here, and no request.

    Args:
        schema: what the database must still hold; another one may have taken its place.
        give_up: told the binding, and why, once a question stayed without an answer for long.
    """

    def __init__(self, schema: Schema, give_up: Callable[[Binding, DatabaseProblem], None]) -> None:
        self._schema = schema
        self._give_up = give_up
        self._lock = threading.Lock()
        self._running: _Question | None = None
        self._last: _Question | None = None

    def ask(self, binding: Binding, max_age: float, seconds: float) -> DatabaseProblem | None:
        """Return what is wrong with the database, or ``None`` if it answers.

        Args:
            binding: what to ask.
            max_age: seconds for which an earlier good answer still counts.
            seconds: how long the answer may take.
        """
        with self._lock:
            last = self._last
            if last and last.is_good(binding) and time.monotonic() - last.asked_at <= max_age:
                return None
            question = self._running
            if question is None or question.binding is not binding or question.done.is_set():
                question = self._running = _Question(binding, self._schema)
                question.start()
        # Counted from when it was asked: the next in line does not wait all over again.
        if not question.done.wait(question.asked_at + seconds - time.monotonic()):
            with self._lock:
                question.give_up_later(self._give_up)
            return silent("db_timeout")
        self._last = question
        return question.problem


class _Question(threading.Thread):
    def __init__(self, binding: Binding, schema: Schema) -> None:
        super().__init__(daemon=True, name="probe")
        self.binding = binding
        self.schema = schema
        self.asked_at = time.monotonic()
        self.problem: DatabaseProblem | None = None
        self.done = threading.Event()
        self._patience: threading.Timer | None = None

    def is_good(self, binding: Binding) -> bool:
        return self.binding is binding and self.problem is None

    def run(self) -> None:
        try:
            if self.binding.lease():
                try:
                    with engines.connected(self.binding.engine, read_only=True) as connection:
                        if not self.schema.is_current(connection):
                            self.problem = changed()
                finally:
                    self.binding.release()
        except DatabaseProblem as problem:
            self.problem = problem
        finally:
            self.done.set()
            if self._patience:
                self._patience.cancel()

    def give_up_later(self, give_up: Callable[[Binding, DatabaseProblem], None]) -> None:
        """Give up by a timer: by then no request may have a thread left to ask with."""
        if self._patience is None and not self.done.is_set():
            remaining = self.asked_at + GIVE_UP_SECONDS - time.monotonic()
            self._patience = threading.Timer(
                remaining, give_up, [self.binding, silent("db_unresponsive")]
            )
            self._patience.daemon = True
            self._patience.start()
