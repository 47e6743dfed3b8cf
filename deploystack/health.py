"""For whoever watches the process: is it alive, is it ready to serve?"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app
from marshmallow import fields, validate

from .app import json_response
from .auth import get_appointed
from .database import get_database
from .database.codes import UNAVAILABLE
from .database.problems import preparing
from .documented import Documented, Shown, data
from .settings import get_settings

blueprint = Blueprint("health", __name__)


class Alive(Shown):
    """The process is alive."""

    status = fields.String(validate=validate.OneOf(["alive"]))


class Warned(Shown):
    """What does not keep the application from serving."""

    code = fields.String(metadata={"example": "encryption_key_wrong"})
    error = fields.String(metadata={"example": "The secrets are encrypted with another key."})


class Ready(Shown):
    """The database answers."""

    status = fields.String(validate=validate.OneOf(["ready"]))
    warnings = data(Warned, many=True, optional=True)


@blueprint.get("/livez")
@Documented({200: Alive}, needs_database=False)
def livez() -> Response:
    """Answer that the process is alive. Never touches the database."""
    return json_response({"status": "alive"})


@blueprint.get("/readyz")
@Documented({200: Ready}, errors={503: UNAVAILABLE})
def readyz() -> Response:
    """Answer 200 only when the database itself answers, within two seconds.

    Before that, an administrator whom the environment names is made. What does not keep the
    application from serving is told in ``warnings``.

    Raises:
        ApiError: 503 with the reason's code.
    """
    state = get_database(current_app).verified(max_age=0)
    if state.binding is None:
        raise state.error()
    if get_appointed(current_app).is_due(state.binding):
        raise preparing().as_api_error(503)
    body: dict[str, Any] = {"status": "ready"}
    problem = get_settings(current_app).problem()
    if problem:
        body["warnings"] = [{"code": "encryption_key_wrong", "error": problem}]
    return json_response(body)
