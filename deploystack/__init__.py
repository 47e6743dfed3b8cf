"""DeployStack: the first-run database service of a self-hosted backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask

from . import health
from .app import DeployStack
from .commands import register_commands
from .config import Config
from .data_folder import prepare_data_folder, signing_key
from .database import init_database
from .database.routes import blueprint as database_blueprint
from .errors import register_error_handlers
from .http import register_http
from .logs import configure_logging
from .models import seed_roles

__all__ = ["Config", "__version__", "create_app"]

__version__ = "0.1.0"


def create_app(config: Config | Mapping[str, Any] | None = None) -> Flask:
    """Build the application. Connects to no database and migrates nothing.

    Args:
        config: a :class:`Config`; or the environment's, where this is ``None``; or a mapping of
            variables that beat the environment's, and of Flask's own settings.

    Returns:
        A Flask application for any WSGI server.

    Raises:
        ConfigError: a value cannot be used; its one sentence names the variable.
    """
    settings, flask_settings = Config.resolve(config)
    configure_logging(settings)
    prepare_data_folder(settings)

    app = DeployStack(signing_key(settings), flask_settings)
    register_http(app, settings)
    register_error_handlers(app)
    init_database(app, settings, seeds=[seed_roles])

    app.register_blueprint(health.blueprint)
    app.register_blueprint(database_blueprint)
    register_commands(app)
    return app
