"""Every driver and pragma decision, nowhere else: the runtime engine and the migration engine."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, PoolResetState, QueuePool

from . import postgres
from .driver_errors import problem_of, refuse_value, sqlite_problem
from .problems import DatabaseProblem, changed
from .sqlite import SqliteConnection
from .target import PostgresTarget, SqliteTarget, Target

READ_ONLY = "deploystack_read_only"
"""Execution option of a connection whose transaction only reads.

On SQLite such a transaction begins plainly and runs beside a writer; every other one begins as
the writer (see :func:`_begin_sqlite`). On PostgreSQL it makes no difference.
"""

BUSY_SECONDS = 10.0
"""How long a SQLite connection waits for another one's lock."""

MIGRATION_LOCK_SECONDS = 60.0
"""How long a migration waits for another process that migrates the same database."""

# Older libraries can corrupt a WAL database when the log is reset (fixed in SQLite 3.51.3).
_WAL_IS_SAFE = sqlite3.sqlite_version_info >= (3, 51, 3)

# Any number will do, as long as every host takes the same one: "deploy" in ASCII.
_ADVISORY_LOCK = 0x6465706C6F79


def take_away(raw: Any) -> None:
    """End what is being done on a driver's connection in another thread, for good."""
    if isinstance(raw, SqliteConnection):
        with suppress(sqlite3.Error):  # closed already
            raw.abandon()
    else:
        # A server that is busy with a statement would not notice that its client is gone.
        with suppress(Exception):  # whatever it raises, the connection is cut next
            raw.cancel()
        postgres.cut_off(raw)


def runtime_engine(target: Target, threads: int) -> sa.Engine:
    """Return a pooled engine for serving requests. Nothing is connected yet.

    Args:
        target: the database.
        threads: how many threads serve requests; each finds a connection in the pool.
    """
    if isinstance(target, SqliteTarget):
        engine = sa.create_engine(
            "sqlite://",
            creator=_sqlite_creator(target.path, BUSY_SECONDS),
            poolclass=QueuePool,
            pool_size=threads + 2,
            pool_reset_on_return=None,
            hide_parameters=True,
        )
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "reset", _reset_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        sa.event.listen(engine, "begin", _SameSchema())
    else:
        engine = sa.create_engine(
            "postgresql+psycopg2://",
            creator=lambda: postgres.connect(target),
            pool_size=threads + 2,
            pool_pre_ping=True,
            hide_parameters=True,
        )
    sa.event.listen(engine, "handle_error", refuse_value)
    return engine


@contextmanager
def migration(
    target: Target, *, create: bool = False, seconds: float | None = None
) -> Iterator[sa.Connection]:
    """Open the one transaction in which a schema is changed, alone on this database.

    The lock holds across processes and hosts until the transaction ends: ``BEGIN IMMEDIATE`` on
    SQLite, an advisory lock on PostgreSQL. Foreign keys are not enforced on SQLite meanwhile,
    because a batch migration of a parent table would otherwise delete its children; they are
    checked before the commit instead (https://sqlite.org/lang_altertable.html#otheralter).

    Args:
        target: the database.
        create: whether a SQLite file that does not exist is made.
        seconds: how long a server may take in all, if that is bounded.

    Yields:
        The connection, in a transaction that commits at the end and rolls back on an exception.

    Raises:
        DatabaseProblem: the database cannot be reached or locked, or a foreign key is broken.
    """
    if create and isinstance(target, SqliteTarget):
        _create_file(target.path)
    engine = _unpooled_engine(target, MIGRATION_LOCK_SECONDS)
    with connected(engine) as connection, bounded(connection, seconds), connection.begin():
        if isinstance(target, PostgresTarget):
            _lock_postgres(connection)
        yield connection
        check_foreign_keys(connection)


def check_foreign_keys(connection: sa.Connection, revisions: Sequence[str] = ()) -> None:
    """Look for rows that refer to a missing row, which SQLite does not refuse in a migration.

    Args:
        connection: from :func:`migration`.
        revisions: those that were applied in its transaction.

    Raises:
        DatabaseProblem: ``db_foreign_key_broken``; its details name the revisions.
    """
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken:
        applied = ", ".join(revisions)
        raise DatabaseProblem(
            "db_foreign_key_broken",
            "The change of the schema would leave rows that refer to nothing. Correct the "
            "revision or the rows, then start again. Nothing was changed.",
            {"revision": applied} if applied else {},
            cause=f"{applied and f'revision {applied}: '}a row of {broken[0]} refers to a missing "
            f"row of {broken[2]}",
            retry_after=30,
        )


