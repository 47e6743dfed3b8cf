"""``/api/settings/groups``: the groups in which settings are shown, each with those in it."""

from __future__ import annotations

from collections import defaultdict

from flask import Blueprint, Response, current_app, request

from ..access import require_login, require_permission
from ..app import json_response
from ..database.reading import reader
from ..documented import Documented
from ..http import read_json
from ..models import GlobalSetting, GlobalSettingGroup
from . import audit, wire
from .answers import GroupDone, GroupFound, GroupIds, GroupsFound
from .definitions import Definitions
from .groups import all_groups, create_group, find_group, settings_in, update_group
from .reading import all_settings
from .schemas import GroupChange, NewGroup
from .service import get_settings
from .store import Store
from .wire import if_match

blueprint = Blueprint("setting_groups", __name__, url_prefix="/api/settings")

_new_group, _group_change = NewGroup(), GroupChange()

_UNKNOWN = {404: ["setting_group_unknown"]}


@blueprint.get("/groups")
@require_permission("settings.view")
@Documented({200: GroupsFound})
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
@Documented({200: GroupIds})
def categories() -> Response:
    """Return the ids of all groups, in their order."""
    return json_response({"success": True, "data": [row.id for row in all_groups(reader())]})


@blueprint.get("/groups/<group_id>")
@require_permission("settings.view")
@Documented({200: GroupFound}, errors=_UNKNOWN, sends_etag=True)
def show(group_id: str) -> Response:
    """Return one group with its settings."""
    session = reader()
    row = find_group(session, group_id)
    return _answer(row, settings_in(session, group_id), None, 200)


@blueprint.post("/groups")
@require_permission("settings.edit")
@Documented(
    {201: GroupDone},
    body=_new_group,
    errors={409: ["setting_conflict", "setting_group_exists"]},
    sends_etag=True,
)
def create() -> Response:
    """Make a group."""
    body = read_json(request, _new_group, _MAX_BYTES)
    with get_settings(current_app).changing(_actor()) as store:
        row = create_group(store, body.pop("id"), body)
        return _current(store, row, "Group created.", 201)


@blueprint.put("/groups/<group_id>")
@require_permission("settings.edit")
@Documented(
    {200: GroupDone},
    body=_group_change,
    errors={**_UNKNOWN, 409: ["setting_conflict"], 412: ["setting_changed"]},
    sends_etag=True,
    takes_if_match=True,
)
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
