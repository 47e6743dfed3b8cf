"""What Flask-Migrate's own commands need: the application's handle, and a database to look at."""

from __future__ import annotations

import functools
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
from alembic.config import Config as AlembicConfig
from flask import current_app, g
from flask.cli import with_appcontext
from flask_migrate import Migrate

from ...errors import ApiError
from .. import engines
from ..binding import db as handle
from ..handle import Database, get_database
from ..problems import DatabaseProblem, pending
from ..selection import NoSelection
from . import failure, migrator
from .additions import undisturbed
from .history import History
from .migrator import alembic_config
from .schema import scratch


class _Migrate(Migrate):  # type: ignore[misc]
    """Flask-Migrate, but in a folder of any name, and on a database of our choice."""

    def get_config(
        self,
        directory: str | None = None,
        x_arg: str | Sequence[str] | None = None,
        opts: Sequence[str] | None = None,
    ) -> AlembicConfig:
        """Return Alembic's configuration for the command at hand."""
        given = [x_arg] if isinstance(x_arg, str) else list(x_arg or ())
        given = [*g.get("x_arg", ()), *given]
        history = chosen_history(given)
        config = alembic_config(Path(directory or self.directory), history.folder)
        config.cmd_opts = Namespace(x=given, **dict.fromkeys(opts or (), True))
        return _configure(config, history)


def install(group: click.Group) -> None:
    """Make ``group``, Flask-Migrate's, work on whatever database the application has chosen."""
    enter = group.callback
    upgrade, migrate = group.commands["upgrade"], group.commands["migrate"]
    plain_upgrade, plain_migrate = upgrade.callback, migrate.callback
    assert enter  # noqa: S101
    assert plain_upgrade  # noqa: S101
    assert plain_migrate  # noqa: S101

    @with_appcontext
    def enter_prepared(**options: Any) -> None:
        prepare()
        enter(**options)

    @with_appcontext
    def upgrade_to_head(**options: Any) -> None:
        asked_for_more = options["sql"] or options["tag"] or options["directory"]
        if asked_for_more or options["revision"] not in {"head", "heads"}:
            plain_upgrade(**options)
        else:
            history = chosen_history([*g.x_arg, *(options["x_arg"] or ())])
            bring_to_head(None if history.name == "core" else history.name)

    @with_appcontext
    def migrate_from_baseline(**options: Any) -> None:
        history = chosen_history([*g.x_arg, *(options["x_arg"] or ())])
        try:
            if history.folder and history.head is None:
                _write_baseline(history, functools.partial(plain_migrate, **options))
            plain_migrate(**options)
        except OSError as error:
            raise click.ClickException(f"{error.filename}: {error.strerror}") from None

    group.callback = enter_prepared
    upgrade.callback = upgrade_to_head
    migrate.callback = migrate_from_baseline
    group.help = group.short_help = "Set up, inspect and migrate the database."


def prepare() -> None:
    """Let Flask-Migrate's commands run in this application context."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    _Migrate(app, handle, directory=str(get_database(app).config.migrations_dir))


def chosen_history(x_arg: Sequence[str]) -> History:
    """Return the history that ``-x plugin=NAME`` names, or the core's.

    Raises:
        ClickException: no plugin with revisions has this name.
    """
    database = get_database(current_app)
    names = [value.removeprefix("plugin=") for value in x_arg if value.startswith("plugin=")]
    if not names:
        return database.history
    try:
        return database.schema.additions.history(names[-1])
    except ApiError as error:
        raise click.ClickException(f"{error.sentence} [{error.code}]") from None


def _write_baseline(history: History, write: Callable[..., object]) -> None:
    """Write what the database in use has already as a first revision, if that is not the same."""
    g.baseline = get_database(current_app).schema.additions.baseline(history.name)
    if g.baseline is not None:
        click.echo("The database has tables of before. The first revision is made from them.")
        write(message="tables as they were", rev_id=None)
        history.reread()
    g.baseline = None


def bring_to_head(only: str | None) -> None:
    """Do what a start does: every pending revision and the seeds, in one transaction.

    Args:
        only: the one plugin that is meant, if not everything is.

    Raises:
        ClickException: the database, the core's schema or a plugin stands in the way.
    """
    database = get_database(current_app)
    applied: list[str] = []
    additions = database.schema.additions

    def progress(step: str) -> None:
        applied.append(step)
        click.echo(f"  {step}", err=True)

    def attempt() -> None:
        with engines.migration(database.target(), create=True) as connection:
            if only is None:
                database.schema.bring_up_to_date(connection, initialise=True, progress=progress)
            elif database.schema.is_current(connection):
                additions.bring_up_to_date(connection, only=only, progress=progress)
            else:
                raise pending()

    try:
        undisturbed(attempt)
    except NoSelection:
        raise click.ClickException(
            "No database has been chosen yet. Run `flask db setup` first. [not_configured]"
        ) from None
    except DatabaseProblem as problem:
        failure.record(database.config.data_dir, problem)
        raise click.ClickException(problem.for_operator()) from None
    failure.clear(database.config.data_dir)
    failures = additions.failures(only)
    if failures:
        raise click.ClickException("\n".join(failures))
    click.echo("The database is up to date." if applied else "Nothing to apply.")


def _configure(config: AlembicConfig, history: History) -> AlembicConfig:
    """Say what Alembic works on: a scratch database for a new revision, else the chosen one."""
    context = click.get_current_context()
    database = get_database(current_app)
    config.attributes["history"] = history
    config.attributes["declared"] = g.get("baseline")
    config.attributes["upgrades"] = context.info_name == "upgrade"
    if context.info_name in {"migrate", "revision"} and history.folder:
        history.folder.mkdir(parents=True, exist_ok=True)
    if context.info_name in {"migrate", "revision"} or (
        context.info_name == "check" and not _is_configured(database)
    ):
        config.attributes["scratch"] = True
        config.attributes["connection"] = context.with_resource(_scratch_at_head(history))
    return config


def _is_configured(database: Database) -> bool:
    try:
        database.target()
    except NoSelection:
        return False
    except DatabaseProblem:  # the command itself will say what is wrong
        return True
    return True


@contextmanager
def _scratch_at_head(history: History) -> Iterator[sa.Connection]:
    """Open a throw-away database at the head of ``history``: a revision is what lies beyond it.

    The result is then the same on every machine, whatever its own database holds.
    """
    try:
        with scratch(get_database(current_app).schema) as connection:
            migrator.upgrade(connection, history, migrator.ignore)
            yield connection
    except DatabaseProblem as problem:
        raise click.ClickException(problem.for_operator()) from None
