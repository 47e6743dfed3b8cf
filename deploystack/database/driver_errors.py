"""What an error of a driver means: for whoever uses the application, and whose fault it is."""

from __future__ import annotations

import sqlite3

import sqlalchemy as sa

from . import postgres
from .problems import DatabaseProblem

# Classes of SQLSTATE (PostgreSQL's documentation, appendix A): connection, authorization, catalog
# name, rollback by the server, resources, object state (locks), intervention, system, internal.
_ABOUT_THE_SERVER = {"08", "28", "3D", "40", "53", "55", "57", "58", "F0", "XX"}

_SQLITE_PROBLEMS = {
    "SQLITE_BUSY": (
        "db_locked",
        "Another process is using the database. Wait for it to finish, then try again.",
    ),
    "SQLITE_NOTADB": (
        "db_not_a_database",
        "The file is not a SQLite database. Put the right file in its place, or move it away.",
    ),
    "SQLITE_CORRUPT": (
        "db_corrupt",
        "The database file is damaged. Put a backup in its place.",
    ),
    "SQLITE_FULL": ("db_disk_full", "The disk is full. Make room, then try again."),
    "SQLITE_READONLY": (
        "db_no_permission",
        "The database file cannot be written. Give this process the right to write it and "
        "its folder.",
    ),
    "SQLITE_CANTOPEN": (
        "db_unreachable",
        "The database file cannot be opened. Check that it exists and that this process may "
        "read and write it and its folder.",
    ),
}


def problem_of(error: sa.exc.DBAPIError) -> DatabaseProblem:
    """Return what a driver's error means for whoever uses the application."""
    if isinstance(error.orig, sqlite3.Error):
        return sqlite_problem(error.orig)
    return postgres.classify(error.orig)  # type: ignore[arg-type]


def is_about_the_database(error: sa.exc.DBAPIError) -> bool:
    """Tell a database that is away, locked or broken from a statement that is wrong."""
    name = getattr(error.orig, "sqlite_errorname", "")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return True  # of no class of its own in Python's driver
    if not isinstance(
        error, (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError)
    ):
        return error.connection_invalidated
    # The drivers call many a wrong statement operational, such as one about a missing table.
    if isinstance(error.orig, sqlite3.Error):
        return bool(name != "SQLITE_ERROR")
    sqlstate = getattr(error.orig, "pgcode", None)
    return sqlstate is None or sqlstate == "25006" or sqlstate[:2] in _ABOUT_THE_SERVER


def refuse_value(context: sa.engine.ExceptionContext) -> None:
    """Let a value that the driver cannot send be told like one that the server refuses.

    sqlite3 raises OverflowError for an integer of more than 64 bits, psycopg2 ValueError for a text
    with NUL, and both UnicodeEncodeError, which is one, for half a surrogate pair.

    Raises:
        sqlalchemy.exc.DataError: in place of these.
    """
    error = context.original_exception
    if context.statement is not None and isinstance(error, OverflowError | ValueError):
        raise sa.exc.DataError(context.statement, None, error, hide_parameters=True)


def sqlite_problem(error: sqlite3.Error) -> DatabaseProblem:
    """Return what an error of SQLite's driver means for whoever uses the application."""
    name = getattr(error, "sqlite_errorname", "")
    primary = "_".join(name.split("_")[:2])  # SQLITE_READONLY_DBMOVED → SQLITE_READONLY
    code, sentence = _SQLITE_PROBLEMS.get(
        primary,
        (
            "db_failed",
            "The database answered with an error. Look for this code in the server's log.",
        ),
    )
    return DatabaseProblem(code, sentence, cause=f"{type(error).__name__} {name}".strip())
