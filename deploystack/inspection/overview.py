"""How everything is, at a glance."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Flask

from ..database import get_database
from ..database.looking import looking
from ..database.reading import reader
from ..database.report import location
from ..plugins.routes import shown as plugin_shown
from ..plugins.service import get_service
from ..settings import get_settings
from ..settings.condition import condition
from . import audit, catalogue
from .concerns import Concern, concerns
from .revisions import pending

RECENT = 10
"""How many entries of the log are told."""


def overview(app: Flask, engine: sa.Engine) -> dict[str, Any]:
    """Return how the database, the plugins and the settings are, and what was done last.

    ``warnings`` are objects, for whoever translates them.

    Raises:
        ApiError: 422 ``inspection_timeout``.
    """
    with looking(engine) as connection:
        version = catalogue.server_version(connection)
        size = catalogue.database_bytes(connection)
    database = get_database(app)
    state = database.current()
    session = reader()
    service = get_service(app)
    recent, _ = audit.entries(session, RECENT)
    found = concerns(
        app, database.config, condition(get_settings(app), session), pending(app, engine)
    )
    return {
        "database": {
            "state": state.phase,
            "dialect": state.dialect,
            "server_version": version,
            "bytes": size,
            "location": location(state.target) if state.target else None,
            "chosen_by": "operator" if database.is_chosen_by_operator else "setup",
        },
        "plugins": [plugin_shown(service, plugin) for plugin in service.plugins.all],
        "audit": recent,
        "warnings": found,
    }


def told(found: dict[str, Any]) -> dict[str, Any]:
    """Return an overview as JSON has it."""
    all_concerns: list[Concern] = found["warnings"]
    return {**found, "warnings": [concern.shown() for concern in all_concerns]}
