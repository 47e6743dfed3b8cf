"""The contract: what a plugin may implement, and when each function is called.

Each function below is a hook. A plugin implements those it needs, decorated with ``hookimpl``; only
``deploystack_metadata`` is required. Plugins are called in the order of their names, one after the
other, so that it is the same everywhere.

Whatever a plugin raises, in whichever hook, quarantines that plugin: what it did in the database is
rolled back, its routes answer 503, and the reason is in the log, in ``GET /api/plugins`` and in
``flask plugins show``. Nothing else is affected.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

from .declarations import PluginMetadata, SettingGroup

if TYPE_CHECKING:
    import click
    from flask import Blueprint, Flask
    from sqlalchemy import Table
    from sqlalchemy.orm import Session

    from .model import Model

PROJECT = "deploystack"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin as the implementation of the hook of the same name."""


@hookspec
def deploystack_metadata() -> PluginMetadata:  # type: ignore[empty-body]
    """Return the plugin's name, version and description.

    Fires first and once, while the application is made: in the server's main process, and in every
    ``flask`` command. May touch nothing: there is no database yet.
    """


@hookspec
def deploystack_tables() -> Iterable[type[Model] | Table]:  # type: ignore[empty-body]
    """Return the tables that the plugin owns. Their names begin with the plugin's and ``_``.

    Fires once, while the application is made, after the metadata of every plugin is known. Those
    that are missing are created when the plugin first meets a database, unless it has revisions.
    """


@hookspec
def deploystack_migrations() -> Path | None:
    """Return the folder with the plugin's revisions, or ``None`` while it has none.

    Fires once, while the application is made. The folder need not exist before the first revision
    is generated.
    """


@hookspec
def deploystack_settings() -> Iterable[SettingGroup]:  # type: ignore[empty-body]
    """Return groups of settings with their defaults.

    The keys begin with the plugin's name and ``.``. Fires once, while the application is made.
    """


@hookspec
def deploystack_blueprints() -> Iterable[Blueprint]:  # type: ignore[empty-body]
    """Return the blueprints with the plugin's routes, which appear below ``/api/plugin/NAME/``.

    Fires once, while the application is made. The routes are there from the start and answer 503
    until the plugin is active.
    """


@hookspec
def deploystack_commands(cli: click.Group) -> None:
    """Add commands to ``cli``; they appear beside ``flask db``. None may replace another.

    Fires once, while the application is made.
    """


@hookspec
def deploystack_seed(session: Session) -> None:
    """Add the rows that the plugin needs.

    Fires in the one transaction of setup, or of an upgrade, after the plugin's tables are there: in
    the process that does it, with an application context. Must be idempotent, because it is called
    again after every upgrade of the plugin or of DeployStack. Must not commit; what it did is
    committed with everything else. Is cut off after ``DEPLOYSTACK_PLUGIN_TIMEOUT`` seconds.
    """


@hookspec
def deploystack_database_ready(app: Flask) -> None:
    """Begin to work: the database is in use.

    Fires in every worker process, after each time it binds to a database, with an application
    context, so that ``db.session`` works; in a command that uses ``db.session``, too. The plugin's
    routes open once it returns. Is cut off after ``DEPLOYSTACK_PLUGIN_TIMEOUT`` seconds.
    """


@hookspec
def deploystack_shutdown(app: Flask) -> None:
    """Let go of what was begun: this worker process ends.

    Fires once in every worker process in which the plugin was active, as it stops; not if it is
    killed. The database may be gone already. Is cut off after ``DEPLOYSTACK_PLUGIN_TIMEOUT``
    seconds.
    """
