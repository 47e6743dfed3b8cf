"""For whoever watches the process: is it alive, is it ready to serve?"""

from __future__ import annotations

from flask import Blueprint, Response, current_app

from .app import json_response
from .database import get_database

blueprint = Blueprint("health", __name__)


@blueprint.get("/livez")
def livez() -> Response:
    """Answer that the process is alive. Never touches the database."""
    return json_response({"status": "alive"})


@blueprint.get("/readyz")
def readyz() -> Response:
    """Answer 200 only when the database itself answers, within two seconds.

    Raises:
        ApiError: 503 with the reason's code.
    """
    state = get_database(current_app).verified(max_age=0)
    if state.phase != "ready":
        raise state.error()
    return json_response({"status": "ready"})
