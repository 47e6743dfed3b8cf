"""Settings as one JSON document, to be kept or taken to another database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marshmallow import EXCLUDE, ValidationError, fields
from sqlalchemy.orm import Session

from ..models import GlobalSetting
from ..models.timestamps import now
from .groups import all_groups, create_group, look_for_group, update_group
from .reading import all_settings
from .schemas import NewGroup, NewSetting
from .state import version_and_fingerprint
from .store import Store
from .wire import moment

FORMAT = "deploystack-settings"
VERSION = 1


class _Entry(NewSetting):
    """A setting in a document. A secret is there sealed, or not at all."""

    sealed = fields.String()


class _Group(NewGroup):
    """A group in a document."""

    class Meta:
        """Later versions may say more."""

        unknown = EXCLUDE


def exported(session: Session, *, secrets: bool) -> dict[str, Any]:
    """Return all settings as a document.

    Args:
        session: to read with.
        secrets: whether secrets are in it, as they are in the database: sealed.
    """
    _, fingerprint = version_and_fingerprint(session.connection())
    rows = [row for row in all_settings(session) if secrets or not row.is_encrypted]
    return {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": moment(now()),
        "sealed_with": fingerprint if secrets else None,
        "groups": [
            {
                "id": row.id,
                "name": row.name,
                "description": row.description,
                "icon": row.icon,
                "sort_order": row.sort_order,
            }
            for row in all_groups(session)
        ],
        "settings": [_entry(row) for row in rows],
    }


def _entry(row: GlobalSetting) -> dict[str, Any]:
    value = {"sealed": row.value} if row.is_encrypted and row.value else {"value": row.value}
    return {
        "key": row.key,
        "type": row.type,
        **value,
        "description": row.description,
        "encrypted": row.is_encrypted,
        "group_id": row.group_id,
    }


def import_all(store: Store, document: Any) -> None:
    """Make or change what a document says. What it does not name stays as it is.

    Args:
        store: in whose transaction it is done; to be rolled back if this raises.
        document: what :func:`exported` has returned, perhaps of another database.

    Raises:
        ValidationError: it is no such document, or an entry cannot be used; tells all of them.
        ApiError: as for :meth:`.Store.update`.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValidationError("It is no document that `flask settings export` has written.")
    version = document.get("version")
    if version != VERSION or isinstance(version, bool):
        raise ValidationError("Another version of the application has written it.")
    refused: dict[str, Any] = {}
    for part, name, take in (("groups", "id", _take_group), ("settings", "key", _take_setting)):
        _take_all(store, document.get(part), part, name, take, refused)
    if refused:
        raise ValidationError(refused)


def _take_all(
    store: Store,
    entries: Any,
    part: str,
    name: str,
    take: Callable[[Store, Any], None],
    refused: dict[str, Any],
) -> None:
    if not isinstance(entries, list):
        raise ValidationError({part: ["It must be a list."]})
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        what = entry.get(name) if isinstance(entry, dict) else None
        try:
            if str(what) in seen:
                raise ValidationError({name: ["It is there twice."]})
            seen.add(str(what))
            take(store, entry)
        except ValidationError as error:
            refused[str(what or f"{part}[{index}]")] = error.messages


def _take_group(store: Store, entry: Any) -> None:
    group = _Group().load(entry)
    group_id = group.pop("id")
    if look_for_group(store.session, group_id) is None:
        create_group(store, group_id, group)
    else:
        update_group(store, group_id, group)


def _take_setting(store: Store, entry: Any) -> None:
    setting = _Entry().load(entry)
    key, kind = setting.pop("key"), setting.pop("type", None)
    sealed = setting.pop("sealed", None)
    if sealed is not None:
        setting["encrypted"] = True
        setting["value"] = store.vault.opened_text(key, sealed)
    row = store.look_for(key)
    if row is None:
        store.create(key, setting.pop("value", None), kind or "string", **setting)
    elif kind not in {None, row.type, store.kind(row)}:
        raise ValidationError({"type": [f"It is {row.type!r} here, and stays so."]})
    elif not _is_same(store, row, setting):
        store.update(key, setting)


def _is_same(store: Store, row: GlobalSetting, setting: dict[str, Any]) -> bool:
    """Return whether a secret is the same already: sealed anew, it would look like a change."""
    if not (row.is_encrypted and row.value and setting.get("value")):
        return False
    return (
        store.vault.opened(row) == setting["value"]
        and setting.get("description", row.description) == row.description
        and setting.get("group_id", row.group_id) == row.group_id
    )
