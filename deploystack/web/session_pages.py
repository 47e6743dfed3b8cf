"""``/login``, ``/logout`` and ``/language``: pages that work without JavaScript."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response, abort, request
from marshmallow import ValidationError

from ..access import current_principal
from ..auth import accounts, login, sessions
from ..auth.schemas import Login
from ..errors import ApiError, invalid_fields
from . import language
from .addresses import local
from .rendering import lead_to, render
from .sentences import localised

LANGUAGE_KEPT = timedelta(days=365)

blueprint = Blueprint("session", __name__)

_login = Login()


@blueprint.get("/login")
def login_page() -> Response:
    """Show the form, to who is not logged in already."""
    if current_principal():
        return lead_to(_next())
    if not accounts.is_owned():
        return lead_to("/setup")
    return _form()


@blueprint.post("/login")
def log_in() -> Response:
    """Begin a session, and lead to the page that was asked for."""
    name, password = request.form.get("login", ""), request.form.get("password", "")
    try:
        _login.load({"login": name, "password": password})
        if not login.may_log_in():
            raise login.login_disabled()
        visitor = login.Visitor(request.remote_addr, sessions.token_in(request))
        _, token = login.log_in(name, password, visitor)
    except ValidationError as error:
        return _form(name, invalid_fields(error))
    except ApiError as error:
        if error.status == 503:
            raise
        return _form(name, error)
    return sessions.give(lead_to(_next()), request, token)


@blueprint.post("/logout")
def log_out() -> Response:
    """End the session, and lead to where one begins."""
    login.log_out(sessions.token_in(request))
    return sessions.take_away(lead_to("/login"), request)


@blueprint.get("/language/<code>")
def switch_language(code: str) -> Response:
    """Keep in which language this browser wants its pages, and lead back."""
    if code not in language.LANGUAGES:
        abort(404)
    response = lead_to(_next())
    response.set_cookie(
        language.COOKIE,
        code,
        max_age=LANGUAGE_KEPT,
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    return response


def _form(name: str = "", error: ApiError | None = None) -> Response:
    page = render(
        "login.html",
        error.status if error else 200,
        error=localised(error) if error else None,
        name=name[:254],
        next=_next(),
    )
    if error:
        page.headers.extend(error.headers)
    return page


def _next() -> str:
    return local(request.values.get("next"))
