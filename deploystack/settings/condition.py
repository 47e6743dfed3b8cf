"""How the settings are: does encryption work, what is missing, what is not as it should be."""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..models import GlobalSetting, GlobalSettingGroup
from ..models.timestamps import now
from . import audit, values
from .encryption import Cipher
from .problems import KEY_WRONG
from .rows import is_empty
from .service import Settings
from .state import version_and_fingerprint
from .wire import moment

HEALTHY = "Encryption works."
UNREADABLE = (
    "Some secrets are damaged, or were copied from other settings; `unreadable` lists them. Set "
    "each anew."
)


def condition(settings: Settings, session: Session) -> dict[str, Any]:
    """Return how the settings in the database are, looked up now. Changes nothing."""
    fingerprint, rows = _read(session)
    groups = session.scalar(sa.select(sa.func.count()).select_from(GlobalSettingGroup)) or 0
    declared = settings.definitions.settings
    done = [
        {"owner": owner, "at": moment(entry.at), **entry.details}
        for owner, entry in audit.initialisations(session).items()
    ]
    encryption = _encryption(settings, fingerprint, rows)
    return {
        "encryption_working": encryption["working"],
        "encryption": encryption,
        "missing_required": [
            row.key
            for row in rows
            if row.key in declared
            and declared[row.key].required
            and is_empty(row, declared[row.key])
        ],
        "counts": {
            "settings": len(rows),
            "groups": groups,
            "secrets": sum(row.is_encrypted for row in rows),
            "declared": sum(row.key in declared for row in rows),
            "undeclared": sum(row.key not in declared for row in rows),
        },
        "created": sum(entry["created"] for entry in done),
        "skipped": sum(entry["skipped"] for entry in done),
        "initialisation": done,
        "clashes": [
            {"key": clash.key, "owner": clash.owner, "refused": clash.refused}
            for clash in settings.definitions.clashes
        ],
        "not_of_their_type": [row.key for row in rows if not _is_of_its_type(settings, row)],
        "secrets_in_clear": [
            row.key
            for row in rows
            if row.key in declared and declared[row.key].encrypted and not row.is_encrypted
        ],
        "timestamp": moment(now()),
    }


def _read(session: Session) -> tuple[str | None, list[GlobalSetting]]:
    """Return the settings, and which key has sealed them, both as they were at one moment."""
    query = sa.select(GlobalSetting).order_by(GlobalSetting.key)
    while True:
        _, before = version_and_fingerprint(session.connection())
        rows = list(session.scalars(query.execution_options(populate_existing=True)))
        _, after = version_and_fingerprint(session.connection())
        if before == after:  # the key was not changed between the two
            return after, rows


def _encryption(
    settings: Settings, fingerprint: str | None, rows: list[GlobalSetting]
) -> dict[str, Any]:
    """Try to seal and to open: something new, and everything that is sealed."""
    cipher = settings.keyring.cipher(fingerprint)
    sealed = [row for row in rows if row.is_encrypted and row.value]
    unreadable = [row.key for row in sealed if not _opens(cipher, row)]
    problem = None
    if cipher is None or not _works(cipher):
        problem = KEY_WRONG
    elif unreadable:
        problem = UNREADABLE
    return {
        "working": problem is None,
        "key": cipher.keys[0].fingerprint if cipher else settings.keyring.preferred.fingerprint,
        "sealed_with": fingerprint,
        "problem": problem,
        "unreadable": unreadable,
    }


def _works(cipher: Cipher) -> bool:
    text = secrets.token_hex()
    return cipher.open("health", cipher.seal("health", text)) == text


def _opens(cipher: Cipher | None, row: GlobalSetting) -> bool:
    try:
        return cipher is not None and cipher.open(row.key, row.value or "") is not None
    except ValueError:
        return False


def _is_of_its_type(settings: Settings, row: GlobalSetting) -> bool:
    definition = settings.definitions.settings.get(row.key)
    if row.value is None or row.is_encrypted:
        return True
    try:
        values.accept(definition.type if definition else row.type, row.value)
    except ValueError:
        return False
    return True
