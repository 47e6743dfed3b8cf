"""Bringing a database up to date: its schema and its seeds, in one transaction."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from .. import engines
from ..binding import db
from ..problems import DatabaseProblem
from ..target import SqliteTarget
from . import migrator
from .additions import Additions
from .history import History
from .migrator import Contents, Progress

Seed = Callable[[Session], None]
"""Adds what every installation needs. Idempotent; must not commit."""

IsSeeded = Callable[[sa.Connection], bool]
"""Returns whether the seeds have nothing to add to a database that is at the newest revision."""


@dataclass(frozen=True)
class Schema:
    """What a database must hold to be ready.

    Args:
        history: the core's revisions.
        seeds: run in order after the revisions, in the same transaction.
        additions: what else lives in it: the plugins' tables.
        is_seeded: tells whether they are to be run though no revision is pending.
    """

    history: History
    seeds: Sequence[Seed]
    additions: Additions
    is_seeded: IsSeeded

    def is_current(self, connection: sa.Connection) -> bool:
        """Return whether nothing of the core is pending: one query, and no Alembic."""
        return migrator.current(connection, self.history) == {self.history.head}

    def is_complete(self, connection: sa.Connection) -> bool:
        """Return whether nothing at all is pending."""
        return (
            self.is_current(connection)
            and self.is_seeded(connection)
            and self.additions.are_current(connection)
        )

    def examine(self, connection: sa.Connection) -> Contents:
        """Return what the database holds, apart from additions to our own schema."""
        return migrator.examine(
            connection, self.history, lambda tables: self.additions.owned(connection, tables)
        )

    def bring_up_to_date(
        self,
        connection: sa.Connection,
        *,
        initialise: bool,
        anew: bool = False,
        progress: Progress = migrator.ignore,
    ) -> Contents:
        """Apply pending revisions and seeds, and those of the additions.

        Args:
            connection: from :func:`engines.migration`, so alone on this database.
            initialise: whether an empty database may be given its first tables.
            anew: whether the database is being set up, so that all additions are seeded.
            progress: told each step.

        Returns:
            What the database held before.

        Raises:
            DatabaseProblem: it is not ours, too new, empty against ``initialise``, or a
                revision of the core failed.
            Disturbed: an addition broke the transaction; see :func:`.additions.undisturbed`.
        """
        was_current = self.is_current(connection)
        contents = self.bring_core_up_to_date(connection, initialise=initialise, progress=progress)
        self.additions.bring_up_to_date(connection, anew=anew or not was_current, progress=progress)
        return contents

    def bring_core_up_to_date(
        self,
        connection: sa.Connection,
        *,
        initialise: bool,
        progress: Progress = migrator.ignore,
    ) -> Contents:
        """Do the same for the core alone."""
        contents = self.examine(connection)
        migrator.refuse_unusable(contents, self.history)
        if contents.kind == "empty" and not initialise:
            raise DatabaseProblem(
                "db_empty",
                "The database has lost its tables. Restore a backup, or run `flask db upgrade` "
                "to begin with an empty one.",
            )
        if migrator.upgrade(connection, self.history, progress) or not self.is_seeded(connection):
            progress("seeding")
            self._seed(connection)
        return contents

    def remove(self, connection: sa.Connection) -> None:
        """Drop every table of ours, and nothing else, in the transaction of ``connection``."""
        present = set(sa.inspect(connection).get_table_names())
        migrator.drop(connection, self.additions.owned(connection, present))
        for table in reversed(db.metadata.sorted_tables):
            if table.name in present:
                table.drop(connection)
        if self.history.version_table in present:
            sa.Table(self.history.version_table, sa.MetaData()).drop(connection)

    def _seed(self, connection: sa.Connection) -> None:
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            for seed in self.seeds:
                seed(session)
            session.commit()


@contextmanager
def scratch(schema: Schema) -> Iterator[sa.Connection]:
    """Open a throw-away SQLite database that holds the core's tables and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        target = SqliteTarget(Path(folder) / "scratch.db")
        with engines.migration(target, create=True) as connection:
            schema.bring_core_up_to_date(connection, initialise=True)
            yield connection
