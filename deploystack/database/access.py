"""Who may set up: whoever sits at the machine, or holds the token from its data folder.

Setting up is, by its nature, open until it is done; unguarded, it belongs to whoever comes
first, and its "connect to this host" to any web page (the bug class of CVE-2023-38646).
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Callable
from ipaddress import ip_address

import sqlalchemy as sa
from flask import Flask, Request

from ..config import LOOPBACK_HOSTS, Config
from ..errors import ApiError
from ..http import host_name
from . import engines
from .attach import identity
from .handle import Database, get_database
from .problems import DatabaseProblem
from .selection import NoSelection
from .setup_token import ensure_token, token_file
from .target import SqliteTarget

log = logging.getLogger(__name__)

HEADER = "X-Setup-Token"

COOKIE = "deploystack_setup"
"""Holds the proof of the token, for who has entered it on a page of this server."""

_OWNERSHIP = "deploystack_ownership"

_FORWARDED = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_X_FORWARDED_SERVER",
    "HTTP_X_REAL_IP",
    "HTTP_X_CLIENT_IP",
    "HTTP_X_CLUSTER_CLIENT_IP",
    "HTTP_TRUE_CLIENT_IP",
    "HTTP_CF_CONNECTING_IP",
    "HTTP_FASTLY_CLIENT_IP",
    "HTTP_VIA",
)


def announce_setup(database: Database) -> None:
    """Log how to set up, if that is still to be done. The token's path is told, never its value."""
    config = database.config
    try:
        database.target()
        return
    except DatabaseProblem:
        return
    except NoSelection:
        log.info("No database is set up yet: open /setup in a browser, or run `flask db setup`.")
    if config.setup_token_mode == "never":
        log.warning(
            "DEPLOYSTACK_SETUP_TOKEN_MODE is never: whoever reaches this server first sets it up."
        )
    else:
        ensure_token(config)
        log.info("From another machine, setup asks for the token in %s.", token_file(config))


def register_ownership(app: Flask, has_owner: Callable[[sa.Connection], bool]) -> None:
    """Let ``has_owner`` tell whether somebody administers ``app``, by its database.

    Until then its setup is not over: the first account, which owns everything, is made under the
    same rule.
    """
    app.extensions[_OWNERSHIP] = has_owner


def is_owned(app: Flask) -> bool:
    """Return whether somebody administers ``app``; then there is nothing left to set up.

    Looks at the chosen database, whatever state it is in, and changes nothing.

    Raises:
        DatabaseProblem: it cannot be reached.
    """
    target = get_database(app).target()
    if isinstance(target, SqliteTarget) and identity(target) is None:
        return False
    with engines.inspection(target) as connection:
        owned: bool = app.extensions[_OWNERSHIP](connection)
        return owned


def needs_token(config: Config, request: Request) -> bool:
    """Return whether whoever sent ``request`` must show the token to set up."""
    if config.setup_token_mode == "auto":
        # Behind a proxy everybody's requests come from the proxy's machine.
        return config.trusted_proxies > 0 or not _is_at_the_machine(request)
    return config.setup_token_mode == "always"


def require_setup_token(config: Config, request: Request) -> None:
    """Refuse a request that may not set up.

    The token is in the header; or its proof in the cookie, which a page of ours has set.

    Raises:
        ApiError: 401, the token is needed and missing or wrong.
    """
    if not needs_token(config, request):
        return
    given = request.headers.get(HEADER, "")
    cookie = request.cookies.get(COOKIE, "")
    if given or not cookie or not _equal(cookie, proof(ensure_token(config))):
        check_setup_token(config, given)


def check_setup_token(config: Config, given: str) -> None:
    """Refuse what is not the token.

    Raises:
        ApiError: 401, it is missing or wrong.
    """
    if _equal(given, ensure_token(config)):
        return
    code = "setup_token_wrong" if given else "setup_token_required"
    what = "wrong" if given else "missing"
    raise ApiError(
        401,
        code,
        f"The setup token is {what}. It is in the file setup.token in the server's data "
        f"folder (or run `flask db setup-token` there); send it in the header {HEADER}.",
        headers={"WWW-Authenticate": f'SetupToken header="{HEADER}"'},
    )


def proof(token: str) -> str:
    """Return what shows that somebody had the token, and does not tell it."""
    return hashlib.sha256(f"setup\n{token}".encode()).hexdigest()


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())


def _is_at_the_machine(request: Request) -> bool:
    environ = request.environ
    try:
        is_loopback = ip_address(environ.get("REMOTE_ADDR") or "").is_loopback
    except ValueError:
        return False
    return (
        is_loopback
        # No browser or curl speaks HTTP/1.0 by itself, but nginx does, and forwards nothing else.
        and environ.get("SERVER_PROTOCOL") != "HTTP/1.0"
        and host_name(request) in LOOPBACK_HOSTS
        and not any(name in environ for name in _FORWARDED)
    )
