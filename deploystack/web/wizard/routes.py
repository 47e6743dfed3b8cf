"""The pages of the wizard, and its forms for who has no JavaScript."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, request
from marshmallow import ValidationError

from ...access import check_permission, current_principal
from ...auth import accounts, login, passwords, sessions
from ...auth.schemas import Registration
from ...database import get_database, setup
from ...database.access import COOKIE, check_setup_token, proof, require_setup_token
from ...database.check import Report
from ...database.handle import Database
from ...database.migrations.migrator import Contents
from ...database.progress import planned, watched
from ...database.state import State
from ...errors import ApiError, invalid_fields
from ..language import gettext as _
from ..rendering import lead_to, render
from ..sentences import localised, sentence
from . import checks, done
from .connection import Typed

blueprint = Blueprint("wizard", __name__)

_registration = Registration()
_ELSEWHERE = frozenset({"already_configured", "selection_unreadable"})
_FIELD_OF = {"weak_password": "password", "username_taken": "username", "email_taken": "email"}


@blueprint.get("/setup")
def show() -> Response:
    """Show what there is to do now."""
    database = get_database(current_app)
    database.awaited()
    state = database.verified()
    if state.phase == "unconfigured":
        return _before(database)
    if state.phase != "ready":
        return _held_up(database, state)
    if accounts.is_owned():
        return render(
            "wizard/already.html",
            is_logged_in=current_principal() is not None,
            by_operator=database.is_chosen_by_operator,
        )
    return _refused(database) or _account_page()


@blueprint.post("/setup")
def choose() -> Response:
    """Look at the database that was chosen, or set it up."""
    database = get_database(current_app)
    typed = Typed.of(request.form)
    try:
        require_setup_token(database.config, request)
        target = typed.target(database.config)
        if request.form.get("action") == "check":
            return _database_page(database, typed, report=setup.look(database, target))
        setup.set_up(database, target)
    except ApiError as error:
        is_watched = error.code == "setup_in_progress" and _is_running(database)
        if error.status == 401 or error.code in _ELSEWHERE or is_watched:
            return lead_to("/setup")
        return _database_page(database, typed, error=error)
    return lead_to("/setup")


@blueprint.post("/setup/token")
def enter_token() -> Response:
    """Keep that this browser has shown the setup token."""
    config = get_database(current_app).config
    given = request.form.get("token", "").strip()
    try:
        check_setup_token(config, given)
    except ApiError as error:
        return render("wizard/token.html", error.status, error=_token_refused(given))
    response = lead_to("/setup")
    response.set_cookie(
        COOKIE, proof(given), secure=request.is_secure, httponly=True, samesite="Strict"
    )
    return response


@blueprint.post("/setup/account")
def make_account() -> Response:
    """Make the administrator's account, and log in."""
    database = get_database(current_app)
    if accounts.is_owned():
        return lead_to("/setup")
    require_setup_token(database.config, request)
    typed = {name: request.form.get(name, "") for name in ("email", "username", "password")}
    try:
        new = accounts.New(**_registration.load(typed))
        visitor = login.Visitor(request.remote_addr, sessions.token_in(request))
        _, token = login.register(new, visitor, may_be_first=True)
    except ValidationError as invalid:
        return _account_page(typed, invalid_fields(invalid))
    except ApiError as error:
        if error.status == 503:
            raise
        if error.code == "registration_disabled":  # somebody else was faster
            return lead_to("/setup")
        return _account_page(typed, error)
    return sessions.give(lead_to("/setup/done"), request, token)


@blueprint.get("/setup/done")
def show_done() -> Response:
    """Tell what there is now, and what to do next."""
    principal = check_permission("database.manage")
    page = render("wizard/done.html", principal=principal, **done.summary(current_app))
    page.delete_cookie(COOKIE, secure=request.is_secure, httponly=True, samesite="Strict")
    return page


def _before(database: Database) -> Response:
    refused = _refused(database)
    if refused:
        return refused
    if _is_running(database):
        return render("wizard/running.html", progress=watched(database.config))
    return _database_page(database, Typed())


def _is_running(database: Database) -> bool:
    return bool(watched(database.config)["state"] == "running")


def _token_refused(given: str) -> str:
    if not given:
        return _("This is missing.")
    return _("That is not the setup token. Read it again: it may have been renewed.")


def _refused(database: Database) -> Response | None:
    """Return the page that asks for the setup token, if this browser must show it first."""
    try:
        require_setup_token(database.config, request)
    except ApiError as error:
        if error.status != 401:
            raise
        return render("wizard/token.html", error=None)
    return None


def _held_up(database: Database, state: State) -> Response:
    error = state.error()
    page = render(
        "wizard/held_up.html",
        error.status,
        error=error,
        sentence=localised(error),
        is_unreadable=state.phase == "unreadable",
        by_operator=database.is_chosen_by_operator,
    )
    page.headers.extend(error.headers)
    return page


def _database_page(
    database: Database, typed: Typed, report: Report | None = None, error: ApiError | None = None
) -> Response:
    points = checks.passed(report) if report else []
    if error:
        points = checks.failed(typed.type, error)
    page = render(
        "wizard/database.html",
        error.status if error else 200,
        typed=typed,
        sqlite_file=database.config.sqlite_file,
        points=points,
        report=report,
        error=localised(error) if error else None,
        sql=checks.sql_of(error) if error else "",
        field_errors=_field_errors(error),
        was_interrupted=watched(database.config)["state"] == "interrupted",
        planned=planned(database.schema, Contents("empty")),
        checks_texts=checks.texts(),
    )
    if error:
        page.headers.extend(error.headers)
    return page


def _account_page(typed: dict[str, str] | None = None, error: ApiError | None = None) -> Response:
    errors = _field_errors(error)
    if error and error.code in _FIELD_OF:
        errors[_FIELD_OF[error.code]] = localised(error)
    return render(
        "wizard/account.html",
        error.status if error else 200,
        typed={"email": "", "username": "", **(typed or {}), "password": ""},
        error=localised(error) if error and not errors else None,
        field_errors=errors,
        failed_plugins=done.failed_plugins(current_app),
        rules={
            "least": passwords.MIN_CHARACTERS,
            "most": passwords.MAX_CHARACTERS,
            "different": passwords.DIFFERENT_CHARACTERS,
            "common": sorted(passwords.COMMON),
        },
    )


def _field_errors(error: ApiError | None) -> dict[str, Any]:
    if error is None or error.code != "validation_error":
        return {}
    return {
        name: " ".join(sentence(each, each) for each in messages)
        for name, messages in error.details.items()
        if isinstance(messages, list)
    }
