"""``/users``: everybody's accounts."""

from __future__ import annotations

import sqlalchemy as sa
from flask import Blueprint, Response

from ...access import check_permission
from ...auth.schemas import shown
from ...database.reading import reader
from ...models import Role, User
from . import words
from .shell import render_console

blueprint = Blueprint("users", __name__)


@blueprint.get("/users")
def users_page() -> Response:
    """Show all accounts, by name."""
    principal = check_permission("users.view")
    session = reader()
    users = session.scalars(sa.select(User).order_by(sa.func.lower(User.username), User.id))
    roles = session.execute(sa.select(Role.id, Role.name).order_by(Role.id))
    return render_console(
        "users.html",
        principal,
        users=[shown(user) for user in users],
        roles=[(role, _role(role, name)) for role, name in roles],
        may=principal.permissions,
        words=words,
    )


def _role(role_id: str, name: str) -> str:
    return words.called(words.ROLES, role_id) if role_id in words.ROLES else name
