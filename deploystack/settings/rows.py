"""Rows: those of declared settings and groups, as they are before anybody changes them."""

from __future__ import annotations

from sqlalchemy.orm import Session

from ..models import GlobalSetting, GlobalSettingGroup
from . import values
from .declarations import Setting, SettingGroup
from .definitions import Definitions
from .vault import Vault


def declared_setting(
    session: Session, definitions: Definitions, vault: Vault, key: str
) -> GlobalSetting:
    """Return the row of a declared setting with its default."""
    definition = definitions.settings[key]
    group_id = definitions.group_of[key]
    has_group = session.get(GlobalSettingGroup, group_id) is not None
    return GlobalSetting(
        key=key,
        value=vault.default(definition),
        type=definition.type,
        description=definition.description,
        is_encrypted=definition.encrypted,
        group_id=group_id if has_group else None,
    )


def declared_group(group: SettingGroup) -> GlobalSettingGroup:
    """Return the row of a declared group."""
    return GlobalSettingGroup(
        id=group.id,
        name=group.name,
        description=group.description,
        icon=group.icon,
        sort_order=group.sort_order,
    )


def is_empty(row: GlobalSetting, definition: Setting) -> bool:
    """Return whether a declared setting has no value. What is sealed, or not of its type, is one.

    As long as nothing is kept, it has its default.
    """
    if row.value is None:
        return values.is_empty(definition.default)
    if row.is_encrypted or not row.value:
        return not row.value
    try:
        return values.is_empty(values.parse(row.type, row.value))
    except ValueError:
        return False
