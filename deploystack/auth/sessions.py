"""Sessions of browsers: a random token in a cookie, and a hash of it in the database."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

import sqlalchemy as sa
from flask import Request, Response
from sqlalchemy.orm import Session

from ..models import LoginSession
from ..models.timestamps import now

COOKIE = "deploystack_session"

IDLE = timedelta(hours=24)
"""A session that was not used for so long has ended."""

ABSOLUTE = timedelta(days=14)
"""A session has ended so long after it began, however much it is used."""


def hash_of(token: str) -> str:
    """Return what is kept of a token. It is random, so nobody can guess it from its hash."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def begin(session: Session, user_id: str, address: str | None) -> str:
    """Begin a session of an account, and return the token for its cookie.

    The sessions that have ended are removed on this occasion. The caller commits.
    """
    at = now()
    ended = (
        sa.select(LoginSession.id)
        .where(sa.or_(LoginSession.expires_at <= at, LoginSession.seen_at <= at - IDLE))
        .with_for_update(skip_locked=True)  # what somebody else is about to remove is theirs
    )
    session.execute(sa.delete(LoginSession).where(LoginSession.id.in_(ended)))
    token = secrets.token_urlsafe(32)
    session.add(
        LoginSession(
            id=hash_of(token),
            user_id=user_id,
            created_at=at,
            seen_at=at,
            expires_at=at + ABSOLUTE,
            address=address,
        )
    )
    return token


def end(session: Session, token: str) -> bool:
    """End the session with this token; return whether there was one. The caller commits."""
    ended = session.execute(
        sa.delete(LoginSession).where(LoginSession.id == hash_of(token)).returning(LoginSession.id)
    )
    return ended.first() is not None


def end_all(session: Session, user_id: str) -> None:
    """End every session of an account. The caller commits."""
    session.execute(sa.delete(LoginSession).where(LoginSession.user_id == user_id))


def token_in(request: Request) -> str:
    """Return the token that a browser has sent; it may be anything, or nothing."""
    return request.cookies.get(COOKIE, "")


def give(response: Response, request: Request, token: str) -> Response:
    """Let the browser keep ``token``."""
    response.set_cookie(
        COOKIE, token, max_age=ABSOLUTE, secure=request.is_secure, httponly=True, samesite="Lax"
    )
    return response


def take_away(response: Response, request: Request) -> Response:
    """Let the browser forget its token."""
    response.delete_cookie(COOKIE, secure=request.is_secure, httponly=True, samesite="Lax")
    return response
