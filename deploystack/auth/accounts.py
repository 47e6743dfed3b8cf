"""Accounts: making, finding, changing and deleting them, with an administrator among them always.

What depends on several accounts at once (are these names free? who is the first, who the last
administrator?) is asked and done by one transaction at a time, on whichever worker or host.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from flask import current_app, has_request_context
from sqlalchemy.orm import Session

from ..access import current_principal
from ..database import db, get_database
from ..database.reading import reading
from ..database.setup_token import remove_token
from ..errors import ApiError
from ..models import Role, User, record
from . import limits, passwords, sessions
from .permissions import ADMIN, USER, permissions_of
from .schemas import normalised, shown


@dataclass(frozen=True)
class New:
    """An account to make.

    Attributes:
        username: its name.
        email: its address, in lower case.
        password: its password.
        first_name: the person's.
        last_name: the person's.
    """

    username: str
    email: str
    password: str
    first_name: str | None = None
    last_name: str | None = None


def is_owned() -> bool:
    """Return whether there is an administrator."""
    with reading() as connection:
        return bool(connection.scalar(sa.select(_owned())))


def has_owner(connection: sa.Connection) -> bool:
    """Return the same for a database that may lack its tables yet."""
    has_users = sa.inspect(connection).has_table(User.__tablename__)
    return has_users and bool(connection.scalar(sa.select(_owned())))


def find(login: str) -> sa.Row[str, str, str, str | None] | None:
    """Return the id, username, email and password hash of the account with this name or address."""
    text = normalised(login)
    if not text.isprintable() or len(text) > 254:
        return None
    column = User.email if "@" in text else User.username
    with reading() as connection:
        return connection.execute(
            sa.select(User.id, User.username, User.email, User.password_hash)
            .where(_lower(column, connection.dialect.name) == text)
            .order_by(User.created_at)
        ).first()


def create(
    new: New, *, role_id: str = USER, may_be_first: bool = True, may_be_next: bool = True
) -> User:
    """Make an account; the first one becomes an administrator. :func:`saved` commits it.

    Args:
        new: the account.
        role_id: its role, if it is not the first.
        may_be_first: whether it may become the first administrator.
        may_be_next: whether it may be made where there is an administrator already.

    Raises:
        ApiError: 400 ``weak_password``, ``username_taken``, ``email_taken`` or ``unknown_role``;
            403 ``registration_disabled``.
    """
    passwords.check(new.password, new.username, new.email)
    password_hash = passwords.hashed(new.password)  # before the transaction: it takes a while
    session = db.session()
    _alone(session)
    is_first = not session.scalar(sa.select(_owned()))
    if not (may_be_first if is_first else may_be_next):
        raise registration_disabled()
    user = User(
        username=_free_username(session, new.username),
        email=_free_email(session, new.email),
        password_hash=password_hash,
        first_name=new.first_name,
        last_name=new.last_name,
        role_id=ADMIN if is_first else _role_to_give(session, role_id).id,
    )
    session.add(user)
    session.flush()
    return user


def update(user_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change an account, and return what is told of it.

    Args:
        user_id: which.
        changes: any of ``username``, ``email``, ``first_name``, ``last_name`` and ``role_id``.

    Raises:
        ApiError: 404 ``unknown_user``; 400 ``username_taken``, ``email_taken`` or
            ``unknown_role``; 403 ``permission_denied``, the account or the role may do more
            than whoever asks; 409 ``last_administrator``.
    """
    session = db.session()
    _alone(session)
    user = get(session, user_id)
    _refuse_above(user)
    before = {name: getattr(user, name) for name in changes}
    if "username" in changes:
        user.username = _free_username(session, changes["username"], user)
    if "email" in changes:
        user.email = _free_email(session, changes["email"], user)
    for name in changes.keys() & {"first_name", "last_name"}:
        setattr(user, name, changes[name])
    if changes.get("role_id", user.role_id) != user.role_id:
        role = _role_to_give(session, changes["role_id"])
        _refuse_last(session, user)
        user.role = role
    changed = sorted(name for name, value in before.items() if changes[name] != value)
    if changed:
        details: dict[str, Any] = {"user": user.id, "changed": changed}
        if "role_id" in changed:
            details |= {"role_id": changes["role_id"], "before": before["role_id"]}
        record(session, "users.update", before.get("username", user.username), details)
    session.flush()
    return saved(user)


