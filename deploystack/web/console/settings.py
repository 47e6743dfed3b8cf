"""``/settings``: a tab for each group, and a form with its settings."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app

from ...access import Principal, check_permission
from ...database.reading import reader
from ...models import GlobalSetting, GlobalSettingGroup
from ...settings import get_settings, wire
from ...settings.core import GROUPS
from ...settings.declarations import Setting
from ...settings.definitions import Definitions
from ...settings.groups import all_groups
from ...settings.problems import group_unknown
from ...settings.reading import all_settings
from ...settings.texts import default_text
from ..language import gettext
from ..rendering import lead_to
from . import words
from .shell import render_console

blueprint = Blueprint("settings", __name__)

CORE_GROUPS = frozenset(group.id for group in GROUPS)
"""The groups that come first."""

UNGROUPED = "ungrouped"
"""Where the settings are shown that are in no group."""


@blueprint.get("/settings")
def settings_page() -> Response:
    """Lead to the first group."""
    check_permission("settings.view")
    groups = _Groups()
    return lead_to(f"/settings/{groups.tabs[0][0]}")


@blueprint.get("/settings/<group_id>")
def group_page(group_id: str) -> Response:
    """Show one group, to be changed by whoever may."""
    principal = check_permission("settings.view")
    groups = _Groups()
    if group_id not in dict(groups.tabs):
        raise group_unknown(group_id)
    fields = [_field(row, groups.definitions) for row in groups.settings_in(group_id)]
    return render_console(
        "settings.html",
        principal,
        tabs=groups.tabs,
        group_id=group_id,
        title=dict(groups.tabs)[group_id],
        description=groups.description(group_id),
        fields=fields,
        may_edit="settings.edit" in principal.permissions,
        state=_state(groups, fields, principal),
        words=words,
    )


class _Groups:
    """All groups and settings, looked up at one moment."""

    def __init__(self) -> None:
        session = reader()
        self.definitions = get_settings(current_app).definitions
        self.rows = all_settings(session)
        self._groups = {group.id: group for group in all_groups(session)}
        ordered = sorted(self._groups.values(), key=lambda group: group.id not in CORE_GROUPS)
        self.tabs = [(group.id, self._name(group)) for group in ordered]
        if any(row.group_id is None for row in self.rows):
            self.tabs.append((UNGROUPED, gettext("Others")))

    def settings_in(self, group_id: str) -> list[GlobalSetting]:
        """Return the settings in a group: declared ones as they were declared, then the others."""
        wanted = None if group_id == UNGROUPED and group_id not in self._groups else group_id
        order = {key: place for place, key in enumerate(self.definitions.settings)}
        found = [row for row in self.rows if row.group_id == wanted]
        return sorted(found, key=lambda row: (order.get(row.key, len(order)), row.key))

    def description(self, group_id: str) -> str:
        """Return what is said of a group."""
        group = self._groups.get(group_id)
        if group is None:
            return gettext("Settings that are in no group.")
        declared = self.definitions.groups.get(group_id)
        is_as_declared = declared is not None and declared.description == group.description
        return (
            gettext(group.description)
            if is_as_declared and group.description
            else group.description
        )

    def _name(self, group: GlobalSettingGroup) -> str:
        declared = self.definitions.groups.get(group.id)
        return gettext(group.name) if declared and declared.name == group.name else group.name


def _field(row: GlobalSetting, definitions: Definitions) -> dict[str, Any]:
    """Return what is shown of a setting."""
    declared = definitions.settings.get(row.key)
    shown = wire.setting(row, definitions)
    default = default_text(declared) if declared else None
    return {
        "key": row.key,
        "label": gettext(declared.label) if declared and declared.label else row.key,
        "description": _described(row, declared),
        "type": row.type,
        "value": "" if row.is_encrypted else shown["value"],
        "is_secret": row.is_encrypted,
        "is_set": shown["is_set"],
        "is_required": bool(declared and declared.required),
        "default": default or "",
        "has_default": declared is not None and not row.is_encrypted,
        "updated_at": shown["updated_at"],
    }


def _described(row: GlobalSetting, declared: Setting | None) -> str:
    is_as_declared = declared is not None and declared.description == row.description
    return gettext(row.description) if is_as_declared and row.description else row.description


def _state(groups: _Groups, fields: list[dict[str, Any]], principal: Principal) -> dict[str, Any]:
    """Return what the script of the page needs to know, to notice what others change."""
    return {
        "etag": wire.list_etag(groups.rows),
        "settings": {
            field["key"]: {
                "value": field["value"],
                "type": field["type"],
                "label": field["label"],
                "default": field["default"],
                "is_secret": field["is_secret"],
                "is_set": field["is_set"],
                "updated_at": field["updated_at"],
            }
            for field in fields
        },
        "mail": "settings.edit" in principal.permissions,
    }
