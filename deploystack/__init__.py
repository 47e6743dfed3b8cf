"""DeployStack: the first-run database service of a self-hosted backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Flask

from . import health
from .app import DeployStack
from .auth import Appointed, declare_used, init_auth
from .commands import register_commands
from .config import Config
from .data_folder import prepare_data_folder, signing_key
from .database import init_database
from .database.routes import blueprint as database_blueprint
from .errors import answer_unexpected, register_error_handlers
from .http import register_http
from .inspection.routes import blueprint as inspection_blueprint
from .logs import configure_logging
from .models import seed_roles
from .openapi.routes import init_openapi
from .plugins.registry import Plugins
from .plugins.routes import blueprint as plugins_blueprint
from .plugins.routes import mount_routes
from .plugins.service import Service
from .plugins.upkeep import Upkeep
from .settings import init_settings
from .settings.group_routes import blueprint as setting_groups_blueprint
from .settings.routes import blueprint as settings_blueprint
from .web import init_web

__all__ = ["Config", "__version__", "create_app"]

__version__ = "0.1.0"


def create_app(
    config: Config | Mapping[str, Any] | None = None, *, plugins: Sequence[object] = ()
) -> Flask:
    """Build the application. Connects to no database and migrates nothing.

    Args:
        config: a :class:`Config`; or the environment's, where this is ``None``; or a mapping of
            variables that beat the environment's, and of Flask's own settings.
        plugins: modules or objects with hooks, besides the plugins that are installed.

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
    register_error_handlers(app, answer_unexpected)

    found = Plugins(settings, plugins)
    stored = init_settings(app, settings, found.declared_settings())
    upkeep = Upkeep(app, found, settings.plugin_timeout)
    service = Service(app, found, upkeep, settings.plugin_timeout)
    init_database(
        app,
        settings,
        seeds=[seed_roles, stored.seed],
        is_seeded=stored.is_seeded,
        additions=upkeep,
        listeners=[stored, Appointed(app, settings), service],
    )
    init_auth(app)

    app.register_blueprint(health.blueprint)
    app.register_blueprint(database_blueprint)
    app.register_blueprint(plugins_blueprint)
    app.register_blueprint(settings_blueprint)
    app.register_blueprint(setting_groups_blueprint)
    app.register_blueprint(inspection_blueprint)
    mount_routes(app)
    init_openapi(app, __version__)
    init_web(app)
    declare_used(app)
    register_commands(app)
    return app
