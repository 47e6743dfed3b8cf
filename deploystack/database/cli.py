"""``flask db``: our commands beside Flask-Migrate's, in one group.

Flask looks for plug-in commands before an application's own, and Flask-Migrate registers the
group ``db`` by entry point. So ours join that very group, and the package registers the same
object under the same name: whichever of the two entry points is loaded last, all are there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import click
from flask import current_app
from flask_migrate.cli import db

from ..errors import ApiError
from . import reset, setup
from .access import is_owned
from .check import check
from .commanding import adding_to
from .handle import Database, get_database
from .migrations import glue
from .postgres.connection_string import parse_operator
from .report import report
from .setup_token import ensure_token, renew_token
from .target import SqliteTarget, Target

__all__ = ["db"]

glue.install(db)

command = adding_to(db)


def choosing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name a database."""
    from_file = click.option(
        "--connection-string-file",
        type=click.File(encoding="utf-8"),
        help="Holds postgresql://user:password@host:port/database; - is standard input.",
    )
    kind = click.option("--type", "kind", type=click.Choice(["sqlite", "postgres"]))
    return kind(from_file(function))


@command("status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Show which database is in use, its revision, and what is wrong with it, if anything."""
    found = report(_database())
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        for name, value in found.items():
            if value not in (None, [], {}):
                click.echo(f"{name.replace('_', ' ') + ':':15} {_shown(value)}")
    if found["problem"]:
        click.get_current_context().exit(1)


@command("setup")
@choosing
def set_up(kind: str | None, connection_string_file: Any) -> None:
    """Choose a database and set it up, as the wizard does."""
    database = _database()
    setup.refuse_if_chosen(database)
    target = _named(database, kind, connection_string_file)
    if target is None:
        raise click.UsageError("Say which kind: --type sqlite, or --type postgres.")
    if not setup.set_up(database, target, progress=_show_progress):
        raise click.ClickException("It is set up, but could not be used at once. See the log.")
    click.echo(f"The {target.dialect} database is set up and ready to use.")


@command("check-connection")
@choosing
def check_connection(kind: str | None, connection_string_file: Any) -> None:
    """Look at a database (the configured one, unless one is named) and change nothing."""
    database = _database()
    target = _named(database, kind, connection_string_file) or database.target()
    found = check(target, database.schema)
    click.echo(f"{found.dialect} {found.server_version} can be used. It is {found.contents.kind}.")


@command("setup-token")
@click.option("--renew", is_flag=True, help="Make a new token; the old one is void.")
def setup_token(renew: bool) -> None:
    """Print the token for setup, and for the first account, from another machine."""
    database = _database()
    try:
        setup.refuse_if_chosen(database)
    except ApiError as error:
        if error.status != 409 or is_owned(current_app):
            raise
    click.echo(renew_token(database.config) if renew else ensure_token(database.config))


@command("reset")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@click.option("--delete-data", is_flag=True, help="Delete the tables and rows as well.")
def reset_database(yes: bool, delete_data: bool) -> None:
    """Forget which database was chosen; its data stays, unless told otherwise."""
    question = "Forget the database and DELETE its data?" if delete_data else "Forget the database?"
    if not yes:
        click.confirm(question, abort=True)
    reset.reset(_database(), delete_data=delete_data)
    click.echo("Forgotten." + (" Its data is deleted." if delete_data else " Its data is kept."))


def _database() -> Database:
    return get_database(current_app)


def _named(database: Database, kind: str | None, connection_string_file: Any) -> Target | None:
    if kind == "sqlite":
        if connection_string_file:
            raise click.UsageError("SQLite has no connection string.")
        return SqliteTarget(database.config.sqlite_file)
    if kind is None and connection_string_file is None:
        return None
    if connection_string_file is None:
        return parse_operator(click.prompt("Connection string", hide_input=True).strip())
    return parse_operator(connection_string_file.read().strip())


def _show_progress(step: str) -> None:
    with suppress(OSError):  # a terminal that is gone is no reason to stop half-way
        click.echo(f"  {step}", err=True)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key} {text}" for key, text in value.items() if text)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
