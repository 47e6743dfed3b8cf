"""Asking a database whether it is there, in bounded time and by one thread at a time."""

from __future__ import annotations

import threading
import time

import sqlalchemy as sa

from . import engines
from .binding import Binding
from .problems import DatabaseProblem


class Probe:
    """Asks the database. A server that hangs holds up one thread here, and no request."""

    def __init__(self) -> None:
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
            if (
                last
                and last.binding is binding
                and last.problem is None
                and time.monotonic() - last.asked_at <= max_age
            ):
                return None
            question = self._running
            if question is None or question.binding is not binding or question.done.is_set():
                question = self._running = _Question(binding)
                question.start()
        # Counted from when it was asked: the next in line does not wait all over again.
        if not question.done.wait(question.asked_at + seconds - time.monotonic()):
            return DatabaseProblem(
                "db_timeout",
                "The database does not answer in time. Check that its server is not overloaded; "
                "the application tries again by itself.",
            )
        self._last = question
        return question.problem


class _Question(threading.Thread):
    def __init__(self, binding: Binding) -> None:
        super().__init__(daemon=True, name="probe")
        self.binding = binding
        self.asked_at = time.monotonic()
        self.problem: DatabaseProblem | None = None
        self.done = threading.Event()

    def run(self) -> None:
        try:
            if self.binding.lease():
                try:
                    with engines.connected(self.binding.engine, read_only=True) as connection:
                        connection.execute(sa.select(1))
                finally:
                    self.binding.release()
        except DatabaseProblem as problem:
            self.problem = problem
        finally:
            self.done.set()
