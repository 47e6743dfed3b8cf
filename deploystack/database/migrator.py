"""Histories of revisions: what the code has, what a database has, and applying the difference.

Alembic is imported only where something is to be applied: a start with nothing to do reads the
head of the code and the version of the database, and is done.
"""

from __future__ import annotations

import ast
import logging
import re
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from ..logs import describe
from .engines import check_foreign_keys, problem_of
from .problems import DatabaseProblem
from .revision_log import SchemaRevision

if TYPE_CHECKING:
    from alembic.config import Config as AlembicConfig

log = logging.getLogger(__name__)

Progress = Callable[[str], None]
"""Told each step once it is done, such as ``migrated 3f2a…``."""

_IDENTIFIERS = re.compile(rb"^(revision|down_revision)\b[^=\n]*=\s*(\([^)]*\)|.*)$", re.MULTILINE)

# In the schema where tables go: tables, partitioned and foreign ones, views, materialized views,
# sequences. An extension such as PostGIS brings tables of its own; they depend on it (type e).
_POSTGRES_RELATIONS = """
SELECT relname FROM pg_class
WHERE relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND relnamespace = current_schema()::regnamespace
  AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass
                  AND objid = pg_class.oid AND deptype = 'e')
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


@dataclass(frozen=True)
class History:
    """A linear history of revisions and the table that says how far a database is.

    Args:
        name: ``core``, or the plugin it belongs to.
        directory: the folder with ``alembic.ini``, ``env.py`` and ``versions``.
        version_table: the table that holds the current revision.
    """

    name: str
    directory: Path
    version_table: str = "alembic_version"

    @property
    def versions(self) -> Path:
        """The folder with the revisions' files."""
        return self.directory / "versions"

    @cached_property
    def parents(self) -> dict[str, tuple[str, ...]]:
        """Each revision's id and those it follows, read from the files without running them.

        Loading a thousand revisions through Alembic costs half a second; this costs 30 ms.
        """
        parents = {}
        for file in sorted(self.versions.glob("[!_.]*.py")):
            found = _identifiers(file)
            if "revision" in found:
                down = found.get("down_revision") or ()
                parents[found["revision"]] = (down,) if isinstance(down, str) else tuple(down)
        return parents

    @cached_property
    def head(self) -> str | None:
        """The newest revision of the code; computed once.

        Raises:
            DatabaseProblem: two revisions claim to be the newest.
        """
        followed = {parent for parents in self.parents.values() for parent in parents}
        heads = sorted(set(self.parents) - followed)
        if len(heads) > 1:
            raise DatabaseProblem(
                "migration_branches",
                "The code has more than one newest revision of the schema. Join them with "
                "`flask db merge`, then start again.",
                cause=f"heads {', '.join(heads)}",
                retry_after=30,
            )
        return heads[0] if heads else None

    def pending(self, current: Iterable[str]) -> list[str]:
        """Return the revisions a database at ``current`` lacks, oldest first."""
        applied = set(self._with_ancestors(*current))
        ordered = [self.head] if self.head else []
        return [r for r in self._with_ancestors(*ordered) if r not in applied]

    def _with_ancestors(self, *revisions: str) -> Iterator[str]:
        done: set[str] = set()
        stack = list(revisions)
        while stack:  # depth first without recursion: a thousand revisions are a long chain
            missing = [p for p in self.parents.get(stack[-1], ()) if p not in done]
            if missing:
                stack.extend(missing)
                continue
            revision = stack.pop()
            if revision not in done:
                done.add(revision)
                yield revision


def _identifiers(file: Path) -> dict[str, Any]:
    """Return what ``file`` assigns to ``revision`` and to ``down_revision``."""
    source = file.read_bytes()
    with suppress(SyntaxError, ValueError):
        found = {
            key.decode(): ast.literal_eval(value.decode().strip())
            for key, value in _IDENTIFIERS.findall(source.partition(b"\ndef ")[0])
        }
        if len(found) == 2:
            return found
    try:
        return _parsed_identifiers(source)
    except (SyntaxError, ValueError) as error:
        raise DatabaseProblem(
            "migration_unreadable",
            "A revision of the schema cannot be read. Look at `flask db status`, correct the "
            "file it names, then start again. Nothing was changed.",
            cause=f"{file.name}: {describe(error)}",
            retry_after=30,
        ) from error


def _parsed_identifiers(source: bytes) -> dict[str, Any]:
    """Return the same however it is written, in ten times the time."""
    found = {}
    for statement in ast.parse(source).body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(name)], value=ast.expr() as value)
                | ast.AnnAssign(target=ast.Name(name), value=ast.expr() as value)
            ) if name in {"revision", "down_revision"}:
                found[name] = ast.literal_eval(value)
    return found


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


def examine(connection: sa.Connection, history: History) -> Contents:
    """Return whether the database is empty, this application's, or somebody else's."""
    tables = _relations(connection)
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
            command.upgrade(_alembic_config(history, connection, step_applied), "head")
    except DatabaseProblem:
        raise
    except Exception as error:  # not in a revision: its file is no revision, or there are two
        raise _failed(history, None, error) from error
    check_foreign_keys(connection, applied)
    return applied


@contextmanager
def blaming(history: History) -> Iterator[None]:
    """Turn whatever a revision of ``history`` raises into a problem that names it.

    An error that did not arise in a revision stays what it is.

    Raises:
        DatabaseProblem: ``migration_failed``; its details name the revision, its cause why.
    """
    try:
        yield
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # a revision may raise anything
        revision = _culprit(history, error)
        if revision is None:
            raise
        raise _failed(history, revision, error) from error


def _culprit(history: History, error: BaseException) -> str | None:
    """Return the revision in whose file ``error`` arose: Alembic loads all before applying one."""
    place = _place(history, error)
    return _identifiers(place[0]).get("revision") if place else None


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


def _alembic_config(
    history: History, connection: sa.Connection, applied: Callable[[str], None]
) -> AlembicConfig:
    from alembic.config import Config as AlembicConfig

    config = AlembicConfig(str(history.directory / "alembic.ini"))
    # The value goes through ConfigParser, to which % means something.
    config.set_main_option("script_location", str(history.directory).replace("%", "%%"))
    config.attributes.update(connection=connection, history=history, applied=applied)
    return config
