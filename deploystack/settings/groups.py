"""Groups of settings: made and changed by an administrator, beside those that are declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from marshmallow import ValidationError
from sqlalchemy.orm import Session

from ..models import GlobalSetting, GlobalSettingGroup
from .definitions import KEY
from .problems import changed_meanwhile, group_exists, group_unknown
from .store import Store
from .wire import Match, group_etag


def all_groups(session: Session) -> list[GlobalSettingGroup]:
    """Return all groups, in the order in which they are shown."""
    order = GlobalSettingGroup.sort_order, GlobalSettingGroup.name, GlobalSettingGroup.id
    return list(session.scalars(sa.select(GlobalSettingGroup).order_by(*order)))


def find_group(session: Session, group_id: str) -> GlobalSettingGroup:
    """Return a group.

    Raises:
        ApiError: 404 ``setting_group_unknown``.
    """
    row = look_for_group(session, group_id)
    if row is None:
        raise group_unknown(group_id)
    return row


def look_for_group(session: Session, group_id: str) -> GlobalSettingGroup | None:
    """Return a group, if it is there."""
    if not KEY.fullmatch(group_id):
        return None
    row: GlobalSettingGroup | None = session.get(GlobalSettingGroup, group_id)
    return row


def settings_in(session: Session, group_id: str) -> list[GlobalSetting]:
    """Return the settings in a group, by their keys; none if there is no such group."""
    if not KEY.fullmatch(group_id):
        return []
    query = sa.select(GlobalSetting).where(GlobalSetting.group_id == group_id)
    return list(session.scalars(query.order_by(GlobalSetting.key)))


def create_group(store: Store, group_id: str, fields: Mapping[str, Any]) -> GlobalSettingGroup:
    """Make a group.

    Args:
        store: in whose transaction it is done.
        group_id: its id.
        fields: ``name``, and any of ``description``, ``icon`` and ``sort_order``.

    Raises:
        ValidationError: the id cannot be used.
        ApiError: 409 ``setting_group_exists``.
    """
    if not KEY.fullmatch(group_id) or not group_id.strip("."):
        raise ValidationError(
            {
                "id": [
                    "It consists of at most 255 letters, digits, '.', '_' and '-', and not of '.' "
                    "alone."
                ]
            }
        )
    if store.session.get(GlobalSettingGroup, group_id):
        raise group_exists(group_id)
    row = GlobalSettingGroup(
        id=group_id,
        name=fields["name"],
        description=fields.get("description", ""),
        icon=fields.get("icon"),
        sort_order=fields.get("sort_order", 0),
    )
    store.session.add(row)
    store.session.flush()
    store.record("group_create", group_id, {"after": dict(fields)})
    return row


def update_group(
    store: Store, group_id: str, fields: Mapping[str, Any], if_match: Match | None = None
) -> GlobalSettingGroup:
    """Change a group.

    Args:
        store: in whose transaction it is done.
        group_id: its id.
        fields: any of ``name``, ``description``, ``icon`` and ``sort_order``.
        if_match: refuses if it, or a setting in it, was changed since it was read.

    Raises:
        ApiError: 404 ``setting_group_unknown``, 412 ``setting_changed``.
    """
    row = find_group(store.session, group_id)
    if if_match is not None:
        etag = group_etag(row, settings_in(store.session, group_id))
        if not if_match(etag):
            raise changed_meanwhile(etag)
    changed = {name: value for name, value in fields.items() if getattr(row, name) != value}
    if changed:
        before = {name: getattr(row, name) for name in changed}
        for name, value in changed.items():
            setattr(row, name, value)
        store.session.flush()
        store.record("group_update", group_id, {"before": before, "after": changed})
    return row
