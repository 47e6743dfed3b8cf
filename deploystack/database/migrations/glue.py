"""What Flask-Migrate's own commands need: the application's handle, and a database to look at."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
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
from ..problems import DatabaseProblem
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
    upgrade = group.commands["upgrade"]
    plain_upgrade = upgrade.callback
    assert enter  # noqa: S101
    assert plain_upgrade  # noqa: S101

    @with_appcontext
    def enter_prepared(**options: Any) -> None:
        prepare()
        enter(**options)

    @with_appcontext
    def upgrade_to_head(**options: Any) -> None:
        asked_for_more = options["sql"] or options["tag"] or options["directory"]
        is_of_all = chosen_history([*g.x_arg, *(options["x_arg"] or ())]).name == "core"
        if asked_for_more or options["revision"] not in {"head", "heads"} or not is_of_all:
            plain_upgrade(**options)
        else:
            _upgrade(get_database(current_app))

    group.callback = enter_prepared
    upgrade.callback = upgrade_to_head
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


def _upgrade(database: Database) -> None:
    """Do what a start does: every pending revision and the seeds, in one transaction."""
    applied: list[str] = []

    def progress(step: str) -> None:
        applied.append(step)
        click.echo(f"  {step}", err=True)

    def attempt() -> None:
        with engines.migration(database.target(), create=True) as connection:
            database.schema.bring_up_to_date(connection, initialise=True, progress=progress)

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
    click.echo("The database is up to date." if applied else "Nothing to apply.")


def _configure(config: AlembicConfig, history: History) -> AlembicConfig:
    """Say what Alembic works on: a scratch database for a new revision, else the chosen one."""
    context = click.get_current_context()
    database = get_database(current_app)
    config.attributes["history"] = history
    config.attributes["upgrades"] = context.info_name == "upgrade"
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
