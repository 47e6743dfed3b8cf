"""What else lives in the database beside the core's schema: the tables of plugins.

The database layer knows no plugins. It knows that somebody may add to a schema, and when: in the
transaction that brings the schema up to date, and once a database has come into use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

import sqlalchemy as sa

if TYPE_CHECKING:
    from ..binding import Binding
    from .history import History
    from .migrator import Progress

T = TypeVar("T")


class Additions(Protocol):
    """Tables that are not the core's. What fails in one of them never fails the core."""

    def names(self) -> list[str]:
        """Return the names of those that will be brought up to date, in that order."""

    def are_current(self, connection: sa.Connection) -> bool:
        """Return whether nothing is left to do, at the cost of a few queries in all."""

    def bring_up_to_date(
        self,
        connection: sa.Connection,
        *,
        only: str | None = None,
        anew: bool = False,
        progress: Progress,
    ) -> None:
        """Make, upgrade and seed tables, each addition in a savepoint of its own.

        Args:
            connection: in the transaction that has brought the core up to date.
            only: the name of the one addition that is meant, if not all are.
            anew: whether all of them are seeded, not only those that have something to do.
            progress: told each step.

        Raises:
            DatabaseProblem: the database itself failed.
            Disturbed: an addition broke the transaction.
        """

    def owned(self, connection: sa.Connection, tables: set[str]) -> set[str]:
        """Return which of the tables in a database belong to an addition, now or once."""

    def history(self, name: str) -> History:
        """Return the history of the addition of this name.

        Raises:
            ApiError: there is none.
        """

    def baseline(self, name: str) -> sa.MetaData | None:
        """Return the tables that the first revision of an addition has to make.

        ``None``, if those are the ones that it declares.
        """

    def failures(self, only: str | None = None) -> list[str]:
        """Return what is wrong with each addition that has failed, for a terminal."""


class Listener(Protocol):
    """Whoever works on a database once it is in use, in each process."""

    def begin(self, binding: Binding) -> None:
        """Begin to work on a database that has just come into use. May take its time."""

    def settled(self) -> bool:
        """Wait until everything works or has failed, and return whether everything works."""

    def end(self) -> None:
        """Stop working: this process is done with the database."""


class InOrder:
    """Several listeners, one after the other; at the end in the opposite order.

    Args:
        listeners: the first begins first.
    """

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = listeners

    def begin(self, binding: Binding) -> None:
        """Let each begin."""
        for listener in self._listeners:
            listener.begin(binding)

    def settled(self) -> bool:
        """Wait for each, and return whether everything works."""
        settled = [listener.settled() for listener in self._listeners]
        return all(settled)

    def end(self) -> None:
        """Let each stop."""
        for listener in reversed(self._listeners):
            listener.end()


class Disturbed(Exception):
    """An addition broke the transaction it ran in. It is shut out now: begin again without it."""


def undisturbed(attempt: Callable[[], T]) -> T:
    """Return what ``attempt`` returns, made again whenever an addition breaks its transaction.

    It ends, because each addition can do so only once.
    """
    while True:
        try:
            return attempt()
        except Disturbed:
            continue
