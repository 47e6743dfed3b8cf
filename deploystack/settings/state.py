"""The one row that says how often settings were changed, and with which key secrets are sealed."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..models import SettingsState

STATE_ID = 1

LOCK_SECONDS = 10
"""How long a change waits for another one on PostgreSQL; on SQLite it is as long."""


def locked(session: Session) -> SettingsState:
    """Return the row, held until the end of the transaction: changes happen one after another."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
    session.execute(
        sa.text(
            "INSERT INTO global_settings_state (id, version) VALUES (:id, 0) "
            "ON CONFLICT (id) DO NOTHING"
        ),
        {"id": STATE_ID},
    )
    return session.get_one(SettingsState, STATE_ID, with_for_update=True, populate_existing=True)


def version(connection: sa.Connection) -> int:
    """Return how often the settings in a database were changed."""
    found = connection.scalar(sa.select(SettingsState.version).where(SettingsState.id == STATE_ID))
    return found or 0


def version_and_fingerprint(connection: sa.Connection) -> tuple[int, str | None]:
    """Return the same, and the fingerprint of the key that secrets are sealed with."""
    found = connection.execute(
        sa.select(SettingsState.version, SettingsState.key_fingerprint).where(
            SettingsState.id == STATE_ID
        )
    ).first()
    return (found[0], found[1]) if found else (0, None)
