"""The console: the pages for who is logged in. Each shows what a part of the API tells."""

from __future__ import annotations

from flask import Blueprint, Flask

from . import account, database, formats, log, overview, plugins, settings, users

PAGES: tuple[Blueprint, ...] = (
    overview.blueprint,
    database.blueprint,
    settings.blueprint,
    plugins.blueprint,
    users.blueprint,
    log.blueprint,
    account.blueprint,
)
"""The pages, to be registered."""


def init_console(app: Flask) -> None:
    """Let the templates of ``app`` write numbers and times."""
    formats.register(app)


__all__ = ["PAGES", "init_console"]
