"""``/api/users``: who one is, and everybody's account for those who may see or change them."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, Response, request
from flask.sansio.blueprints import BlueprintSetupState

from ..access import require_login, require_permission
from ..app import json_response
from ..database import db
from ..database.reading import reader
from ..documented import Documented, Done
from ..http import excluding, read_json
from ..models import User, record
from . import accounts
from .answers import RoleGiven, UserDone, Users
from .answers import User as UserShown
from .schemas import Account, NewAccount, RoleChange, shown

blueprint = Blueprint("users", __name__, url_prefix="/api/users")


def _add_converter(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["user"] = excluding(
        "me", example="3f0c1d52-8d6f-4f5e-9a43-0f4d7f6f1c2b"
    )


blueprint.record_once(_add_converter)

_account, _new_account, _role_change = Account(), NewAccount(), RoleChange()

_UNKNOWN = {404: ["unknown_user"]}
_OTHERS = {**_UNKNOWN, 405: ["method_not_allowed"]}  # "me" takes GET only
_CHANGE = {400: ["unknown_role"], **_OTHERS, 409: ["last_administrator"]}


@blueprint.get("/me")
@Documented({200: UserShown}, errors=_UNKNOWN, who="login")
def me() -> Response:
    """Return one's own account."""
    return json_response(_read(require_login().user_id))


@blueprint.get("")
@require_permission("users.view")
@Documented({200: Users})
def index() -> Response:
    """Return all accounts, by name."""
    found = reader().scalars(sa.select(User).order_by(sa.func.lower(User.username), User.id))
    return json_response({"success": True, "data": [shown(user) for user in found]})


@blueprint.post("")
@require_permission("users.create")
@Documented(
    {201: UserDone},
    body=_new_account,
    errors={400: ["email_taken", "unknown_role", "username_taken", "weak_password"]},
)
def create() -> Response:
    """Make an account for somebody."""
    body = read_json(request, _new_account)
    role = {"role_id": body.pop("role_id")} if "role_id" in body else {}
    user = accounts.create(accounts.New(**body), **role)
    details = {"user": user.id, "role_id": user.role_id}
    record(db.session(), "users.create", user.username, details)
    told = accounts.saved(user)
    return json_response({"success": True, "message": "User created.", "user": told}, 201)


@blueprint.get("/<user:user_id>")
@require_permission("users.view")
@Documented({200: UserShown}, errors=_UNKNOWN)
def show(user_id: str) -> Response:
    """Return one account."""
    return json_response(_read(user_id))


@blueprint.put("/<user:user_id>")
@require_permission("users.edit")
@Documented(
    {200: UserDone},
    body=_account,
    errors={**_CHANGE, 400: ["email_taken", "unknown_role", "username_taken"]},
)
def update(user_id: str) -> Response:
    """Change an account."""
    user = accounts.update(user_id, read_json(request, _account))
    return json_response(
        {"success": True, "message": "Profile updated successfully.", "user": user}
    )


@blueprint.delete("/<user:user_id>")
@require_permission("users.delete")
@Documented({200: Done}, errors={**_OTHERS, 409: ["account_in_use", "last_administrator"]})
def delete(user_id: str) -> Response:
    """Delete an account."""
    accounts.delete(user_id)
    return json_response({"success": True, "message": "User deleted successfully."})


@blueprint.put("/<user:user_id>/role")
@require_permission("users.edit")
@Documented({200: RoleGiven}, body=_role_change, errors=_CHANGE)
def give_role(user_id: str) -> Response:
    """Give an account another role."""
    user = accounts.update(user_id, read_json(request, _role_change))
    message = "Role assigned successfully."
    return json_response({"success": True, "message": message, "data": user, "user": user})


def _read(user_id: str) -> dict[str, object]:
    return shown(accounts.get(reader(), user_id))
