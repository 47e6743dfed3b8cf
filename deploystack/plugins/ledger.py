"""Which plugins a database has seen, and in which state each was last found complete.

Like Alembic's version tables, the table is made when it is first needed and belongs to no history.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime

import sqlalchemy as sa

from ..database.binding import NAMING
from ..database.types import UTCDateTime

LEDGER = sa.Table(
    "schema_plugins",
    sa.MetaData(naming_convention=NAMING),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("version", sa.String(64), nullable=False),
    # Says of what its tables were made, and what they looked like then. As long as both are the
    # same, a start has nothing to look into.
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("updated_at", UTCDateTime, nullable=False),
)


def read(connection: sa.Connection, tables: Collection[str]) -> dict[str, str]:
    """Return the fingerprint of each plugin, by name.

    Args:
        connection: to the database.
        tables: those in it.
    """
    if LEDGER.name not in tables:
        return {}
    query = sa.select(LEDGER.c.name, LEDGER.c.fingerprint)
    return dict(connection.execute(query).all())


def write(connection: sa.Connection, entries: Mapping[str, tuple[str, str]]) -> None:
    """Write down version and fingerprint of each plugin in ``entries``."""
    LEDGER.create(connection, checkfirst=True)
    remove(connection, entries)
    now = datetime.now(UTC)
    connection.execute(
        sa.insert(LEDGER),
        [
            {"name": name, "version": version, "fingerprint": fingerprint, "updated_at": now}
            for name, (version, fingerprint) in entries.items()
        ],
    )


def remove(connection: sa.Connection, names: Collection[str]) -> None:
    """Forget plugins."""
    connection.execute(sa.delete(LEDGER).where(LEDGER.c.name.in_(list(names))))
