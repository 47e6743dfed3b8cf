"""What ``flask plugins list`` and ``show`` tell an operator; unlike the API, also why and where."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flask import Flask

from ..database import engines, get_database
from ..database.problems import DatabaseProblem
from ..database.selection import NoSelection
from .mounting import PREFIX
from .plugin import Plugin
from .service import State, get_service
from .update import survey


def report(app: Flask) -> list[dict[str, Any]]:
    """Return how each plugin is, looked up now. Changes nothing.

    Returns:
        For each plugin ``name``, ``version``, ``description``, ``state``, ``code``, ``error``,
        ``cause``, ``origin``, ``tables``, ``revision``, ``head``, ``pending``, ``settings`` and
        ``routes``.
    """
    service = get_service(app)
    found = {}
    outdated = None
    database = get_database(app)
    with (
        suppress(NoSelection, DatabaseProblem),  # then they wait, and `flask db status` says why
        engines.inspection(database.target()) as connection,
    ):
        loaded = service.plugins.loaded
        found = survey(connection, loaded).revisions
        if database.schema.is_current(connection):
            outdated = service.upkeep.outdated(connection, loaded)
    return [_entry(app, plugin, found.get(plugin.name), outdated) for plugin in service.plugins.all]


def _entry(
    app: Flask,
    plugin: Plugin,
    revisions: frozenset[str] | None,
    outdated: list[Plugin] | None,
) -> dict[str, Any]:
    failure = get_service(app).plugins.failure(plugin, ever=True)
    state: State
    if plugin.is_disabled:
        state = "disabled"
    elif failure:
        state = "quarantined"
    else:
        state = "waiting" if outdated is None or plugin in outdated else "active"
    history = plugin.history
    return {
        "name": plugin.name,
        "version": plugin.version,
        "description": plugin.metadata.description if plugin.metadata else "",
        "state": state,
        "code": failure.code if failure else None,
        "error": failure.sentence if failure else None,
        "cause": failure.cause if failure else None,
        "origin": plugin.origin,
        "tables": [table.name for table in plugin.tables],
        "revision": ", ".join(sorted(revisions or ())) or None,
        "head": history.head if history else None,
        "pending": history.pending(revisions or ()) if history else [],
        "settings": [setting.key for group in plugin.settings for setting in group.settings],
        "routes": _routes(app, plugin),
    }


def _routes(app: Flask, plugin: Plugin) -> list[str]:
    rules = app.url_map.iter_rules()
    ours = [r for r in rules if r.endpoint.startswith(f"plugin.{plugin.name}.")]
    return [
        f"{', '.join(sorted((rule.methods or set()) - {'HEAD', 'OPTIONS'}))} {rule.rule}"
        for rule in sorted(ours, key=lambda rule: rule.rule)
        if rule.rule.startswith(PREFIX)
    ]
