"""``flask plugins``: see, make, migrate, retry and purge plugins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from flask import current_app, g
from flask.cli import with_appcontext

from ..database import get_database
from ..database.cli import db
from ..database.commanding import adding_to
from ..database.migrations import glue
from . import purge as purging
from . import scaffold
from .plugin import Plugin
from .registry import is_disabled
from .report import report
from .service import Service, get_service

OF_MIGRATE = ("migrate", "revision", "upgrade", "downgrade", "history", "current", "check", "stamp")
"""The commands of ``flask db`` that exist for a plugin too, with its name as first argument."""


@click.group()
def plugins() -> None:
    """List, make, migrate and remove plugins."""


command = adding_to(plugins)


@command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_plugins(as_json: bool) -> None:
    """Show every plugin and how it is."""
    found = report(_app())
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    if not found:
        click.echo("There are no plugins.")
    for entry in found:
        version = entry["version"] or "-"
        code = f" ({entry['code']})" if entry["code"] else ""
        click.echo(f"{entry['name']:20} {version:10} {entry['state']}{code}")


@command("show")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(name: str, as_json: bool) -> None:
    """Show one plugin: its tables, revision, settings, routes, and what is wrong with it."""
    index = _service().plugins.all.index(_plugin(name))
    found = report(_app())[index]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for key, value in found.items():
        if value not in (None, [], ""):
            text = "\n             ".join(value) if isinstance(value, list) else value
            click.echo(f"{key + ':':12} {text}")


@command("retry")
@click.argument("name")
def retry(name: str) -> None:
    """Try a quarantined plugin again, here and in running servers."""
    plugin, service = _plugin(name), _service()
    if plugin.is_disabled:
        raise is_disabled(name)
    service.plugins.retry(plugin)
    glue.bring_to_head(name)
    click.echo(
        f"The plugin {name!r} is tried again: running servers use it from their next request to it."
    )


@command("purge")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do it without asking.")
def purge(name: str, yes: bool) -> None:
    """Delete the tables and the settings of a plugin, installed or not."""
    database = get_database(_app())
    for table, rows in purging.contents(database, name).items():
        click.echo(f"{table:40} {rows} row{'' if rows == 1 else 's'}")
    if not yes:
        click.confirm("Delete all of this?", abort=True)
    purging.purge(database, name)
    click.echo("Deleted.")
    if any(plugin.name == name and plugin.is_loaded for plugin in _service().plugins.all):
        click.echo(
            f"The plugin {name!r} is still in use: it makes its tables anew. To be rid of it, "
            "uninstall it or name it in DEPLOYSTACK_PLUGINS_DISABLED."
        )


@command("new")
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="The folder in which the plugin's own folder is made; the current one by default.",
)
def new(name: str, into: Path) -> None:
    """Write a new plugin, as a package that can be installed, with tests that pass."""
    folder = scaffold.write(name, into)
    click.echo(f"Wrote {folder}. Next:")
    click.echo(f"  pip install --no-build-isolation --no-deps -e {folder}")
    click.echo(f"  python -m pytest {folder}")


def _spell(name: str) -> None:
    """Add ``flask plugins NAME PLUGIN``, which is ``flask db -x plugin=PLUGIN NAME``."""
    original = db.commands[name]
    callback = original.callback
    assert callback  # noqa: S101

    @with_appcontext
    def spelled(plugin: str, **options: Any) -> None:
        glue.prepare()
        g.directory, g.x_arg = None, (f"plugin={plugin}",)
        callback(**options)

    plugins.add_command(
        click.Command(
            name,
            params=[click.Argument(["plugin"]), *original.params],
            callback=spelled,
            help=original.help,
        )
    )


for _name in OF_MIGRATE:
    _spell(_name)


def _app() -> Any:
    return current_app._get_current_object()  # type: ignore[attr-defined]


def _service() -> Service:
    return get_service(current_app)


def _plugin(name: str) -> Plugin:
    return _service().plugins.get(name)
