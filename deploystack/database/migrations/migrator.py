"""What a database holds, and applying the revisions it lacks.

Alembic is imported only where something is to be applied: a start with nothing to do reads the
head of the code and the version of the database, and is done.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa

from ...logs import describe
from ..driver_errors import problem_of
from ..engines import check_foreign_keys
from ..problems import DatabaseProblem
from .history import History, identifiers
from .revision_log import SchemaRevision

if TYPE_CHECKING:
    from alembic.config import Config as AlembicConfig

log = logging.getLogger(__name__)

Progress = Callable[[str], None]
"""Told each step once it is done, such as ``migrated 3f2a…``."""

# In the schema where tables go: tables, partitioned and foreign ones, views, materialized views,
# sequences. An extension such as PostGIS brings tables of its own; they depend on it (type e).
_POSTGRES_RELATIONS = """
SELECT relname FROM pg_class
WHERE relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND relnamespace = current_schema()::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass
                  AND objid = pg_class.oid AND deptype = 'e')
"""

# The enumerated types of some tables' columns, or of arrays in them, that are in no other table.
_ENUMS = """
SELECT t.oid::regtype::text FROM pg_type t
WHERE t.typtype = 'e' AND t.typnamespace = current_schema()::regnamespace
  AND EXISTS (SELECT FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
              WHERE a.atttypid IN (t.oid, t.typarray) AND c.relname = ANY (:tables)
                AND c.relnamespace = t.typnamespace)
  AND NOT EXISTS (SELECT FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                  WHERE a.atttypid IN (t.oid, t.typarray) AND c.relname <> ALL (:tables)
                    AND c.relkind IN ('r', 'p'))
"""

# What may happen during a revision and has nothing to do with it: trying again helps, sooner or
# later.
_NO_REVISIONS_FAULT = {
    "db_corrupt",
    "db_disk_full",
    "db_locked",
    "db_shutting_down",
    "db_starting_up",
    "db_timeout",
    "db_unreachable",
}

# Alembic keeps the running environment in module globals: one run at a time in a process.
_ALEMBIC = threading.Lock()


def ignore(_step: str) -> None:
    """Listen to no step."""


def _none(_relations: set[str]) -> set[str]:
    return set()


@dataclass(frozen=True)
class Contents:
    """What is in a database.

    Attributes:
        kind: ``empty``, ``ours`` or ``foreign``.
        revisions: those it is at, if it is ours; more than one between branches.
    """

    kind: Literal["empty", "ours", "foreign"]
    revisions: frozenset[str] = frozenset()


def current(connection: sa.Connection, history: History) -> frozenset[str]:
    """Return the revision the database is at: nearly always one, two between branches, or none."""
    if not sa.inspect(connection).has_table(history.version_table):
        return frozenset()
    table = sa.table(history.version_table, sa.column("version_num"))
    return frozenset(connection.scalars(sa.select(table.c.version_num)))


def examine(
    connection: sa.Connection, history: History, ours: Callable[[set[str]], set[str]] = _none
) -> Contents:
    """Return whether the database is empty, this application's, or somebody else's.

    Args:
        connection: to the database.
        history: the core's.
        ours: returns which of the relations belong to us though no revision of the core made
            them, such as those of plugins.
    """
    tables = _relations(connection)
    tables -= ours(tables)
    if SchemaRevision.__tablename__ in tables:
        revisions = current(connection, history)
        return Contents("ours" if revisions else "foreign", revisions)
    # Taking back every revision leaves the version table behind, without a row.
    if not tables - {history.version_table} and not current(connection, history):
        return Contents("empty")
    return Contents("foreign")


def _relations(connection: sa.Connection) -> set[str]:
    """Return the names of the tables and views in the database that are not an extension's."""
    if connection.dialect.name == "postgresql":
        return set(connection.scalars(sa.text(_POSTGRES_RELATIONS)))
    inspector = sa.inspect(connection)
    return {*inspector.get_table_names(), *inspector.get_view_names()}


def drop(connection: sa.Connection, tables: Iterable[str]) -> None:
    """Drop tables, which may refer to each other, in the transaction of ``connection``."""
    names = [connection.dialect.identifier_preparer.quote(name) for name in sorted(tables)]
    if connection.dialect.name == "postgresql":
        if names:
            _drop_in_postgres(connection, names, sorted(tables))
        return
    for name in names:  # in any order: a migration's connection enforces no foreign key
        connection.exec_driver_sql(f"DROP TABLE {name}")


def _drop_in_postgres(
    connection: sa.Connection, quoted: Sequence[str], names: Sequence[str]
) -> None:
    """Drop tables, and the enumerated types that no other table uses."""
    types = list(connection.scalars(sa.text(_ENUMS), {"tables": list(names)}))
    connection.exec_driver_sql(f"DROP TABLE {', '.join(quoted)}")
    for name in types:
        connection.exec_driver_sql(f"DROP TYPE {name}")


