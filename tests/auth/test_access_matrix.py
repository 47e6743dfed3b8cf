"""Who may call which route: one table of all routes, and everybody who may come along."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from deploystack import create_app
from deploystack.auth import sessions, tokens
from deploystack.database import db, get_database
from deploystack.models import ApiToken, LoginSession, User
from deploystack.models.timestamps import now
from tests.support.applications import set_up
from tests.support.people import administrator, holding, user

# Who may call it: "anybody", whoever is known ("login"), whoever has logged in ("session"), or who
# has a permission.
TABLE = """
GET     /livez                          anybody
GET     /readyz                         anybody
GET     /api/openapi.json               anybody
GET     /api/openapi.yaml               anybody
GET     /documentation                  anybody
GET     /documentation/json             anybody
GET     /documentation/yaml             anybody
GET     /documentation/files/<version>/<name>     anybody
GET     /api/db/status                  anybody
POST    /api/db/check                   anybody
POST    /api/db/setup                   anybody
GET     /api/db/setup/progress          anybody
GET     /api/plugins                    anybody
GET     /api/plugins/<name>             plugins.manage
POST    /api/plugins/<name>/retry       plugins.manage
GET     /api/overview                   database.manage
GET     /api/db/schema                  database.manage
GET     /api/db/tables/<name>/rows      database.manage
GET     /api/db/revisions               database.manage
GET     /api/audit                      audit.view
GET     /api/settings                   settings.view
POST    /api/settings                   settings.edit
GET     /api/settings/<setting:key>     settings.view
PUT     /api/settings/<setting:key>     settings.edit
DELETE  /api/settings/<setting:key>     settings.delete
POST    /api/settings/<setting:key>/reset settings.edit
GET     /api/settings/group/<group_id>  settings.view
GET     /api/settings/groups            settings.view
POST    /api/settings/groups            settings.edit
GET     /api/settings/groups/<group_id> settings.view
PUT     /api/settings/groups/<group_id> settings.edit
GET     /api/settings/categories        settings.view
POST    /api/settings/search            settings.view
POST    /api/settings/bulk              settings.edit
POST    /api/settings/smtp/test         settings.edit
GET     /api/settings/health            settings.view
GET     /api/settings/audit             settings.view
GET     /api/auth/status                anybody
POST    /api/auth/email/register        anybody
POST    /api/auth/email/login           anybody
POST    /api/auth/logout                anybody
PUT     /api/auth/email/change-password session
PUT     /api/auth/profile/update        session
GET     /api/auth/tokens                session
POST    /api/auth/tokens                session
DELETE  /api/auth/tokens/<token_id>     session
GET     /api/users/me                   login
GET     /api/users                      users.view
POST    /api/users                      users.create
GET     /api/users/<user:user_id>       users.view
PUT     /api/users/<user:user_id>       users.edit
DELETE  /api/users/<user:user_id>       users.delete
PUT     /api/users/<user:user_id>/role       users.edit
"""
ROUTES = {(method, rule): who for method, rule, who in map(str.split, TABLE.split("\n")[1:-1])}

ANSWERS = {
    # visitor: anybody, login, session, a permission; with another site's Origin if it changes
    "a stranger": ("", "login_required", "login_required", "login_required"),
    "an expired session": ("", "login_required", "login_required", "login_required"),
    "an idle session": ("", "login_required", "login_required", "login_required"),
    "a revoked token": ("", "login_required", "login_required", "login_required"),
    "an expired token": ("", "login_required", "login_required", "login_required"),
    "a token that never was": ("", "login_required", "login_required", "login_required"),
    "a user": ("", "", "", "permission_denied"),
    "an administrator": ("", "", "", ""),
    "a token with the scope": ("", "", "session_required", ""),
    "a token with other scopes": ("", "", "session_required", "permission_denied"),
    "a user's token": ("", "", "session_required", "permission_denied"),
    "a cross-site page": ("", "", "", ""),
}
REFUSALS = {"login_required", "permission_denied", "session_required", "cross_origin"}
READS = {"GET", "HEAD"}


@dataclass
class Cast:
    """An application with accounts, and what its visitors hold."""

    app: Flask
    admin_id: str
    user_id: str

    def session(self, user_id: str, **changes: timedelta) -> FlaskClient:
        """Return a client that is logged in; its session was changed by so much."""
        with self.app.app_context():
            token = sessions.begin(db.session(), user_id, None)
            db.session.flush()
            kept = db.session.get_one(LoginSession, sessions.hash_of(token))
            for name, by in changes.items():
                setattr(kept, name, now() + by)
            db.session.commit()
        return holding(self.app, token)

    def token(
        self, user_id: str, scope: str, *, revoked: bool = False, days: float = 1
    ) -> FlaskClient:
        """Return a client that sends a token: a good one, or one that was good."""
        with self.app.app_context():
            told, secret = tokens.create(user_id, "test", [scope], 1, [scope])
            kept = db.session.get_one(ApiToken, told["id"])
            kept.expires_at = now() + timedelta(days=days)
            db.session.commit()
            if revoked:
                tokens.revoke(db.session(), kept)
        return self.bearer(secret)

    def bearer(self, secret: str) -> FlaskClient:
        """Return a client that sends this as a token."""
        client = self.app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
        return client

    def visitor(self, name: str, permission: str) -> FlaskClient:
        """Return a client that is used by the visitor of this name."""
        other = "settings.view" if permission != "settings.view" else "users.view"
        ago = timedelta(seconds=-1)
        made: dict[str, Callable[[], FlaskClient]] = {
            "a stranger": self.app.test_client,
            "an expired session": lambda: self.session(self.admin_id, expires_at=ago),
            "an idle session": lambda: self.session(self.admin_id, seen_at=-sessions.IDLE),
            "a revoked token": lambda: self.token(self.admin_id, permission, revoked=True),
            "an expired token": lambda: self.token(self.admin_id, permission, days=-0.001),
            "a token that never was": lambda: self.bearer(f"{tokens.PREFIX}{'x' * 43}"),
            "a user": lambda: self.session(self.user_id),
            "an administrator": lambda: self.session(self.admin_id),
            "a token with the scope": lambda: self.token(self.admin_id, permission),
            "a token with other scopes": lambda: self.token(self.admin_id, other),
            "a user's token": lambda: self.token(self.user_id, permission),
            "a cross-site page": lambda: self.session(self.admin_id),
        }
        return made[name]()


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    app = create_app({"DEPLOYSTACK_DATA_DIR": tmp_path_factory.mktemp("matrix") / "data"})
    set_up(app, {"type": "sqlite"})
    administrator(app)
    user(app, "bob")
    with app.app_context():
        ids = {one.username: one.id for one in db.session.scalars(db.select(User))}
    yield Cast(app, ids["alice"], ids["bob"])
    get_database(app).close()


def rules(app: Flask) -> set[tuple[str, str]]:
    """Return every method and route of an application that is not a page."""

    def methods(rule: Rule) -> set[str]:
        return (rule.methods or set()) - {"HEAD", "OPTIONS"}

    return {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if not rule.endpoint.startswith("web.")  # pages: tests/web/test_pages.py
        for method in methods(rule)
    }


def test_every_route_is_in_the_table(cast: Cast) -> None:
    assert rules(cast.app) == set(ROUTES)


@pytest.mark.parametrize("visitor", ANSWERS)
@pytest.mark.parametrize(("method", "rule"), ROUTES)
def test_who_is_let_in(cast: Cast, method: str, rule: str, visitor: str) -> None:
    """Nobody's body is as it should be: who is refused learns nothing of that."""
    who = ROUTES[method, rule]
    column = {"anybody": 0, "login": 1, "session": 2}.get(who, 3)
    expected = ANSWERS[visitor][column]
    headers = {}
    if visitor == "a cross-site page":
        headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        expected = "" if method in READS else "cross_origin"
    client = cast.visitor(visitor, who if column == 3 else "users.view")
    path = re.sub("<[^>]+>", "no.such", rule)
    answer = client.open(path, method=method, json={}, headers=headers)
    code = (answer.get_json() or {}).get("code", "")

    assert answer.status_code < 500
    assert (code if code in REFUSALS else "") == expected, answer.text
    assert answer.status_code == {"": answer.status_code, "login_required": 401}.get(expected, 403)
