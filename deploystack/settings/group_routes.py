"""``/api/settings/groups``: the groups in which settings are shown, each with those in it."""

from __future__ import annotations

from collections import defaultdict

from flask import Blueprint, Response, current_app, request

from ..access import require_login, require_permission
from ..app import json_response
from ..database.reading import reader
from ..http import read_json
from ..models import GlobalSetting, GlobalSettingGroup
from . import audit, wire
from .definitions import Definitions
from .groups import all_groups, create_group, find_group, settings_in, update_group
from .reading import all_settings
from .schemas import GroupChange, NewGroup
from .service import get_settings
from .store import Store
from .wire import if_match

blueprint = Blueprint("setting_groups", __name__, url_prefix="/api/settings")

_new_group, _group_change = NewGroup(), GroupChange()


@blueprint.get("/groups")
@require_permission("settings.view")
def index() -> Response:
    """Return all groups in their order, each with its settings."""
    session = reader()
    settings: dict[str | None, list[GlobalSetting]] = defaultdict(list)
    for row in all_settings(session):
        settings[row.group_id].append(row)
    shown = [wire.group(row, settings[row.id], _definitions()) for row in all_groups(session)]
    return json_response({"success": True, "data": shown})


@blueprint.get("/categories")
@require_permission("settings.view")
def categories() -> Response:
    """Return the ids of all groups, in their order."""
    return json_response({"success": True, "data": [row.id for row in all_groups(reader())]})


@blueprint.get("/groups/<group_id>")
@require_permission("settings.view")
def show(group_id: str) -> Response:
    """Return one group with its settings."""
    session = reader()
    row = find_group(session, group_id)
    return _answer(row, settings_in(session, group_id), None, 200)


@blueprint.post("/groups")
@require_permission("settings.edit")
def create() -> Response:
    """Make a group."""
    body = read_json(request, _new_group, _MAX_BYTES)
    with get_settings(current_app).changing(_actor()) as store:
        row = create_group(store, body.pop("id"), body)
        return _current(store, row, "Group created.", 201)


@blueprint.put("/groups/<group_id>")
@require_permission("settings.edit")
def update(group_id: str) -> Response:
    """Change a group."""
    body = read_json(request, _group_change, _MAX_BYTES)
    with get_settings(current_app).changing(_actor()) as store:
        row = update_group(store, group_id, body, if_match(request))
        return _current(store, row, "Group updated.", 200)


_MAX_BYTES = 16 * 1024


def _actor() -> audit.Actor:
    return audit.requester(require_login())


def _definitions() -> Definitions:
    return get_settings(current_app).definitions


def _current(store: Store, row: GlobalSettingGroup, message: str, status: int) -> Response:
    """Return the answer with a group, made while its transaction still runs."""
    return _answer(row, settings_in(store.session, row.id), message, status)


def _answer(
    row: GlobalSettingGroup, settings: list[GlobalSetting], message: str | None, status: int
) -> Response:
    body = {"success": True, "data": wire.group(row, settings, _definitions())}
    if message:
        body["message"] = message
    return json_response(body, status, {"ETag": wire.group_etag(row, settings)})
