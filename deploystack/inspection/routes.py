"""``/api/overview``, ``/api/audit`` and, below ``/api/db``, what the database holds."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request

from ..access import require_permission
from ..app import json_response
from ..database import db
from ..database.reading import reader
from ..documented import Documented
from . import audit, overview, rows
from .answers import OverviewFound, RevisionsFound, RowsFound, SchemaFound, WholeLog
from .revisions import revisions
from .schema import schema
from .schemas import Log, Rows

blueprint = Blueprint("inspection", __name__, url_prefix="/api")

_rows, _log = Rows(), Log()

_SLOW = {422: ["inspection_timeout"]}


@blueprint.get("/overview")
@require_permission("database.manage")
@Documented({200: OverviewFound}, errors=_SLOW)
def show_overview() -> Response:
    """Tell how the database, the plugins and the settings are, and what to do about it."""
    found = overview.overview(current_app, db.engine)
    return json_response({"success": True, "data": overview.told(found)})


@blueprint.get("/db/schema")
@require_permission("database.manage")
@Documented({200: SchemaFound}, errors=_SLOW)
def show_schema() -> Response:
    """Return every table, by owner: columns, keys, indexes, number of rows, room."""
    return json_response({"success": True, "data": schema(current_app, db.engine)})


@blueprint.get("/db/tables/<name>/rows")
@require_permission("database.manage")
@Documented(
    {200: RowsFound},
    query=_rows,
    errors={
        400: ["column_secret", "column_unknown", "filter_invalid"],
        404: ["table_unknown"],
        409: ["table_unreadable"],
        **_SLOW,
    },
)
def show_rows(name: str) -> Response:
    """Return a page of the rows of a table: sorted, filtered, secrets masked."""
    wanted = _rows.load(request.args)
    found = rows.page(current_app, db.engine, name, wanted)
    return json_response({"success": True, "data": found})


@blueprint.get("/db/revisions")
@require_permission("database.manage")
@Documented({200: RevisionsFound}, errors=_SLOW)
def show_revisions() -> Response:
    """Return the revisions that were applied, when and how long, and those that are pending."""
    return json_response({"success": True, "data": revisions(current_app, db.engine)})


@blueprint.get("/audit")
@require_permission("audit.view")
@Documented({200: WholeLog}, query=_log)
def show_audit() -> Response:
    """Return who has changed what, the newest first, a page at a time."""
    wanted = _log.load(request.args)
    told, following = audit.entries(reader(), **wanted)
    return json_response({"success": True, "data": told, "next": following})
