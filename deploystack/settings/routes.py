"""``/api/settings``: look at settings, change them, make some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, current_app, request
from flask.sansio.blueprints import BlueprintSetupState

from ..access import Principal, check_permission, require_login, require_permission
from ..app import json_response
from ..database.reading import reader
from ..documented import Documented, Done
from ..http import excluding, has_body, read_json
from ..models import GlobalSetting
from . import audit, wire
from .answers import (
    AuditLog,
    ConditionFound,
    MessageSent,
    SettingDone,
    SettingFound,
    SettingsDone,
    SettingsFound,
)
from .bulk import write_all
from .codes import UNREADABLE
from .condition import HEALTHY, condition
from .groups import settings_in
from .problems import changed_meanwhile
from .reading import all_settings, find_setting, matching
from .schemas import (
    MAX_BULK_BYTES,
    MAX_BYTES,
    Bulk,
    CompleteSetting,
    Entries,
    NewSetting,
    Recipient,
    Reveal,
    Search,
    SettingChange,
    SettingsLog,
)
from .service import Settings, get_settings
from .store import Store
from .texts import RESERVED
from .wire import if_match

blueprint = Blueprint("settings", __name__, url_prefix="/api/settings")

_new_setting, _setting_change, _entry = CompleteSetting(), SettingChange(), NewSetting()
_bulk, _search, _recipient, _log, _reveal = Bulk(), Search(), Recipient(), SettingsLog(), Reveal()

# A name that is something else in an address may be one that takes other methods.
_UNKNOWN = {404: ["setting_unknown"], 405: ["method_not_allowed"]}
_SECRETS = ["encryption_key_wrong", "secret_unreadable", "setting_conflict"]


def _add_converter(state: BlueprintSetupState) -> None:
    # Whatever is not something else there.
    state.app.url_map.converters["setting"] = excluding(*RESERVED, example="smtp.port")


blueprint.record_once(_add_converter)


@blueprint.get("")
@require_permission("settings.view")
@Documented({200: SettingsFound}, sends_etag=True)
def index() -> Response:
    """Return all settings, by their keys."""
    return _several(all_settings(reader()))


@blueprint.get("/group/<group_id>")
@require_permission("settings.view")
@Documented({200: SettingsFound}, sends_etag=True)
def in_group(group_id: str) -> Response:
    """Return the settings in a group; none, if there is no such group."""
    return _several(settings_in(reader(), group_id))


@blueprint.post("/search")
@require_permission("settings.view")
@Documented({200: SettingsFound}, body=_search, sends_etag=True)
def search() -> Response:
    """Return the settings whose keys hold a pattern."""
    body = read_json(request, _search)
    return _several(matching(reader(), body["pattern"]))


@blueprint.get("/health")
@require_permission("settings.view")
@Documented({200: ConditionFound})
def health() -> Response:
    """Tell whether encryption works, which was tried, and what is missing."""
    found = condition(_settings(), reader())
    sentence = found["encryption"]["problem"] or HEALTHY
    return json_response({"success": True, "data": found, "message": sentence})


@blueprint.get("/audit")
@require_permission("settings.view")
@Documented({200: AuditLog}, query=_log)
def audit_log() -> Response:
    """Return who has changed what, the newest first, a page at a time."""
    page = _log.load(request.args)
    found = audit.entries(reader(), page["limit"] + 1, before=page["before"], subject=page["key"])
    shown = [wire.entry(entry) for entry in found[: page["limit"]]]
    following = shown[-1]["id"] if len(found) > page["limit"] else None
    return json_response({"success": True, "data": shown, "next": following})


@blueprint.post("")
@require_permission("settings.edit")
@Documented(
    {201: SettingDone},
    body=_new_setting,
    errors={409: ["encryption_key_wrong", "setting_conflict", "setting_exists"]},
    sends_etag=True,
)
def create() -> Response:
    """Make a setting."""
    body = read_json(request, _new_setting, MAX_BYTES)
    with _settings().changing(_actor()) as store:
        row = store.create(body.pop("key"), body.pop("value"), body.pop("type"), **body)
        return _one(store, row, "Setting created.", 201)


@blueprint.post("/bulk")
@require_permission("settings.edit")
@Documented(
    {200: SettingsDone},
    body=Entries,
    errors={409: _SECRETS, 412: ["setting_changed"]},
    takes_if_match=True,
)
def bulk() -> Response:
    """Make or change several settings, all or none."""
    body = read_json(request, _bulk, MAX_BULK_BYTES)
    match = if_match(request)
    with _settings().changing(_actor()) as store:
        if match is not None:
            etag = wire.list_etag(all_settings(store.session))
            if not match(etag):
                raise changed_meanwhile(etag)
        rows = write_all(store, _entry, body["settings"])
        shown = [wire.setting(row, store.definitions) for row in rows]
    return json_response(
        {"success": True, "data": shown, "message": f"{len(rows)} settings saved."}
    )


@blueprint.post("/smtp/test")
@require_permission("settings.edit")
@Documented(
    {200: MessageSent},
    body=_recipient,
    needs_body=False,
    errors={
        409: ["mail_disabled", "setting_conflict", "setting_missing"],
        502: ["smtp_failed"],
        503: UNREADABLE,
        504: ["smtp_timeout"],
    },
)
def smtp_test() -> Response:
    """Send a message by the server that is set."""
    from . import smtp  # what it needs is slow to import, and seldom used

    body = read_json(request, _recipient) if request.mimetype or has_body(request) else {}
    settings = _settings()
    server = smtp.configured(settings)
    message = smtp.test_message(settings, server, body.get("to"))
    to = body.get("to") or server.sender.addr_spec
    with settings.changing(_actor()) as store:
        store.record("smtp_test", "smtp", {"to": to, "host": server.host, "port": server.port})
    smtp.send(server, message)
    return json_response(
        {"success": True, "data": {"to": to}, "message": f"A message was sent to {to}."}
    )


@blueprint.get("/<setting:key>")
@require_permission("settings.view")
@Documented({200: SettingFound}, query=_reveal, errors={**_UNKNOWN, 409: _SECRETS}, sends_etag=True)
def show(key: str) -> Response:
    """Return one setting; with ``?reveal=true`` and the permission for that, a secret too."""
    is_revealed = _reveal.load(request.args)["reveal"]
    if is_revealed:
        check_permission("settings.reveal")
    settings = _settings()
    row = find_setting(reader(), settings.definitions, key)
    if not (is_revealed and row.is_encrypted):
        return json_response(
            {"success": True, "data": wire.setting(row, settings.definitions)},
            headers={"ETag": wire.etag(row)},
        )
    with settings.changing(_actor()) as store:
        text = store.reveal(key)
        row = store.find(key)
        shown = wire.revealed(row, settings.definitions, text)
        etag = wire.etag(row)
    return json_response({"success": True, "data": shown}, headers={"ETag": etag})


@blueprint.put("/<setting:key>")
@require_permission("settings.edit")
@Documented(
    {200: SettingDone},
    body=_setting_change,
    errors={**_UNKNOWN, 409: _SECRETS, 412: ["setting_changed"]},
    sends_etag=True,
    takes_if_match=True,
)
def update(key: str) -> Response:
    """Change a setting."""
    body = read_json(request, _setting_change, MAX_BYTES)
    with _settings().changing(_actor()) as store:
        row = store.update(key, body, if_match=if_match(request))
        return _one(store, row, "Setting updated.")


@blueprint.post("/<setting:key>/reset")
@require_permission("settings.edit")
@Documented(
    {200: SettingDone},
    errors={
        **_UNKNOWN,
        409: ["encryption_key_wrong", "setting_conflict"],
        412: ["setting_changed"],
    },
    sends_etag=True,
    takes_if_match=True,
)
def reset(key: str) -> Response:
    """Give a setting the value that it is declared with."""
    with _settings().changing(_actor()) as store:
        row = store.reset(key, if_match=if_match(request))
        return _one(store, row, "Setting reset.")


@blueprint.delete("/<setting:key>")
@require_permission("settings.delete")
@Documented(
    {200: Done},
    errors={
        **_UNKNOWN,
        409: ["encryption_key_wrong", "setting_conflict", "setting_declared"],
        412: ["setting_changed"],
    },
    takes_if_match=True,
)
def delete(key: str) -> Response:
    """Delete a setting that no code declares."""
    with _settings().changing(_actor()) as store:
        store.delete(key, if_match=if_match(request))
    return json_response({"success": True, "message": f"Setting {key} deleted."})


def _settings() -> Settings:
    return get_settings(current_app)


def _actor() -> audit.Actor:
    principal: Principal = require_login()
    return audit.requester(principal)


def _one(store: Store, row: GlobalSetting, message: str, status: int = 200) -> Response:
    """Return the answer with a setting, made while its transaction still runs."""
    body = {"success": True, "data": wire.setting(row, store.definitions), "message": message}
    return json_response(body, status, {"ETag": wire.etag(row)})


def _several(rows: Sequence[GlobalSetting]) -> Response:
    definitions = _settings().definitions
    shown: list[dict[str, Any]] = [wire.setting(row, definitions) for row in rows]
    return json_response({"success": True, "data": shown}, headers={"ETag": wire.list_etag(rows)})
