"""Which database, and is it ready.

A request goes ``routes`` → ``setup`` → ``handle``. Everything else here serves those three.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask

from ..config import Config
from .binding import Model, db
from .errors import register_database_errors
from .handle import Database, get_database
from .migrations.history import History
from .migrations.schema import Schema, Seed

__all__ = ["Database", "Model", "db", "get_database", "init_database"]


def init_database(app: Flask, config: Config, seeds: Sequence[Seed]) -> None:
    """Give ``app`` its database, whichever that will be. Nothing is connected yet.

    Args:
        app: the application.
        config: its configuration.
        seeds: what adds the rows that every installation needs.

    Raises:
        ConfigError: the operator's choice cannot be used, or contradicts the one on disk.
    """
    database = Database(config, Schema(History("core", config.migrations_dir), seeds))
    database.register(app)
    db.init_rebindable(app, acquire=database.lease)
    register_database_errors(app)
