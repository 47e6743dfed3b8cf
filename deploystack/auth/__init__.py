"""Who may do what: accounts, sessions, tokens, and the permissions of roles.

A request goes ``access`` → ``authentication``; accounts come in by ``login`` and are changed by
``accounts``. ``docs/reference/accounts.md`` is the page for who uses it.
"""

from __future__ import annotations

from flask import Flask

from ..access import register_authentication
from ..database.access import register_ownership
from .accounts import has_owner
from .appointed import Appointed, get_appointed
from .authentication import authenticate
from .permissions import declare_permissions, declare_used, register_permissions
from .routes import blueprint as auth_blueprint
from .user_routes import blueprint as users_blueprint

__all__ = ["Appointed", "declare_permissions", "declare_used", "get_appointed", "init_auth"]


def init_auth(app: Flask) -> None:
    """Let ``app`` know who asks. Needs no database yet: without one its routes answer 503."""
    register_permissions(app)
    register_authentication(app, authenticate)
    register_ownership(app, has_owner)
    app.register_blueprint(auth_blueprint)
    app.register_blueprint(users_blueprint)
