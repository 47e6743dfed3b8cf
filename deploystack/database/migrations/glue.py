"""What Flask-Migrate's own commands need: the application's handle, and a database to look at."""

from __future__ import annotations

import tempfile
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

from .. import engines
from ..binding import db as handle
from ..handle import Database, get_database
from ..problems import DatabaseProblem
from ..selection import NoSelection
from ..target import SqliteTarget
from . import failure
from .migrator import alembic_config


class _Migrate(Migrate):  # type: ignore[misc]
    """Flask-Migrate, but in a folder of any name, and on a database of our choice."""

    def get_config(
        self,
        directory: str | None = None,
        x_arg: str | Sequence[str] | None = None,
        opts: Sequence[str] | None = None,
    ) -> AlembicConfig:
        """Return Alembic's configuration for the command at hand."""
        config = alembic_config(Path(directory or self.directory))
        given = [x_arg] if isinstance(x_arg, str) else list(x_arg or ())
        config.cmd_opts = Namespace(
            x=[*g.get("x_arg", ()), *given], **dict.fromkeys(opts or (), True)
        )
        return _configure(config)


def install(group: click.Group) -> None:
    """Make ``group``, Flask-Migrate's, work on whatever database the application has chosen."""
    enter = group.callback
    upgrade = group.commands["upgrade"]
    plain_upgrade = upgrade.callback
    assert enter  # noqa: S101
    assert plain_upgrade  # noqa: S101

    @with_appcontext
    def enter_prepared(**options: Any) -> None:
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        _Migrate(app, handle, directory=str(get_database(app).config.migrations_dir))
        enter(**options)

    @with_appcontext
    def upgrade_to_head(**options: Any) -> None:
        asked_for_more = options["sql"] or options["tag"] or options["directory"]
        if asked_for_more or options["revision"] not in {"head", "heads"}:
            plain_upgrade(**options)
        else:
            _upgrade(get_database(current_app))

    group.callback = enter_prepared
    upgrade.callback = upgrade_to_head
    group.help = group.short_help = "Set up, inspect and migrate the database."


def _upgrade(database: Database) -> None:
    """Do what a start does: every pending revision and the seeds, in one transaction."""
    applied: list[str] = []

    def progress(step: str) -> None:
        applied.append(step)
        click.echo(f"  {step}", err=True)

    try:
        with engines.migration(database.target(), create=True) as connection:
            database.schema.bring_up_to_date(connection, initialise=True, progress=progress)
    except NoSelection:
        raise click.ClickException(
            "No database has been chosen yet. Run `flask db setup` first. [not_configured]"
        ) from None
    except DatabaseProblem as problem:
        failure.record(database.config.data_dir, problem)
        raise click.ClickException(problem.for_operator()) from None
    failure.clear(database.config.data_dir)
    click.echo("The database is up to date." if applied else "Nothing to apply.")


def _configure(config: AlembicConfig) -> AlembicConfig:
    """Say what Alembic works on: a scratch database for a new revision, else the chosen one."""
    context = click.get_current_context()
    database = get_database(current_app)
    config.attributes["history"] = database.history
    config.attributes["upgrades"] = context.info_name == "upgrade"
    if context.info_name in {"migrate", "revision"} or (
        context.info_name == "check" and not _is_configured(database)
    ):
        config.attributes["scratch"] = True
        config.attributes["connection"] = context.with_resource(_scratch(database))
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
def _scratch(database: Database) -> Iterator[sa.Connection]:
    """Open a throw-away SQLite database at head: a revision is what the models have beyond it.

    The result is then the same on every machine, whatever its own database holds.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            target = SqliteTarget(Path(folder) / "scratch.db")
            with engines.migration(target, create=True) as connection:
                database.schema.bring_up_to_date(connection, initialise=True)
                yield connection
    except DatabaseProblem as problem:
        raise click.ClickException(problem.for_operator()) from None
