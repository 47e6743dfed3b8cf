"""The tables of the database at hand, whichever kind it is."""

from __future__ import annotations

import sqlalchemy as sa

from . import postgres, sqlite
from .tables import Table


def tables_in(connection: sa.Connection) -> list[Table]:
    """Return every table of the application's schema, by name, at the cost of a few queries.

    Views are left out: one could show what a column hides.
    """
    return _of(connection).tables_in(connection)


def database_bytes(connection: sa.Connection) -> int | None:
    """Return how much room the whole database takes."""
    return _of(connection).database_bytes(connection)


def server_version(connection: sa.Connection) -> str:
    """Return the version of the server, or of SQLite."""
    return _of(connection).server_version(connection)


def _of(connection: sa.Connection) -> type[postgres.Catalogue] | type[sqlite.Catalogue]:
    return postgres.Catalogue if connection.dialect.name == "postgresql" else sqlite.Catalogue