def delete(user_id: str) -> None:
    """Delete an account with its sessions and tokens.

    Raises:
        ApiError: 404 ``unknown_user``; 403 ``permission_denied``, it may do more than whoever
            asks; 409 ``last_administrator`` or ``account_in_use``.
    """
    session = db.session()
    _alone(session)
    user = get(session, user_id)
    _refuse_above(user)
    _refuse_last(session, user)
    record(session, "users.delete", user.username, {"user": user.id, "email": user.email})
    session.delete(user)
    try:
        session.commit()
    except sa.exc.IntegrityError:
        session.rollback()
        raise ApiError(
            409,
            "account_in_use",
            "Rows of a plugin refer to this account, so it cannot be deleted. Delete those first.",
        ) from None


def set_password(user_id: str, password: str) -> None:
    """Give an account another password, end its sessions, and forget failed attempts on it.

    Raises:
        ApiError: 404 ``unknown_user``, 400 ``weak_password``.
    """
    session = db.session()
    user = get(session, user_id)
    passwords.check(password, user.username, user.email)
    session.rollback()
    password_hash = passwords.hashed(password)
    user = get(session, user_id, for_update=True)
    user.password_hash = password_hash
    sessions.end_all(session, user.id)
    limits.forget(user)
    record(session, "users.change_password", user.username, {"user": user.id})
    session.commit()


def saved(user: User) -> dict[str, Any]:
    """Commit, and return what is told of ``user``. With an administrator, setup is over."""
    told = shown(user)
    db.session.commit()
    if told["role_id"] == ADMIN:
        remove_token(get_database(current_app).config)
    return told


def get(session: Session, user_id: str, *, for_update: bool = False) -> User:
    """Return the account with this id.

    Raises:
        ApiError: 404 ``unknown_user``.
    """
    lock: Any = {"key_share": True} if for_update else None
    user = session.get(User, user_id, with_for_update=lock) if user_id.isprintable() else None
    if user is None:
        raise ApiError(404, "unknown_user", "There is no such account. It may have been deleted.")
    return user


def registration_disabled() -> ApiError:
    """Return the answer where people may not register by themselves."""
    return ApiError(
        403,
        "registration_disabled",
        "Email registration is currently disabled by administrator.",
    )


def _alone(session: Session) -> None:
    """Let one transaction at a time pass, until it ends.

    On SQLite each has begun as the only writer already. On PostgreSQL the lock is of a row that
    an account may still refer to meanwhile (FOR NO KEY UPDATE).
    """
    session.execute(sa.select(Role.id).where(Role.id == ADMIN).with_for_update(key_share=True))


def _owned() -> sa.Exists:
    return sa.exists().where(User.role_id == ADMIN)


def _lower(column: Any, dialect: str) -> sa.ColumnElement[str]:
    # What is compared is ASCII. A PostgreSQL database may lower I to a dotless i, unless told.
    return sa.func.lower(column.collate("C") if dialect == "postgresql" else column)


def _is_taken(session: Session, column: Any, value: str, user: User | None) -> bool:
    dialect = session.get_bind().dialect.name
    others = sa.select(User.id).where(_lower(column, dialect) == value.lower())
    if user:
        others = others.where(User.id != user.id)
    return session.scalar(others.limit(1)) is not None


def _free_username(session: Session, username: str, user: User | None = None) -> str:
    if _is_taken(session, User.username, username, user):
        raise ApiError(400, "username_taken", "Username is already taken.")
    return username


def _free_email(session: Session, email: str, user: User | None = None) -> str:
    if _is_taken(session, User.email, email, user):
        raise ApiError(400, "email_taken", "Email address already in use.")
    return email


def _role_to_give(session: Session, role_id: str) -> Role:
    """Return a role; one that may do more than whoever asks they may not give."""
    role = session.get(Role, role_id)
    if role is None:
        raise ApiError(400, "unknown_role", "There is no such role.")
    if role_id != USER:
        _check_covered(role, "You may not give a role that may do more than you.")
    return role


def _refuse_above(user: User) -> None:
    """Refuse to change the account of somebody who may do more; one's own is one's own."""
    principal = current_principal() if has_request_context() else None
    if principal is None or principal.user_id != user.id:
        _check_covered(user.role, "You may not change an account that may do more than you.")


def _check_covered(role: Role, sentence: str) -> None:
    principal = current_principal() if has_request_context() else None
    if principal is None:  # a command, or somebody who registers
        return
    beyond = permissions_of(current_app, role.id, role.permissions) - principal.permissions
    if beyond:
        raise ApiError(
            403,
            "permission_denied",
            f"{sentence} Ask an administrator.",
            {"permissions": sorted(beyond)},
        )


def _refuse_last(session: Session, user: User) -> None:
    administrators = sa.select(sa.func.count()).select_from(User).where(User.role_id == ADMIN)
    if user.role_id == ADMIN and session.scalar(administrators) == 1:
        raise ApiError(
            409,
            "last_administrator",
            "This is the last administrator. Make another account an administrator first.",
        )
