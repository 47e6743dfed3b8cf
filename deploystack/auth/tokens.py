"""Tokens of scripts: made once, shown once, kept as a hash."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..database import db
from ..database.reading import reader
from ..errors import ApiError
from ..models import ApiToken, record
from ..models.timestamps import now
from . import accounts
from .sessions import hash_of

PREFIX = "dst_"
"""What each token begins with, so that people and programs that look for secrets know it."""


def create(
    user_id: str,
    name: str,
    scopes: Collection[str],
    days: int,
    permissions: Collection[str],
) -> tuple[dict[str, Any], str]:
    """Make a token; return what is told of it, and the token itself, which nobody can tell again.

    Args:
        user_id: whose it is.
        name: what it is for, for people.
        scopes: the permissions it has, as long as its owner has them.
        days: how long it is valid.
        permissions: those of its owner.

    Raises:
        ApiError: 400 ``unknown_scope``, 404 ``unknown_user``.
    """
    beyond = sorted(set(scopes) - set(permissions))
    if beyond:
        raise ApiError(
            400,
            "unknown_scope",
            "A token has no permission that its owner does not have. Leave out: "
            f"{', '.join(beyond)}.",
            {"scopes": beyond},
        )
    session = db.session()
    owner = accounts.get(session, user_id, for_update=True)
    secret = PREFIX + secrets.token_urlsafe(32)
    at = now()
    token = ApiToken(
        user_id=user_id,
        name=name,
        token_hash=hash_of(secret),
        scopes=sorted(set(scopes)),
        created_at=at,
        expires_at=at + timedelta(days=days),
    )
    session.add(token)
    session.flush()
    details = {"token": token.id, "name": name, "scopes": token.scopes, "days": days}
    record(session, "tokens.create", owner.username, details)
    told = shown(token)
    session.commit()
    return told, secret


def of(user_id: str) -> list[dict[str, Any]]:
    """Return what is told of an account's tokens, oldest first."""
    found = reader().scalars(
        sa.select(ApiToken)
        .where(ApiToken.user_id == user_id)
        .order_by(ApiToken.created_at, ApiToken.id)
    )
    return [shown(token) for token in found]


def revoke(session: Session, token: ApiToken) -> None:
    """Make a token void, at once. Commits."""
    owner = token.user.username
    record(session, "tokens.revoke", owner, {"token": token.id, "name": token.name})
    session.delete(token)
    session.commit()


def unknown_token() -> ApiError:
    """Return the answer where there is no such token."""
    return ApiError(404, "unknown_token", "There is no such token. It may have been revoked.")


def shown(token: ApiToken) -> dict[str, Any]:
    """Return what is told of a token: nothing that could be used as one."""
    return {
        "id": token.id,
        "name": token.name,
        "scopes": token.scopes,
        "created_at": token.created_at.isoformat(),
        "used_at": token.used_at.isoformat() if token.used_at else None,
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
    }
