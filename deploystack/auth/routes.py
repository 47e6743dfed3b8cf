"""``/api/auth``: registering, logging in and out, one's own account and tokens."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, current_app, request

from ..app import json_response
from ..database import db, get_database
from ..database.access import needs_token, require_setup_token
from ..database.setup_token import ensure_token
from ..documented import Documented, Done
from ..errors import ApiError
from ..http import has_body, read_json, require_same_origin
from ..models import ApiToken
from ..settings.codes import UNREADABLE
from . import accounts, login, sessions, tokens
from .answers import LoginStatus, NewlyMadeToken, Tokens, UserDone
from .authentication import require_session
from .permissions import ADMIN
from .schemas import Login, NewToken, Nothing, PasswordChange, Profile, Registration

blueprint = Blueprint("auth", __name__, url_prefix="/api/auth")

_registration, _login, _nothing = Registration(), Login(), Nothing()
_password_change, _profile, _new_token = PasswordChange(), Profile(), NewToken()


@blueprint.get("/status")
@Documented({200: LoginStatus}, errors={503: UNREADABLE})
def status() -> Response:
    """Tell whether people may log in or register, and how the first account is made."""
    config = get_database(current_app).config
    is_first = not accounts.is_owned()
    needs = is_first and needs_token(config, request)
    if needs:
        with suppress(ApiError):  # registering will say that the folder cannot be written
            ensure_token(config)
    return json_response(
        {
            "first_account": is_first,
            "setup_token_required": needs,
            "login_enabled": login.may_log_in(),
            "registration_enabled": login.may_register(),
        }
    )


@blueprint.post("/email/register")
@Documented(
    {201: UserDone},
    body=_registration,
    errors={
        400: ["email_taken", "username_taken", "weak_password"],
        403: ["login_disabled", "registration_disabled"],
        503: UNREADABLE,
    },
    who="setup",
    sets_cookie=True,
)
def register() -> Response:
    """Make an account for whoever asks, and log them in. The first one administers."""
    require_same_origin(request)
    is_first = not accounts.is_owned()
    if is_first:  # it owns everything, so it is made by whoever may set up
        require_setup_token(get_database(current_app).config, request)
    elif not login.may_register():
        raise accounts.registration_disabled()
    elif not login.may_log_in():  # it would begin a session
        raise login.login_disabled()
    new = accounts.New(**read_json(request, _registration))
    user, token = login.register(new, _visitor(), may_be_first=is_first)
    is_admin = user["role_id"] == ADMIN
    how = (
        "You are now logged in as the global administrator."
        if is_admin
        else "You can now log in to your account."
    )
    body = {"success": True, "message": f"User registered successfully. {how}", "user": user}
    return sessions.give(json_response(body, 201), request, token)


@blueprint.post("/email/login")
@Documented(
    {200: UserDone},
    body=_login,
    errors={
        400: ["invalid_credentials"],
        403: ["login_disabled"],
        429: ["too_many_attempts"],
        503: UNREADABLE,
    },
    sets_cookie=True,
)
def log_in() -> Response:
    """Begin a session."""
    require_same_origin(request)
    if not login.may_log_in():
        raise login.login_disabled()
    body = read_json(request, _login)
    user, token = login.log_in(body["login"], body["password"], _visitor())
    answer = {"success": True, "message": "Logged in successfully.", "user": user}
    return sessions.give(json_response(answer), request, token)


@blueprint.post("/logout")
@Documented({200: Done}, body=_nothing, needs_body=False, sets_cookie=True)
def log_out() -> Response:
    """End the session, if there is one."""
    require_same_origin(request)
    if has_body(request):
        read_json(request, _nothing)
    was_there = login.log_out(sessions.token_in(request))
    message = (
        "Logged out successfully."
        if was_there
        else "No active session to logout or already logged out."
    )
    return sessions.take_away(json_response({"success": True, "message": message}), request)


@blueprint.put("/email/change-password")
@Documented(
    {200: Done},
    body=_password_change,
    errors={
        400: ["same_password", "weak_password", "wrong_password"],
        404: ["unknown_user"],
        429: ["too_many_attempts"],
    },
    who="session",
    sets_cookie=True,
)
def change_password() -> Response:
    """Change one's own password, and end all other sessions."""
    principal = require_session()
    body = read_json(request, _password_change)
    token = login.change_password(
        principal, body["current_password"], body["new_password"], _visitor()
    )
    answer = {"success": True, "message": "Password changed successfully."}
    return sessions.give(json_response(answer), request, token)


@blueprint.put("/profile/update")
@Documented(
    {200: UserDone},
    body=_profile,
    errors={400: ["username_taken"], 404: ["unknown_user"]},
    who="session",
)
def update_profile() -> Response:
    """Change one's own names."""
    principal = require_session()
    user = accounts.update(principal.user_id, read_json(request, _profile))
    return json_response(
        {"success": True, "message": "Profile updated successfully.", "user": user}
    )


@blueprint.get("/tokens")
@Documented({200: Tokens}, who="session")
def list_tokens() -> Response:
    """Return one's own tokens, without what they consist of."""
    principal = require_session()
    return json_response({"success": True, "data": tokens.of(principal.user_id)})


@blueprint.post("/tokens")
@Documented(
    {201: NewlyMadeToken},
    body=_new_token,
    errors={400: ["unknown_scope"], 404: ["unknown_user"]},
    who="session",
)
def create_token() -> Response:
    """Make a token; it is told this one time."""
    principal = require_session()
    body = read_json(request, _new_token)
    told, secret = tokens.create(
        principal.user_id,
        body["name"],
        body["scopes"],
        body["expires_in_days"],
        principal.permissions,
    )
    message = "Token created. It is shown this one time only."
    answer: dict[str, Any] = {"success": True, "message": message, "token": secret, "data": told}
    return json_response(answer, 201)


@blueprint.delete("/tokens/<token_id>")
@Documented({200: Done}, errors={404: ["unknown_token"]}, who="session")
def revoke_token(token_id: str) -> Response:
    """Make one of one's own tokens void."""
    principal = require_session()
    session = db.session()
    token = session.get(ApiToken, token_id) if token_id.isprintable() else None
    if token is None or token.user_id != principal.user_id:
        raise tokens.unknown_token()
    tokens.revoke(session, token)
    return json_response({"success": True, "message": "Token revoked."})


def _visitor() -> login.Visitor:
    return login.Visitor(request.remote_addr, sessions.token_in(request))
