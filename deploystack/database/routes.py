"""``/api/db``: what state the database is in, look at one, set one up."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, current_app, request

from ..app import json_response
from ..documented import Documented
from ..errors import ApiError
from ..http import read_json, require_same_origin
from . import setup
from .access import needs_token, require_setup_token
from .answers import DatabaseReady, DatabaseReport, DatabaseStatus, SetupProgress
from .codes import REFUSED
from .handle import Database, get_database
from .postgres.connection_string import parse
from .progress import watched
from .schemas import SetupRequest
from .setup_token import ensure_token
from .target import SqliteTarget, Target

blueprint = Blueprint("database", __name__, url_prefix="/api/db")

DONE = {
    "message": "Database setup successful. All services have been initialized and are ready to "
    "use.",
    "restart_required": False,
}
DONE_BUT = {
    "message": "Database setup successful, but some services may require a server restart to "
    "function properly.",
    "restart_required": True,
}

_setup_request = SetupRequest()

_ERRORS = {
    400: ["invalid_connection_string"],
    409: ["already_configured", "setup_in_progress"],
    422: REFUSED,
    503: ["out_of_resources", "selection_unreadable"],
}


@blueprint.get("/status")
@Documented({200: DatabaseStatus}, needs_database=False)
def status() -> Response:
    """Tell whether a database is chosen, whether it is ready, and of which kind it is."""
    database = get_database(current_app)
    state = database.current()
    if state.binding and state.dialect == "postgres":  # may be away; a file that is there answers
        state = database.verified()
    body: dict[str, Any] = {
        "configured": state.phase != "unconfigured",
        "initialized": state.phase == "ready",
        "dialect": state.dialect,
    }
    if state.phase == "unconfigured":
        body["setup_token_required"] = needs_token(database.config, request)
        if body["setup_token_required"]:
            with suppress(ApiError):  # setup itself will say that the folder cannot be written
                ensure_token(database.config)
    return json_response(body)


@blueprint.post("/check")
@Documented(
    {200: DatabaseReport}, body=_setup_request, errors=_ERRORS, who="setup", needs_database=False
)
def check() -> Response:
    """Look at a database: can it be used, and what would setup do? Changes nothing."""
    database = get_database(current_app)
    report = setup.look(database, _admitted_target(database))
    return json_response(
        {
            "success": True,
            "type": report.dialect,
            "server_version": report.server_version,
            "database": report.contents.kind,
            "action": report.action,
        }
    )


@blueprint.post("/setup")
@Documented(
    {200: DatabaseReady}, body=_setup_request, errors=_ERRORS, who="setup", needs_database=False
)
def set_up() -> Response:
    """Set a database up and begin to use it, in every worker, without a restart."""
    database = get_database(current_app)
    ready = setup.set_up(database, _admitted_target(database))
    return json_response(DONE if ready else DONE_BUT)


@blueprint.get("/setup/progress")
@Documented({200: SetupProgress}, who="setup", needs_database=False)
def progress() -> Response:
    """Tell how far the setup is that is running, whichever worker runs it."""
    database = get_database(current_app)
    if database.current().phase == "unconfigured":
        require_setup_token(database.config, request)
    return json_response({"success": True, **watched(database.config)})


def _admitted_target(database: Database) -> Target:
    """Return the database asked for, once everything about the request is in order."""
    require_same_origin(request)
    setup.refuse_if_chosen(database)
    require_setup_token(database.config, request)
    body = read_json(request, _setup_request)
    if body["type"] == "sqlite":
        return SqliteTarget(database.config.sqlite_file)
    return parse(body["connectionString"])
