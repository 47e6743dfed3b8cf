"""Permissions: the core's on the seeded roles, and those of plugins."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Blueprint, Flask, Response
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from deploystack import create_app
from deploystack.database import get_database
from deploystack.plugins import (
    PluginMetadata,
    Role,
    current_principal,
    declare_permissions,
    hookimpl,
    json_response,
    require_permission,
)
from tests.support.answers import assert_error
from tests.support.applications import command, set_up
from tests.support.people import ME, USERS, administrator, token, user

CORE = [
    "settings.view",
    "settings.edit",
    "settings.delete",
    "settings.reveal",
    "plugins.manage",
    "database.manage",
    "users.view",
    "users.create",
    "users.edit",
    "users.delete",
    "audit.view",
]


class Notes:
    """A plugin that lets everybody read, and administrators write."""

    @hookimpl
    def deploystack_metadata(self) -> PluginMetadata:
        return PluginMetadata(name="notes", version="1")

    @hookimpl
    def deploystack_seed(self, session: Session) -> None:
        role = session.get_one(Role, "global_user")
        if "notes.read" not in role.permissions:
            role.permissions = [*role.permissions, "notes.read"]

    @hookimpl
    def deploystack_database_ready(self, app: Flask) -> None:
        time.sleep(0.2)  # whoever needs what is declared here waits for it
        declare_permissions(app, ["notes.export"])

    @hookimpl
    def deploystack_blueprints(self) -> list[Blueprint]:
        blueprint = Blueprint("notes", __name__)

        @blueprint.get("/read")
        @require_permission("notes.read")
        def read() -> Response:
            principal = current_principal()
            assert principal
            may_export = "notes.export" in principal.permissions
            return json_response({"who": principal.username, "may_export": may_export})

        @blueprint.post("/write")
        @require_permission("notes.write")
        def write() -> Response:
            return json_response({})

        return [blueprint]


@pytest.fixture
def noted(data_dir: Path, body: dict[str, str]) -> Flask:
    """An application with the plugin."""
    app = create_app({"DEPLOYSTACK_DATA_DIR": data_dir}, plugins=[Notes()])
    set_up(app, body)
    return app


def test_a_plugins_permissions(noted: Flask) -> None:
    try:
        read, write = "/api/plugin/notes/read", "/api/plugin/notes/write"
        stranger = noted.test_client()
        assert_error(stranger.get(read), 401, "login_required")
        admin = administrator(noted)
        bob = user(noted, "bob")

        assert admin.get(read).get_json() == {"who": "alice", "may_export": True}
        assert admin.post(write).status_code == 200
        assert bob.get(read).get_json() == {"who": "bob", "may_export": False}
        assert assert_error(bob.post(write), 403, "permission_denied") == {
            "permission": "notes.write"
        }
        foreign = {"Origin": "https://evil.example"}
        assert_error(admin.post(write, headers=foreign), 403, "cross_origin")

        header = token(admin, "notes.write")
        assert stranger.post(write, headers=header).status_code == 200
        assert_error(stranger.get(read, headers=header), 403, "permission_denied")
        header = token(bob, "notes.read")
        assert stranger.get(read, headers=header).get_json()["who"] == "bob"
        assert stranger.get("/api/plugins").get_json()["data"][0]["state"] == "active"
    finally:
        get_database(noted).close()


def test_a_permission_that_no_route_names(noted: Flask, data_dir: Path) -> None:
    """Administrators have it, and tokens may, also those that a command makes in a new process."""
    administrator(noted)
    get_database(noted).close()
    again = create_app({"DEPLOYSTACK_DATA_DIR": data_dir}, plugins=[Notes()])
    try:
        arguments = ("tokens", "create", "--user", "alice", "--name", "job")
        made = command(again, *arguments, "--scope", "notes.export", "--scope", "notes.read")
        assert made.exit_code == 0, made.output
        header = {"Authorization": f"Bearer {made.stdout.strip()}"}
        answer = again.test_client().get("/api/plugin/notes/read", headers=header)
        assert answer.get_json() == {"who": "alice", "may_export": True}
        refused = command(again, *arguments, "--scope", "notes.exports")
        assert "[unknown_scope]" in refused.output
    finally:
        get_database(again).close()


def probe(app: Flask, permission: str) -> Callable[[FlaskClient], int]:
    """Add a route that asks for a permission; return what asks it."""
    path = f"/test/{permission}"
    view = require_permission(permission)(lambda: "")
    app.add_url_rule(path, permission.replace(".", "-"), view)
    return lambda client: client.get(path).status_code


def test_the_seeded_roles(app: Flask, body: dict[str, str]) -> None:
    probes = [probe(app, name) for name in (*CORE, "declared.later", "never.declared")]
    set_up(app, body)
    admin = administrator(app)
    bob = user(app, "bob")

    assert [ask(admin) for ask in probes] == [200] * 11 + [403] * 2
    assert [ask(bob) for ask in probes] == [403] * 13
    assert [ask(app.test_client()) for ask in probes] == [401] * 13
    declare_permissions(app, ["declared.later", "settings.view"])
    assert [ask(admin) for ask in probes] == [200] * 12 + [403]
    assert [ask(bob) for ask in probes] == [403] * 13
    where = f"{USERS}/{bob.get(ME).get_json()['id']}/role"
    assert admin.put(where, json={"role_id": "global_admin"}).status_code == 200
    assert [ask(bob) for ask in probes] == [200] * 12 + [403]


@pytest.mark.parametrize("name", ["", "notes", "Notes.edit", "notes.", ".edit", "notes edit.x"])
def test_what_cannot_name_a_permission(app: Flask, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a permission"):
        declare_permissions(app, ["fine.name", name])


@pytest.mark.parametrize("kept", ["null", "{}", '"users.view"', "[5, null]", "[]"])
def test_a_role_whose_permissions_are_damaged_may_nothing(
    kept: str, app: Flask, data_dir: Path
) -> None:
    from tests.support.direct import Direct

    body = {"type": "sqlite"}
    set_up(app, body)
    admin = administrator(app)
    bob = user(app, "bob")
    Direct(body, data_dir).execute(f"UPDATE roles SET permissions = '{kept}'")
    assert bob.get(USERS).status_code == 403
    assert bob.get(ME).status_code == 200
    assert admin.get(USERS).status_code == 200, "an administrator has every permission"
