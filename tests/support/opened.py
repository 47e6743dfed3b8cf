"""An application whose routes ask nobody for a password: a request says in a header what it may do.

In this process, `open_to_all(app)`; behind the real server, `SERVER`.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from flask import Flask, Request

from deploystack.access import Principal, register_authentication
from deploystack.settings import settings

SERVER = [sys.executable, "-m", "tests.support.opened"]
"""The command that starts the real server, opened, and with routes that read settings in code."""

MAY = "X-Test-May"
"""The header: permissions, separated by commas; an empty one is nobody. Without it, everything."""

EVERYTHING = frozenset(
    {"settings.view", "settings.edit", "settings.delete", "settings.reveal", "plugins.manage"}
)


def open_to_all(app: Flask) -> None:
    """Let each request do what it says it may."""
    register_authentication(app, authenticate)


def authenticate(request: Request) -> Principal | None:
    """Return an administrator, or whoever the request says."""
    given = request.headers.get(MAY)
    if given == "":
        return None
    permissions = EVERYTHING if given is None else frozenset(given.split(","))
    return Principal("1", "root", permissions, "token", "1")


def add_routes(app: Flask) -> None:
    """Register routes that read in code."""
    app.add_url_rule("/read/<key>", view_func=read)


def read(key: str) -> dict[str, Any]:
    """Return what code reads, and which process this is."""
    return {"pid": os.getpid(), "value": settings.get(key)}


def main() -> None:
    """Serve ``wsgi:app``, opened."""
    from deploystack.server import main as serve
    from wsgi import app

    open_to_all(app)
    add_routes(app)
    serve()


if __name__ == "__main__":
    main()
