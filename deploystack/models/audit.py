"""Who has changed what, and when."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask import has_request_context, request
from sqlalchemy.orm import Mapped, Session, mapped_column

from ..access import current_principal
from ..database.binding import Model
from ..database.types import UTCDateTime
from .timestamps import now


class AuditEntry(Model):
    """One change. Outlives the account that made it; never holds a secret."""

    __tablename__ = "audit_log"

    id: Mapped[int] = mapped_column(sa.Integer, primary_key=True)
    at: Mapped[datetime] = mapped_column(UTCDateTime, default=now, index=True)
    actor_id: Mapped[str | None] = mapped_column(sa.String(36))
    actor: Mapped[str] = mapped_column(sa.String(255))
    address: Mapped[str | None] = mapped_column(sa.String(64))
    action: Mapped[str] = mapped_column(sa.String(64), index=True)
    subject: Mapped[str] = mapped_column(sa.String(255), index=True)
    details: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)


def operator() -> str:
    """Return what the log calls whoever runs a command."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a container's user need not have a name
        name = "unknown"
    return f"command line ({name})"[:255]


def record(
    session: Session,
    action: str,
    subject: str,
    details: Mapping[str, Any] | None = None,
    actor: tuple[str | None, str] | None = None,
) -> None:
    """Add the entry that tells of a change, to be committed together with it.

    Args:
        session: the session that makes the change.
        action: what was done, such as ``settings.update`` or ``users.create``.
        subject: to what: a key, a name.
        details: more, for programs; never a secret.
        actor: the id and the name of who did it; whoever the request at hand is from, if not
            given, and outside of one whoever runs the command.
    """
    address = None
    if has_request_context():
        address = request.remote_addr
        if actor is None:
            principal = current_principal()
            actor = (principal.user_id, principal.username) if principal else (None, "anonymous")
    actor_id, name = actor or (None, operator())
    session.add(
        AuditEntry(
            actor_id=actor_id,
            actor=name,
            address=address and address[:64],
            action=action,
            subject=subject,
            details=dict(details or {}),
        )
    )