def refuse_unusable(contents: Contents, history: History) -> None:
    """Refuse a database that is not ours to change.

    Raises:
        DatabaseProblem: ``db_not_empty`` or ``db_newer``.
    """
    if contents.kind == "foreign":
        raise DatabaseProblem(
            "db_not_empty",
            "The database already holds tables of something else. Create an empty database for "
            "this application and use that one. Nothing was changed.",
            retry_after=30,
        )
    unknown = contents.revisions - history.parents.keys()
    if unknown:
        raise DatabaseProblem(
            "db_newer",
            "The database was written by a newer version of the application. Update the "
            "application, or use another database or a backup from this version. Nothing was "
            "changed.",
            cause=f"the database is at revision {min(unknown)}, which this code lacks",
            retry_after=30,
        )


def upgrade(connection: sa.Connection, history: History, progress: Progress) -> list[str]:
    """Apply every pending revision of ``history`` in the transaction of ``connection``.

    Returns:
        The revisions that were applied.

    Raises:
        DatabaseProblem: ``migration_failed`` or ``db_foreign_key_broken``; its details name the
            revision, its cause why.
    """
    pending = history.pending(current(connection, history))
    if not pending:
        return []
    from alembic import command  # 90 ms, and seldom needed

    applied: list[str] = []

    def step_applied(revision: str) -> None:
        applied.append(revision)
        progress(f"migrated {revision}")

    try:
        with _ALEMBIC, blaming(history):
            config = alembic_config(history.directory, history.folder)
            config.attributes.update(connection=connection, history=history, applied=step_applied)
            command.upgrade(config, "head")
    except DatabaseProblem:
        raise
    except Exception as error:  # not in a revision: its file is no revision, or there are two
        raise _failed(history, None, error) from error
    check_foreign_keys(connection, applied)
    return applied


def run_alone(connection: sa.Connection, history: History, revision: str) -> None:
    """Do what one revision of ``history`` does, and write down nowhere that it was done.

    Raises:
        DatabaseProblem: as for :func:`upgrade`.
    """
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = alembic_config(history.directory, history.folder)
    options = {"target_metadata": history.declared()}
    with _ALEMBIC, blaming(history):
        script = ScriptDirectory.from_config(config).get_revision(revision)
        with Operations.context(MigrationContext.configure(connection, opts=options)):
            script.module.upgrade()


def stamp(connection: sa.Connection, history: History, revision: str) -> None:
    """Write down that a database is at ``revision``, without doing what the revision does."""
    from alembic import command

    config = alembic_config(history.directory, history.folder)
    config.attributes.update(connection=connection, history=history)
    with _ALEMBIC:
        command.stamp(config, revision)


@contextmanager
def blaming(history: History) -> Iterator[None]:
    """Turn whatever a revision of ``history`` raises into a problem that names it.

    An error that did not arise in a revision stays what it is.

    Raises:
        DatabaseProblem: ``migration_failed``; its details name the revision, its cause why.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a revision is free to raise anything
        revision = _culprit(history, error)
        if revision is None:
            raise
        raise _failed(history, revision, error) from error


def _culprit(history: History, error: BaseException) -> str | None:
    """Return the revision in whose file ``error`` arose: Alembic loads all before applying one."""
    place = _place(history, error)
    return identifiers(place[0]).get("revision") if place else None


def _place(history: History, error: BaseException) -> tuple[Path, int] | None:
    """Return the file and the line of a revision where ``error`` arose."""
    frames = traceback.walk_tb(error.__traceback__)
    places = [(Path(frame.f_code.co_filename), line) for frame, line in frames]
    if isinstance(error, SyntaxError):
        places.append((Path(error.filename or ""), error.lineno or 0))
    ours = [place for place in places if place[0].parent == history.versions]
    return ours[-1] if ours else None


def _failed(history: History, revision: str | None, error: BaseException) -> DatabaseProblem:
    if isinstance(error, sa.exc.DBAPIError):
        problem = problem_of(error)
        if problem.code in _NO_REVISIONS_FAULT:
            return problem
    return DatabaseProblem(
        "migration_failed",
        "A change of the schema failed and was taken back. Look at `flask db status`, correct "
        "the revision it names, then start again.",
        {"revision": revision} if revision else {},
        cause=f"{_where(history, revision, error)}{_cause(error)}",
        retry_after=10,
    )


def _where(history: History, revision: str | None, error: BaseException) -> str:
    place = _place(history, error)
    return f"revision {revision}: {place[0].name}, line {place[1]}: " if place else ""


def _cause(error: BaseException) -> str:
    if not isinstance(error, sa.exc.SQLAlchemyError):
        return describe(error)
    # Only here may a driver speak: its first line names the table or column that is wrong, and
    # the revision's author is helpless without it. Details, which may quote rows, come later.
    first_line = str(getattr(error, "orig", None) or error).partition("\n")[0]
    return f"{first_line} ({describe(error)})"


def alembic_config(directory: Path, folder: Path | None = None) -> AlembicConfig:
    """Return Alembic's configuration.

    Args:
        directory: the folder with ``alembic.ini`` and ``env.py``.
        folder: the folder with the revisions' files, if it is not ``versions`` in ``directory``.
    """
    from alembic.config import Config as AlembicConfig

    config = AlembicConfig(str(directory / "alembic.ini"))
    # The values go through ConfigParser, to which % means something.
    config.set_main_option("script_location", str(directory).replace("%", "%%"))
    if folder:
        config.set_main_option("version_locations", str(folder).replace("%", "%%"))
        config.set_main_option("path_separator", "newline")  # a path may hold any other
    return config