@contextmanager
def inspection(target: Target) -> Iterator[sa.Connection]:
    """Open a connection that only looks, and is closed afterwards.

    Raises:
        DatabaseProblem: the database cannot be reached or read.
    """
    with connected(_unpooled_engine(target, BUSY_SECONDS), read_only=True) as connection:
        yield connection


@contextmanager
def connected(engine: sa.Engine, *, read_only: bool = False) -> Iterator[sa.Connection]:
    """Connect and read the driver's errors: each becomes the problem a person can act on.

    Args:
        engine: what to connect.
        read_only: whether transactions of this connection only read.

    Raises:
        DatabaseProblem: the database cannot be reached, is locked, or fails while in use.
    """
    try:
        with engine.connect() as connection:
            yield connection.execution_options(**{READ_ONLY: read_only})
    except sa.exc.DBAPIError as error:
        raise problem_of(error) from error


@contextmanager
def bounded(connection: sa.Connection, seconds: float | None) -> Iterator[None]:
    """Let a database take so many seconds for the code inside.

    A PostgreSQL server is cut off then. On SQLite, the code inside waits no longer for a lock.

    Raises:
        DatabaseProblem: ``db_timeout``.
    """
    raw: Any = connection.connection.driver_connection
    if seconds is None:
        yield
    elif isinstance(raw, sqlite3.Connection):
        _wait_for_locks(raw, min(seconds, BUSY_SECONDS))
        try:
            yield
        finally:
            with suppress(sqlite3.Error):  # it was closed meanwhile
                _wait_for_locks(raw, BUSY_SECONDS)
    else:
        with postgres.watchdog(raw, seconds):
            yield


def _wait_for_locks(raw: sqlite3.Connection, seconds: float) -> None:
    raw.execute(f"PRAGMA busy_timeout={seconds * 1000:.0f}")


def _unpooled_engine(target: Target, busy_seconds: float) -> sa.Engine:
    if isinstance(target, PostgresTarget):
        return sa.create_engine(
            "postgresql+psycopg2://",
            creator=lambda: postgres.connect(target),
            poolclass=NullPool,
            hide_parameters=True,
        )
    engine = sa.create_engine(
        "sqlite://",
        creator=_sqlite_creator(target.path, busy_seconds),
        poolclass=NullPool,
        hide_parameters=True,
    )
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _sqlite_creator(path: Path, busy_seconds: float) -> Any:
    # mode=rw: to connect must never create the file; one that was deleted stays missing.
    uri = f"{path.as_uri()}?mode=rw"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri,
            uri=True,
            factory=SqliteConnection,
            timeout=busy_seconds,
            # Python's driver would begin transactions behind SQLAlchemy's back, and not before
            # DDL: a failing revision would leave its first statements behind.
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            if _WAL_IS_SAFE:
                connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
        except sqlite3.Error:  # it is damaged, or no database
            connection.close()
            raise
        return connection

    return connect


def _prepare_sqlite(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    connection.execute("PRAGMA foreign_keys=ON")


def _reset_sqlite(
    connection: SqliteConnection, record: ConnectionPoolEntry, state: PoolResetState
) -> None:
    # One that was taken away is not kept. To roll it back would fail, and be logged as an error.
    if connection.is_abandoned:
        record.invalidate()
    elif not state.transaction_was_reset:
        connection.rollback()


def _begin_sqlite(connection: sa.Connection) -> None:
    # A plain BEGIN takes the write lock at the first write, too late for read-modify-write:
    # most such transactions then fail with "database is locked".
    if connection.get_execution_options().get(READ_ONLY):
        connection.exec_driver_sql("BEGIN")
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


class _SameSchema:
    """Notices another database that was copied over the one in use: its file is still the same.

    SQLite counts the changes of a schema. A database of another revision, one without tables and
    a backup from before a migration have another count than the one this engine began with.
    """

    def __init__(self) -> None:
        self._count: int | None = None

    def __call__(self, connection: sa.Connection) -> None:
        # Past SQLAlchemy, which would take five times as long, for each transaction.
        raw = cast("sqlite3.Connection", connection.connection.driver_connection)
        try:
            [count] = raw.execute("PRAGMA schema_version").fetchone()
        except sqlite3.Error as error:
            raise sqlite_problem(error) from error
        if self._count is None:
            self._count = count
        elif count != self._count:
            raise changed()


def _create_file(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists():
        return  # to close any descriptor of it would release this process's locks (fcntl(2))
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _lock_postgres(connection: sa.Connection) -> None:
    wait = f"{MIGRATION_LOCK_SECONDS:.0f}s"
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{wait}'")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_SECONDS:.0f}s'")
