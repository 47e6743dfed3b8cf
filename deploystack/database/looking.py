"""Looking into a database for people: nothing can be changed, and nothing takes long.

What is asked depends on what somebody types, on tables of any size. So the database itself refuses
to write, and ends a statement that takes too long.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import sqlalchemy as sa

from ..errors import ApiError
from .engines import READ_ONLY

INSPECT_SECONDS = 5.0
"""How long a statement may take that somebody asks for in the console."""

_STEPS = 10_000
"""After how many steps of its machine SQLite looks at the clock."""


@contextmanager
def looking(engine: sa.Engine, seconds: float = INSPECT_SECONDS) -> Iterator[sa.Connection]:
    """Open a connection in a transaction that cannot write; times are told in UTC.

    Args:
        engine: the database in use.
        seconds: how long each statement may take; on SQLite, all of them together.

    Raises:
        ApiError: 422 ``inspection_timeout``.
    """
    try:
        with engine.connect() as connection:
            connection.execution_options(**{READ_ONLY: True})
            if connection.dialect.name == "sqlite":
                with _held_by_sqlite(connection, seconds):
                    yield connection
            else:
                _hold_by_postgres(connection, seconds)
                yield connection
    except sa.exc.DBAPIError as error:
        if took_too_long(error):
            raise timed_out() from error
        raise


def took_too_long(error: sa.exc.DBAPIError) -> bool:
    """Return whether the database ended a statement because it took too long."""
    name = getattr(error.orig, "sqlite_errorname", None)
    state = getattr(error.orig, "pgcode", None)
    return name == "SQLITE_INTERRUPT" or state in {"57014", "55P03"}


def timed_out() -> ApiError:
    """Return the answer for a question that takes the database too long."""
    return ApiError(
        422,
        "inspection_timeout",
        "The database took too long for this, and was stopped. Filter or sort by a column that "
        "has an index, or look with the database's own tools.",
    )


def _hold_by_postgres(connection: sa.Connection, seconds: float) -> None:
    connection.exec_driver_sql("SET TRANSACTION READ ONLY")
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {seconds * 1000:.0f}")
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {seconds * 500:.0f}")
    connection.exec_driver_sql("SET LOCAL timezone = 'UTC'")


@contextmanager
def _held_by_sqlite(connection: sa.Connection, seconds: float) -> Iterator[None]:
    raw: Any = connection.connection.driver_connection
    ends = time.monotonic() + seconds
    raw.set_progress_handler(lambda: time.monotonic() > ends, _STEPS)
    raw.text_factory = _text  # what is no Unicode is shown as far as it can be
    raw.execute("PRAGMA query_only=ON")
    try:
        yield
    finally:
        raw.set_progress_handler(None, 0)
        raw.text_factory = str
        with suppress(sqlite3.Error):  # it was taken away meanwhile
            raw.execute("PRAGMA query_only=OFF")


def _text(found: bytes) -> str:
    return found.decode("utf-8", "replace")
