"""Coming in: registering, logging in and out, and changing the password with which one does."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from flask import current_app

from ..access import Principal
from ..database import db
from ..errors import ApiError
from ..models import User, record
from ..settings import get_settings
from . import accounts, limits, passwords, sessions
from .schemas import normalised, shown

log = logging.getLogger(__name__)


def may_log_in() -> bool:
    """Return whether people may log in at all."""
    return bool(get_settings(current_app).get("global.enable_login"))


def may_register() -> bool:
    """Return whether people may register by themselves."""
    return bool(get_settings(current_app).get("global.enable_email_registration"))


def login_disabled() -> ApiError:
    """Return the answer where nobody may log in."""
    return ApiError(403, "login_disabled", "Login is currently disabled by administrator.")


@dataclass(frozen=True)
class Visitor:
    """Where somebody asks from.

    Attributes:
        address: of the client.
        token: of the session that the browser has at present, which ends with the next one.
    """

    address: str | None
    token: str


def register(
    new: accounts.New, visitor: Visitor, *, may_be_first: bool
) -> tuple[dict[str, Any], str]:
    """Make an account for whoever asks; return what is told of it, and the token of a session.

    Args:
        new: the account.
        visitor: who asks.
        may_be_first: whether it may become the first administrator.

    Raises:
        ApiError: as for :func:`accounts.create`.
    """
    user = accounts.create(new, may_be_first=may_be_first, may_be_next=may_register())
    token = _begin(user, visitor)
    details = {"user": user.id, "role_id": user.role_id}
    record(db.session(), "users.register", user.username, details, (user.id, user.username))
    return accounts.saved(user), token


def log_in(login: str, password: str, visitor: Visitor) -> tuple[dict[str, Any], str]:
    """Return what is told of an account, and the token of a new session.

    It takes as long, and says the same, where there is no such account.

    Raises:
        ApiError: 400 ``invalid_credentials``, 429 ``too_many_attempts``.
    """
    found = accounts.find(login)
    kept = found.password_hash if found else None
    account = limits.login_key(normalised(login))
    limits.attempt(account, limits.address_key(visitor.address))
    if not passwords.matches(password, kept) or found is None or kept is None:
        log.info("A login from %s failed.", visitor.address)
        raise _invalid_credentials()
    replacement = passwords.hashed(password) if passwords.is_outdated(kept) else None

    session = db.session()
    user = session.get(User, found.id, with_for_update={"key_share": True})
    if user is None or user.password_hash != kept:  # deleted or changed in the meantime
        session.rollback()
        raise _invalid_credentials()
    user.password_hash = replacement or kept
    limits.forget(user)
    token = _begin(user, visitor)
    told = shown(user)
    session.commit()
    return told, token


def log_out(token: str) -> bool:
    """End the session with this token; return whether there was one."""
    was_there = sessions.end(db.session(), token)
    db.session.commit()
    return was_there


def change_password(principal: Principal, current: str, new: str, visitor: Visitor) -> str:
    """Change one's own password, end all sessions, and return the token of a new one.

    Raises:
        ApiError: 400 ``wrong_password``, ``same_password`` or ``weak_password``; 429
            ``too_many_attempts``.
    """
    session = db.session()
    user = accounts.get(session, principal.user_id)
    kept, names = user.password_hash, (user.username, user.email)
    session.rollback()  # nothing is held while passwords are compared, which takes a while
    [account] = limits.account_keys(principal.user_id)
    limits.attempt(account, limits.address_key(visitor.address))
    if not passwords.matches(current, kept):
        raise _wrong_password()
    limits.forget(accounts.get(session, principal.user_id))
    session.commit()
    if passwords.matches(new, kept):
        raise ApiError(
            400, "same_password", "New password must be different from current password."
        )
    passwords.check(new, *names)
    password_hash = passwords.hashed(new)

    user = accounts.get(session, principal.user_id, for_update=True)
    if user.password_hash != kept:
        session.rollback()
        raise _wrong_password()
    user.password_hash = password_hash
    sessions.end_all(session, user.id)
    token = _begin(user, visitor)
    record(session, "users.change_password", user.username, {"user": user.id})
    session.commit()
    return token


def _begin(user: User, visitor: Visitor) -> str:
    sessions.end(db.session(), visitor.token)
    return sessions.begin(db.session(), user.id, visitor.address)


def _invalid_credentials() -> ApiError:
    return ApiError(400, "invalid_credentials", "Invalid email/username or password.")


def _wrong_password() -> ApiError:
    return ApiError(400, "wrong_password", "Current password is incorrect.")
