"""Who asks, and whether they may: what every route that is not for everybody begins with.

    @blueprint.get("")
    @require_permission("settings.view")
    def index() -> Response: ...

Who a request is from is established by ``deploystack.auth``, which is a layer above this one; it
hands its function over with :func:`register_authentication`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from flask import Flask, Request, current_app, request

from .errors import CODES, SENTENCES, ApiError
from .http import has_body

F = TypeVar("F", bound=Callable[..., Any])

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Those that change nothing (RFC 9110, 9.2.1)."""

EXTENSION = "deploystack_authentication"
_PRINCIPAL = "deploystack.principal"
_PERMISSIONS = "_deploystack_permissions"  # on a view, where a plugin keeps what it likes


@dataclass(frozen=True)
class Principal:
    """Who a request is from.

    Attributes:
        user_id: the account.
        username: its name.
        permissions: what they may do; for a token, what the token and its owner both may.
        via: how they have shown who they are.
        credential_id: the session or token.
    """

    user_id: str
    username: str
    permissions: frozenset[str]
    via: Literal["session", "token"]
    credential_id: str


Authenticate = Callable[[Request], Principal | None]
"""Returns who a request is from; ``None`` if it shows nothing, or nothing that is valid."""


def register_authentication(app: Flask, authenticate: Authenticate) -> None:
    """Let ``authenticate`` decide who the requests of ``app`` are from."""
    app.extensions[EXTENSION] = authenticate


def current_principal() -> Principal | None:
    """Return who the request at hand is from, looked up once."""
    if _PRINCIPAL not in request.environ:  # an application context may outlive a request
        request.environ[_PRINCIPAL] = current_app.extensions[EXTENSION](request)
    principal: Principal | None = request.environ[_PRINCIPAL]
    return principal


def require_login() -> Principal:
    """Return who the request at hand is from.

    Raises:
        ApiError: 401 ``login_required``.
    """
    principal = current_principal()
    if principal is None:
        raise ApiError(
            401,
            "login_required",
            "You are not logged in, or your session has ended. Log in, or send a valid token.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return principal


def check_permission(permission: str) -> Principal:
    """Return who the request at hand is from, if they have ``permission``.

    Raises:
        ApiError: 401 ``login_required``, 403 ``permission_denied``.
    """
    principal = require_login()
    if permission not in principal.permissions:
        raise ApiError(
            403,
            "permission_denied",
            f"You may not do this: it takes the permission {permission!r}. Ask an administrator.",
            {"permission": permission},
        )
    return principal


def _require_json() -> None:
    is_json = request.mimetype == "application/json"
    if request.method not in SAFE_METHODS and has_body(request) and not is_json:
        raise ApiError(415, CODES[415], SENTENCES[415])


def answering(view: Callable[..., Any], method: str) -> Callable[..., Any]:
    """Return what answers ``method``: of a view that is a class, the function of that name.

    Of a ``functools.partial`` it is the function that is called.
    """
    found: Callable[..., Any] = getattr(getattr(view, "view_class", None), method.lower(), view)
    innermost = inspect.unwrap(found)
    return innermost.func if isinstance(innermost, functools.partial) else found


def asked_for(view: Callable[..., Any], method: str) -> frozenset[str]:
    """Return the permissions that :func:`require_permission` asks for before ``view`` answers."""
    found: frozenset[str] = getattr(view, _PERMISSIONS, frozenset())
    return found | getattr(answering(view, method), _PERMISSIONS, frozenset())


def require_permission(permission: str) -> Callable[[F], F]:
    """Let only those call a view who have ``permission``; plugins use it with their own.

    With a cookie, a body must be announced as JSON: no other site's form can send that.
    """

    def decorate(view: F) -> F:
        @functools.wraps(view)
        def checked(*args: Any, **kwargs: Any) -> Any:
            if check_permission(permission).via == "session":
                _require_json()
            return view(*args, **kwargs)

        others: frozenset[str] = getattr(view, _PERMISSIONS, frozenset())
        setattr(checked, _PERMISSIONS, others | {permission})
        return checked  # type: ignore[return-value]

    return decorate
