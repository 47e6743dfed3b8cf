"""Making a chosen database ready to serve: present, intact, up to date, pooled."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from ..config import SERVER_THREADS
from . import engines
from .binding import Binding
from .migrations.additions import undisturbed
from .migrations.schema import Schema
from .problems import DatabaseProblem
from .target import SqliteTarget, Target

log = logging.getLogger(__name__)

CHECK_SECONDS = 10.0
"""How long a server may take to tell how far its schema is."""


def identity(target: Target | None) -> tuple[int, int] | None:
    """Return device and inode of a SQLite file; ``None`` where there is no file.

    One ``stat``; taken for each request, and of text, because a ``Path`` doubles its cost.
    """
    if not isinstance(target, SqliteTarget):
        return None
    try:
        found = os.stat(target.file_name)  # noqa: PTH116
    except OSError:
        return None
    return found.st_dev, found.st_ino


def may_initialise(target: Target | None) -> bool:
    """Return whether ``target`` may be given its tables if it has none, as the program starts.

    A SQLite file that is missing or empty may, and one whose creation was interrupted. One that
    is chosen later gets them from setup.
    """
    if not isinstance(target, SqliteTarget):
        return target is not None
    try:
        return target.path.stat().st_size == 0 or _journal(target.path).exists()
    except FileNotFoundError:
        return True
    except (OSError, ValueError):  # connecting will tell what is wrong
        return False


def attach(
    target: Target,
    schema: Schema,
    *,
    initialise: bool,
    suspicious: bool,
    before_migrating: Callable[[], None],
) -> Binding:
    """Return a binding to ``target`` once it is up to date.

    Args:
        target: the database.
        schema: what it must hold.
        initialise: whether it may be given its first tables, and a missing file be made.
        suspicious: whether a SQLite file is checked for damage first: it appeared while the
            application was running.
        before_migrating: called if something is pending, before it is applied.

    Raises:
        DatabaseProblem: it cannot be used; nothing in it was changed.
    """
    file = identity(target)
    if isinstance(target, SqliteTarget) and file is None and not initialise:
        raise file_missing()
    binding = Binding(target, engines.runtime_engine(target, SERVER_THREADS), file)
    try:
        if suspicious and isinstance(target, SqliteTarget):
            _check_intact(binding.engine)
        is_missing = isinstance(target, SqliteTarget) and file is None
        if is_missing or not _is_complete(binding.engine, schema):
            before_migrating()
            undisturbed(lambda: _migrate(target, schema, initialise))
            binding.retire()  # its connections remember the schema from before
            engine = engines.runtime_engine(target, SERVER_THREADS)
            binding = Binding(target, engine, file or identity(target))
        if binding.file != identity(target):
            raise file_missing()  # it was moved away meanwhile; the next attempt sees why
    except OSError as error:
        binding.retire()
        raise DatabaseProblem(
            "db_unreachable",
            "The database file cannot be made. Check its path, and that this process may write "
            "its folder.",
            cause=os.strerror(error.errno or 0),
        ) from error
    except BaseException:  # whatever ends this attempt, its connections end with it
        binding.retire()
        raise
    return binding


def _log(step: str) -> None:
    log.info("Bringing the database up to date: %s.", step)


def _migrate(target: Target, schema: Schema, initialise: bool) -> None:
    with engines.migration(target, create=initialise) as connection:
        schema.bring_up_to_date(connection, initialise=initialise, progress=_log)


def _is_complete(engine: sa.Engine, schema: Schema) -> bool:
    with (
        engines.connected(engine, read_only=True) as connection,
        engines.bounded(connection, CHECK_SECONDS),
    ):
        return schema.is_complete(connection)


def _check_intact(engine: sa.Engine) -> None:
    with engines.connected(engine, read_only=True) as connection:
        if connection.exec_driver_sql("PRAGMA quick_check(1)").scalar() != "ok":
            raise DatabaseProblem(
                "db_corrupt", "The database file is damaged. Put a backup in its place."
            )


def file_missing() -> DatabaseProblem:
    """Return the problem of a SQLite file that is gone."""
    return DatabaseProblem(
        "database_file_missing",
        "The database file has disappeared. Put it back, or restart the application to begin "
        "with an empty database.",
    )


def _journal(path: Path) -> Path:
    return path.with_name(f"{path.name}-journal")
