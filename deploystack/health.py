"""For whoever watches the process: is it alive, is it ready to serve?"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app

from .app import json_response
from .database import get_database
from .settings import get_settings

blueprint = Blueprint("health", __name__)


@blueprint.get("/livez")
def livez() -> Response:
    """Answer that the process is alive. Never touches the database."""
    return json_response({"status": "alive"})


@blueprint.get("/readyz")
def readyz() -> Response:
    """Answer 200 only when the database itself answers, within two seconds.

    What does not keep the application from serving is told in ``warnings``.

    Raises:
        ApiError: 503 with the reason's code.
    """
    state = get_database(current_app).verified(max_age=0)
    if state.phase != "ready":
        raise state.error()
    body: dict[str, Any] = {"status": "ready"}
    problem = get_settings(current_app).problem()
    if problem:
        body["warnings"] = [{"code": "encryption_key_wrong", "error": problem}]
    return json_response(body)
