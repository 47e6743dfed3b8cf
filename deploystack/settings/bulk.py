"""Several settings at once, made or changed: all of them, or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from marshmallow import Schema, ValidationError

from ..models import GlobalSetting
from .store import Store


def write_all(store: Store, schema: Schema, entries: Sequence[Any]) -> list[GlobalSetting]:
    """Make or change what ``entries`` say, in their order.

    A setting that is there is changed in what its entry names; one that is not there is made.

    Args:
        store: in whose transaction it is done; to be rolled back if this raises.
        schema: what an entry must be like: ``key``, and the fields of a new setting.
        entries: what was given.

    Raises:
        ValidationError: tells of each entry that cannot be used where it is, its key and why.
        ApiError: as for :meth:`.Store.update`.
    """
    rows = []
    refused = []
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        given = entry.get("key") if isinstance(entry, dict) else None
        key = given if isinstance(given, str) else ""
        try:
            if key in seen:
                raise ValidationError({"key": ["It is there twice."]})
            if key:
                seen.add(key)
            rows.append(_write(store, schema.load(entry)))
        except ValidationError as error:
            errors = error.messages if isinstance(error.messages, dict) else {"": error.messages}
            refused.append({"index": index, "key": key[:255] or None, "errors": errors})
    if refused:
        raise ValidationError({"settings": refused})
    return rows


def _write(store: Store, entry: dict[str, Any]) -> GlobalSetting:
    key, kind = entry.pop("key"), entry.pop("type", None)
    row = store.look_for(key)
    if row is None:
        given = {"type": kind is not None, "value": "value" in entry}
        lacking = [name for name, is_given in given.items() if not is_given]
        if lacking:
            raise ValidationError({name: ["A new setting needs it."] for name in lacking})
        return store.create(key, kind=kind, **entry)
    if kind not in {None, row.type, store.kind(row)}:
        raise ValidationError({"type": [f"It is {row.type!r}, and stays so."]})
    return store.update(key, entry)
