"""What there is once everything is set up, told in a few lines."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Flask

from ...database import get_database
from ...database.reading import reading
from ...database.report import location
from ...openapi.routes import is_shown
from ...plugins.service import get_service


def summary(app: Flask) -> dict[str, Any]:
    """Return what was made, where it is, and what is not as it should be.

    Returns:
        ``dialect``, ``location`` (without password), ``tables`` (how many there are),
        ``plugins`` (the names of those at work), ``failed_plugins`` and ``is_api_shown``
        (whether there is the documentation of the API).
    """
    target = get_database(app).target()
    service = get_service(app)
    service.wait()
    with reading() as connection:
        tables = sa.inspect(connection).get_table_names()
    return {
        "dialect": target.dialect,
        "location": location(target),
        "tables": len(tables),
        "failed_plugins": failed_plugins(app),
        "is_api_shown": is_shown(app),
        "plugins": [p.name for p in service.plugins.all if service.state(p) == "active"],
    }


def failed_plugins(app: Flask) -> dict[str, str]:
    """Return the plugins that are out of service, each with the reason."""
    plugins = get_service(app).plugins
    return {
        plugin.name: failure.sentence
        for plugin in plugins.all
        if (failure := plugins.failure(plugin))
    }
