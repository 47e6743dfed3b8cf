"""How often a password may be guessed: per account and per address, counted in the database.

Each attempt is written down before its password is looked at, and then counted. So of any number
that come at once, to whichever workers, no more than the limit get to guess.
"""

from __future__ import annotations

import hashlib
import logging
import math
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address

import sqlalchemy as sa

from ..database import db
from ..database.reading import reading
from ..errors import ApiError
from ..models import LoginAttempt, User
from ..models.timestamps import now
from .schemas import normalised

log = logging.getLogger(__name__)

PER_ACCOUNT = 10
PER_ADDRESS = 50
WINDOW = timedelta(minutes=15)
"""For how long a failed attempt counts."""


def login_key(login: str) -> str:
    """Return what the attempts to log in as ``login`` are counted under.

    Whether there is such an account plays no part, so nobody learns that from the limit. It is a
    hash: what people type into the wrong field is not kept.

    Args:
        login: a username or an e-mail address, normalised.
    """
    return f"login:{hashlib.sha256(login.encode('utf-8', 'replace')).hexdigest()}"


def account_keys(user_id: str, *names: str) -> list[str]:
    """Return all that attempts on an account are counted under; the first is for its owner."""
    return [f"user:{user_id}", *(login_key(normalised(name)) for name in names)]


def address_key(address: str | None) -> str:
    """Return what the attempts from an address are counted under: for IPv6 the whole /64."""
    try:
        found: IPv4Address | IPv6Address = ip_address((address or "").partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return f"{IPv6Address(int(found) >> 64 << 64)}/64"
    return str(found)


def attempt(account: str, address: str) -> None:
    """Count an attempt to guess a password; :func:`forget` takes it back.

    Args:
        account: what it counts under: :func:`login_key`, or the first of :func:`account_keys`.
        address: where it comes from: :func:`address_key`.

    Raises:
        ApiError: 429 ``too_many_attempts``; it was not counted.
    """
    _refuse_beyond(account, address, PER_ACCOUNT - 1, PER_ADDRESS - 1)  # nothing is written yet
    at = now()
    session = db.session()
    session.execute(sa.delete(LoginAttempt).where(LoginAttempt.id.in_(_old(at - WINDOW))))
    entry = LoginAttempt(account=account, address=address, at=at)
    session.add(entry)
    session.flush()
    own = LoginAttempt.id == entry.id
    session.commit()  # now it is seen by all that come later
    try:
        _refuse_beyond(account, address, PER_ACCOUNT, PER_ADDRESS)
    except ApiError:
        session.execute(sa.delete(LoginAttempt).where(own))
        session.commit()
        raise


def forget(user: User) -> None:
    """Forget the attempts on an account: whoever it belongs to has shown up. Does not commit."""
    keys = account_keys(user.id, user.username, user.email)
    db.session.execute(sa.delete(LoginAttempt).where(LoginAttempt.account.in_(keys)))


def _refuse_beyond(account: str, address: str, of_account: int, of_address: int) -> None:
    with reading() as connection:
        seconds = max(
            _seconds_left(connection, LoginAttempt.account == account, of_account),
            _seconds_left(connection, LoginAttempt.address == address, of_address),
        )
    if seconds:
        log.warning("Too many failed attempts to log in; one from %s was refused.", address)
        raise ApiError(
            429,
            "too_many_attempts",
            f"There were too many failed attempts. Try again in {seconds} seconds.",
            headers={"Retry-After": str(seconds)},
        )


def _old(before: datetime) -> sa.Select[int]:
    # Those that somebody else is about to remove are left to them.
    return (
        sa.select(LoginAttempt.id)
        .where(LoginAttempt.at <= before)
        .with_for_update(skip_locked=True)
    )


def _seconds_left(connection: sa.Connection, which: sa.ColumnElement[bool], limit: int) -> int:
    """Return in how many seconds no more than ``limit`` attempts will count; 0 if it is so now."""
    at = now()
    times = connection.scalars(
        sa.select(LoginAttempt.at)
        .where(which, LoginAttempt.at > at - WINDOW)
        .order_by(LoginAttempt.at.desc())
        .limit(limit + 1)
    ).all()
    if len(times) <= limit:
        return 0
    return max(1, math.ceil((times[limit] + WINDOW - at).total_seconds()))
