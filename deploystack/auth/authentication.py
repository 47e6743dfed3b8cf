"""Who a request is from: whoever holds the session in its cookie, or the token in its header."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa
from flask import Request, current_app

from ..access import SAFE_METHODS, Principal, require_login
from ..database import db, engines
from ..database.reading import reading
from ..errors import ApiError
from ..http import require_same_origin
from ..models import ApiToken, LoginSession, Role, User
from ..models.timestamps import now
from . import sessions, tokens
from .permissions import permissions_of

SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is known when a session or token was used last: not each use writes."""

NOTE_SECONDS = 0.05
"""How long a request waits to write down that a session or token was used."""

_OWNER = (User.id, User.username, User.role_id, Role.permissions)

# Each request asks one of these, so they are put together once.
_SESSION = (
    sa.select(LoginSession.seen_at, *_OWNER)
    .join(User, LoginSession.user_id == User.id)
    .join(Role, User.role_id == Role.id)
    .where(
        LoginSession.id == sa.bindparam("id"),
        LoginSession.expires_at > sa.bindparam("now"),
        LoginSession.seen_at > sa.bindparam("idle"),
    )
)
_TOKEN = (
    sa.select(ApiToken.id.label("token_id"), ApiToken.scopes, ApiToken.used_at, *_OWNER)
    .join(User, ApiToken.user_id == User.id)
    .join(Role, User.role_id == Role.id)
    .where(
        ApiToken.token_hash == sa.bindparam("hash"),
        sa.or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > sa.bindparam("now")),
    )
)


def authenticate(request: Request) -> Principal | None:
    """Return who ``request`` is from; ``None`` for a stranger.

    A token is taken where one is sent, valid or not; then no cookie counts. A browser adds the
    cookie to what other sites make it send, so with a cookie only this server's own pages may
    change anything.

    Raises:
        ApiError: 503 there is no usable database, 403 ``cross_origin``.
    """
    _ = db.engine  # without a database nobody is known, and that is what everybody is told
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        found = _by_token(given.strip())
    else:
        found = _by_session(sessions.token_in(request))
    if found is None:
        return None
    principal, seen_at = found
    if principal.via == "session" and request.method not in SAFE_METHODS:
        require_same_origin(request, is_told=True)
    if seen_at is None or seen_at <= now() - SEEN_EVERY:
        _note_use(principal)
    return principal


def require_session() -> Principal:
    """Return who the request at hand is from, if they have logged in; a token does not do.

    Raises:
        ApiError: 401 ``login_required``, 403 ``session_required``.
    """
    principal = require_login()
    if principal.via != "session":
        raise ApiError(
            403,
            "session_required",
            "This takes a person who has logged in; a token cannot do it.",
        )
    return principal


def _by_session(token: str) -> tuple[Principal, datetime | None] | None:
    if not token:
        return None
    session_id, at = sessions.hash_of(token), now()
    row = _first(_SESSION, {"id": session_id, "now": at, "idle": at - sessions.IDLE})
    if row is None:
        return None
    return _principal(row, "session", session_id), row.seen_at


def _by_token(token: str) -> tuple[Principal, datetime | None] | None:
    if not token.startswith(tokens.PREFIX):
        return None
    row = _first(_TOKEN, {"hash": sessions.hash_of(token), "now": now()})
    if row is None:
        return None
    return _principal(row, "token", row.token_id, frozenset(row.scopes)), row.used_at


def _first(
    query: sa.Select[*tuple[Any, ...]], values: dict[str, Any]
) -> sa.Row[*tuple[Any, ...]] | None:
    with reading() as connection:
        return connection.execute(query, values).first()


def _principal(
    row: sa.Row[*tuple[Any, ...]],
    via: Literal["session", "token"],
    credential_id: str,
    scopes: frozenset[str] | None = None,
) -> Principal:
    permissions = permissions_of(current_app, row.role_id, row.permissions)
    return Principal(
        user_id=row.id,
        username=row.username,
        permissions=permissions if scopes is None else permissions & scopes,
        via=via,
        credential_id=credential_id,
    )


def _note_use(principal: Principal) -> None:
    """Write down when a session or token was used, unless somebody else is writing just now.

    Whoever asks may be holding the database themselves, and must not wait for themselves.
    """
    table: type[LoginSession] | type[ApiToken] = LoginSession
    column = "seen_at"
    if principal.via == "token":
        table, column = ApiToken, "used_at"
    own = sa.select(table.id).where(table.id == principal.credential_id)
    engine = db.engine
    seconds = NOTE_SECONDS if engine.dialect.name == "sqlite" else None  # its one lock for all
    with (
        suppress(sa.exc.OperationalError),
        engine.connect() as connection,
        engines.bounded(connection, seconds),
    ):
        connection.execute(
            sa.update(table)
            .where(table.id.in_(own.with_for_update(skip_locked=True)))
            .values({column: now()})
        )
        connection.commit()
