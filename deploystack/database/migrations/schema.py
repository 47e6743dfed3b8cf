"""Bringing a database up to date: its schema and its seeds, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..binding import db
from ..problems import DatabaseProblem
from . import migrator
from .history import History
from .migrator import Contents, Progress

Seed = Callable[[Session], None]
"""Adds what every installation needs. Idempotent; must not commit."""


@dataclass(frozen=True)
class Schema:
    """What a database must hold to be ready.

    Args:
        history: the revisions.
        seeds: run in order after the revisions, in the same transaction.
    """

    history: History
    seeds: Sequence[Seed]

    def is_current(self, connection: sa.Connection) -> bool:
        """Return whether nothing is pending: one query, and no Alembic."""
        return migrator.current(connection, self.history) == {self.history.head}

    def bring_up_to_date(
        self,
        connection: sa.Connection,
        *,
        initialise: bool,
        progress: Progress = migrator.ignore,
    ) -> Contents:
        """Apply pending revisions and seeds in the transaction of ``connection``.

        Args:
            connection: from :func:`engines.migration`, so alone on this database.
            initialise: whether an empty database may be given its first tables.
            progress: told each step.

        Returns:
            What the database held before.

        Raises:
            DatabaseProblem: it is not ours, too new, empty against ``initialise``, or a
                revision failed.
        """
        contents = migrator.examine(connection, self.history)
        migrator.refuse_unusable(contents, self.history)
        if contents.kind == "empty" and not initialise:
            raise DatabaseProblem(
                "db_empty",
                "The database has lost its tables. Restore a backup, or run `flask db upgrade` "
                "to begin with an empty one.",
            )
        if migrator.upgrade(connection, self.history, progress):
            progress("seeding")
            self._seed(connection)
        return contents

    def remove(self, connection: sa.Connection) -> None:
        """Drop every table of ours, and nothing else, in the transaction of ``connection``."""
        present = set(sa.inspect(connection).get_table_names())
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
