"""Which database, and is it ready.

A request goes ``routes`` → ``setup`` → ``handle``. Everything else here serves those three.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask

from ..config import Config
from ..errors import answer_unexpected
from .binding import Model, db
from .errors import register_database_errors
from .handle import Database, get_database
from .migrations.additions import Additions, InOrder, Listener
from .migrations.history import History
from .migrations.schema import IsSeeded, Schema, Seed

__all__ = ["Database", "Model", "db", "get_database", "init_database"]


def init_database(
    app: Flask,
    config: Config,
    *,
    seeds: Sequence[Seed],
    is_seeded: IsSeeded,
    additions: Additions,
    listeners: Sequence[Listener],
) -> None:
    """Give ``app`` its database, whichever that will be. Nothing is connected yet.

    Args:
        app: the application.
        config: its configuration.
        seeds: what adds the rows that every installation needs.
        is_seeded: tells whether a database has them.
        additions: what else lives in the database.
        listeners: begin to work, one after the other, whenever a database comes into use.

    Raises:
        ConfigError: the operator's choice cannot be used, or contradicts the one on disk.
    """
    schema = Schema(History("core", config.migrations_dir), seeds, additions, is_seeded)
    database = Database(config, schema, InOrder(listeners))
    database.register(app)
    db.init_rebindable(app, acquire=database.lease)
    register_database_errors(app, answer_unexpected)
