"""Who has changed which setting, when and from where. Never a secret's value, not even sealed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import current_app, has_request_context
from sqlalchemy.orm import Session

from .. import models
from ..access import EXTENSION, Principal, current_principal
from ..models import AuditEntry, GlobalSetting

MAX_TOLD = 1000
"""How many characters of a value the log keeps."""

PREFIX = "settings."
"""What the actions of settings begin with in the log, which others write as well."""


@dataclass(frozen=True)
class Actor:
    """Who makes a change.

    Attributes:
        name: for people.
        user_id: their account, if they have one.
        may_reveal: whether they may see secrets.
    """

    name: str
    user_id: str | None = None
    may_reveal: bool = True


APPLICATION = Actor("application")
"""Who gives a database what is declared."""


def requester(principal: Principal) -> Actor:
    """Return the actor that ``principal`` is."""
    may_reveal = "settings.reveal" in principal.permissions
    return Actor(principal.username, principal.user_id, may_reveal)


def code() -> Actor:
    """Return on whose behalf code changes a setting: the request's, if there is one."""
    if has_request_context() and EXTENSION in current_app.extensions:
        principal = current_principal()
        if principal:
            return Actor(principal.username, principal.user_id)
    return Actor("code")


def operator() -> Actor:
    """Return who runs a command."""
    return Actor(models.operator())


def record(
    session: Session, actor: Actor, action: str, subject: str, details: Mapping[str, Any]
) -> None:
    """Add an entry in the transaction of ``session``."""
    models.record(session, PREFIX + action, subject, details, (actor.user_id, actor.name))


def told(row: GlobalSetting) -> str | None:
    """Return what the log may keep of a value that is no secret."""
    if row.value is None or len(row.value) <= MAX_TOLD:
        return row.value
    return row.value[:MAX_TOLD] + "…"


def forget_values(session: Session, key: str) -> None:
    """Take the values of a setting out of the log: it has become a secret.

    A group of the same name keeps its entries.
    """
    about_groups = AuditEntry.action.startswith(f"{PREFIX}group_", autoescape=True)
    query = _about_settings().where(AuditEntry.subject == key, ~about_groups)
    for entry in session.scalars(query):
        entry.details = {k: v for k, v in entry.details.items() if k not in {"before", "after"}}


def entries(
    session: Session, limit: int, *, before: int | None = None, subject: str | None = None
) -> list[AuditEntry]:
    """Return entries about settings, the newest first.

    Args:
        session: to read with.
        limit: how many at most.
        before: only those that are older than the one of this id.
        subject: only those about this setting or group.
    """
    query = _about_settings()
    if before is not None:
        query = query.where(AuditEntry.id < before)
    if subject is not None:
        query = query.where(AuditEntry.subject == subject)
    return list(session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit)))


def initialisations(session: Session) -> dict[str, AuditEntry]:
    """Return, for each owner of settings, the entry about the last time it was given them."""
    entry = AuditEntry
    last = (
        sa.select(sa.func.max(entry.id))
        .where(entry.action == f"{PREFIX}initialise")
        .group_by(entry.subject)
    )
    found = session.scalars(sa.select(entry).where(entry.id.in_(last)).order_by(entry.subject))
    return {each.subject: each for each in found}


def _about_settings() -> sa.Select[AuditEntry]:
    return sa.select(AuditEntry).where(AuditEntry.action.startswith(PREFIX, autoescape=True))
