"""How a setting, a group and an entry of the log are shown, and the ETag of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Request

from ..models import AuditEntry, GlobalSetting, GlobalSettingGroup
from . import values
from .definitions import Definitions
from .texts import PLACEHOLDER, default_text

Match = Callable[[str], bool]
"""Tells whether an ETag is the one that the caller has read."""


def setting(row: GlobalSetting, definitions: Definitions) -> dict[str, Any]:
    """Return what is shown of a setting: of a secret only whether it is set."""
    if row.is_encrypted:
        is_set = bool(row.value)
        return _shown(row, definitions, PLACEHOLDER if is_set else "", None, is_set)
    definition = definitions.settings.get(row.key)
    text = row.value
    if text is None and definition:
        text = default_text(definition)  # what code reads
    typed = _typed(row.type, text)
    return _shown(row, definitions, text or "", typed, not values.is_empty(typed))


def revealed(row: GlobalSetting, definitions: Definitions, text: str | None) -> dict[str, Any]:
    """Return the same of a secret, with its value ``text``."""
    typed = _typed(row.type, text)
    return _shown(row, definitions, text or "", typed, not values.is_empty(typed))


def group(
    row: GlobalSettingGroup, settings: Sequence[GlobalSetting], definitions: Definitions
) -> dict[str, Any]:
    """Return what is shown of a group, and of the settings in it."""
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "icon": row.icon,
        "sort_order": row.sort_order,
        "is_declared": row.id in definitions.groups,
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "settings": [setting(item, definitions) for item in settings],
    }


def entry(row: AuditEntry) -> dict[str, Any]:
    """Return what is shown of an entry of the log."""
    return {
        "id": row.id,
        "at": moment(row.at),
        "actor": row.actor,
        "actor_id": row.actor_id,
        "address": row.address,
        "action": row.action,
        "key": row.subject,
        "details": row.details,
    }


def moment(at: datetime) -> str:
    """Return a moment as JavaScript writes it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def etag(row: GlobalSetting) -> str:
    """Return what is another after each change of a setting.

    Of a secret, what is sealed goes into it, which is another each time and tells nothing.
    """
    return _hash([row.key, row.value, row.type, row.description, row.is_encrypted, row.group_id])


def group_etag(row: GlobalSettingGroup, settings: Iterable[GlobalSetting]) -> str:
    """Return what is another after each change of a group, or of a setting in it."""
    own = [row.id, row.name, row.description, row.icon, row.sort_order]
    return _hash([*own, list_etag(settings)])


def list_etag(settings: Iterable[GlobalSetting]) -> str:
    """Return what is another after each change of one of several settings."""
    return _hash([etag(row) for row in settings])


def if_match(request: Request) -> Match | None:
    """Return what tells whether an ETag is one that ``request`` asks for, if it asks for one.

    A weak one will do: a proxy that compresses makes ETags weak, and ours tell of the content.
    """
    if "If-Match" not in request.headers:
        return None
    wanted = request.if_match
    return lambda etag: wanted.contains_weak(etag.strip('"'))


def _hash(parts: list[Any]) -> str:
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return f'"{digest[:32]}"'


def _typed(kind: str, text: str | None) -> Any:
    try:
        return None if text is None else values.parse(kind, text)
    except ValueError:  # changed behind the application's back
        return None


def _shown(
    row: GlobalSetting, definitions: Definitions, value: str, typed: Any, is_set: bool
) -> dict[str, Any]:
    return {
        "key": row.key,
        "value": value,
        "typed_value": typed,
        "type": row.type,
        "description": row.description,
        "is_encrypted": row.is_encrypted,
        "is_set": is_set,
        "is_declared": row.key in definitions.settings,
        "group_id": row.group_id,
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
    }
