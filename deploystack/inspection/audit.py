"""The whole log of who has changed what, whatever it is."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..models import AuditEntry
from ..settings.wire import moment


def entries(
    session: Session,
    limit: int,
    *,
    before: int | None = None,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
) -> tuple[list[dict[str, Any]], int | None]:
    """Return entries, the newest first, and what to give as ``before`` for those that follow.

    Args:
        session: to read with.
        limit: how many at most.
        before: only those that are older than the one of this id.
        actor: only what this one has done.
        action: only what was done: an action, or what all of a kind begin with, such as ``users.``.
        subject: only what was done to this.
    """
    query = sa.select(AuditEntry)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    if actor is not None:
        query = query.where(AuditEntry.actor == actor)
    if action is not None:
        query = query.where(AuditEntry.action.startswith(action, autoescape=True))
    if subject is not None:
        query = query.where(AuditEntry.subject == subject)
    found = list(session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit + 1)))
    told = [_shown(entry) for entry in found[:limit]]
    return told, told[-1]["id"] if len(found) > limit else None


def _shown(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": moment(entry.at),
        "actor": entry.actor,
        "actor_id": entry.actor_id,
        "address": entry.address,
        "action": entry.action,
        "subject": entry.subject,
        "details": entry.details,
    }
