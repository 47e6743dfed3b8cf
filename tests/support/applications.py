"""Driving an application in this process: setting up, waiting, running its commands."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from click.testing import Result
from flask import Flask

from deploystack.database import get_database
from deploystack.database.state import State


def set_up(app: Flask, body: Mapping[str, str]) -> None:
    """Set the application up through its API."""
    answer = app.test_client().post("/api/db/setup", json=dict(body))
    assert answer.status_code == 200, answer.text


def settled(app: Flask, seconds: float = 20) -> State:
    """Return the application's state once it is neither connecting nor migrating."""
    deadline = time.monotonic() + seconds
    while True:
        state = get_database(app).current()
        code = state.problem.code if state.problem else None
        if code not in {"db_migrating", "db_preparing"}:
            return state
        assert time.monotonic() < deadline, f"still {code} after {seconds} s"
        time.sleep(0.02)


def status(app: Flask) -> dict[str, Any]:
    """Return what the status route answers once the application has settled."""
    settled(app)
    body: dict[str, Any] = app.test_client().get("/api/db/status").get_json()
    return body


def command(app: Flask, *arguments: str, **options: Any) -> Result:
    """Run a ``flask`` command of the application."""
    return app.test_cli_runner().invoke(args=list(arguments), **options)


def report(app: Flask) -> dict[str, Any]:
    """Return what ``flask db status --json`` prints."""
    body: dict[str, Any] = json.loads(command(app, "db", "status", "--json").stdout)
    return body


def look_again(data_dir: Path) -> None:
    """Make a running application look at its database now, not when it would try again."""
    os.utime(data_dir / "db.selection.json")
