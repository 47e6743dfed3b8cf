"""All settings as they were at one moment, ready to be read by code."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from ..database.binding import Binding
from ..models import GlobalSetting, GlobalSettingGroup
from . import state, values
from .declarations import Setting
from .definitions import Definitions
from .encryption import Cipher
from .keys import Keyring

log = logging.getLogger(__name__)


class Sealed:
    """Stands for a secret that cannot be opened."""


SEALED = Sealed()


@dataclass
class Snapshot:
    """All settings at one moment.

    Attributes:
        binding: the database they are from.
        until: the moment, on the monotonic clock, up to which nobody looks again.
        version: how often they had been changed.
        cipher: opens secrets; ``None`` if the database is sealed with another key.
        values: by key; of those that are declared, whether or not they are in the database.
        groups: the keys in each group.
        damaged: the keys of values that are not of their type, or that cannot be opened.
    """

    binding: Binding | None = None
    until: float = 0.0
    version: int = -1
    cipher: Cipher | None = None
    values: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)


def load(
    connection: sa.Connection, binding: Binding, definitions: Definitions, keyring: Keyring
) -> Snapshot:
    """Return the settings in the database ``binding`` leads to."""
    while True:
        snapshot = _load(connection, binding, definitions, keyring)
        # Secrets may have been sealed with another key between the first query and the last.
        if not snapshot.damaged or state.version(connection) == snapshot.version:
            break
    if snapshot.damaged:
        log.warning("These settings cannot be read: %s.", ", ".join(snapshot.damaged))
    return snapshot


def _load(
    connection: sa.Connection, binding: Binding, definitions: Definitions, keyring: Keyring
) -> Snapshot:
    # The version first: what is read after it may be newer, which the next look finds out.
    changes, fingerprint = state.version_and_fingerprint(connection)
    snapshot = Snapshot(binding, version=changes, cipher=keyring.cipher(fingerprint))
    snapshot.groups = {found: [] for found in connection.scalars(sa.select(GlobalSettingGroup.id))}
    rows = connection.execute(
        sa.select(
            GlobalSetting.key,
            GlobalSetting.value,
            GlobalSetting.type,
            GlobalSetting.is_encrypted,
            GlobalSetting.group_id,
        ).order_by(GlobalSetting.key)
    )
    for key, stored, kind, is_encrypted, group_id in rows:
        definition = definitions.settings.get(key)
        text: str | Sealed | None = stored
        if is_encrypted and stored:
            text = _opened(snapshot.cipher, key, stored)
        snapshot.values[key] = _read(snapshot, key, definition, kind, text)
        # Code finds what it has declared where it has declared it, wherever it is shown.
        home = definitions.group_of.get(key, group_id)
        if home is not None:
            snapshot.groups.setdefault(home, []).append(key)
    for key, definition in definitions.settings.items():
        if key not in snapshot.values:
            snapshot.values[key] = definition.default
            snapshot.groups.setdefault(definitions.group_of[key], []).append(key)
    return snapshot


def _opened(cipher: Cipher | None, key: str, stored: str) -> str | Sealed:
    try:
        return cipher.open(key, stored) if cipher else SEALED
    except ValueError:
        return SEALED


def _read(
    snapshot: Snapshot, key: str, definition: Setting | None, kind: str, text: str | Sealed | None
) -> Any:
    default = definition.default if definition else None
    if text is None:
        return default
    if isinstance(text, Sealed):
        if snapshot.cipher:
            snapshot.damaged.append(key)
        return SEALED
    try:
        return values.parse(definition.type if definition else kind, text)
    except ValueError:
        snapshot.damaged.append(key)
        return default
