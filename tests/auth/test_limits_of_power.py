"""What a right does not lead to: seeing secrets by way of a server, changing who may do more."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from deploystack.access import asked_for, require_permission
from deploystack.models.timestamps import now
from tests.support.answers import assert_error
from tests.support.applications import command
from tests.support.direct import Direct
from tests.support.people import ME, PASSWORD, PROFILE, REGISTER, TOKENS, USERS, person, user

SETTINGS = "/api/settings"


def token(client: FlaskClient, *scopes: str) -> dict[str, str]:
    """Make a token, and return the header that shows it."""
    made = client.post(TOKENS, json={"name": "script", "scopes": list(scopes)})
    assert made.status_code == 201, made.text
    return {"Authorization": f"Bearer {made.get_json()['token']}"}


# --- Where a secret is sent --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"), [("smtp.host", "evil.example"), ("smtp.port", 2525), ("smtp.secure", False)]
)
def test_who_may_not_see_a_password_may_not_have_it_sent_elsewhere(
    ready: Flask, admin: FlaskClient, direct: Direct, key: str, value: Any
) -> None:
    admin.put(f"{SETTINGS}/smtp.password", json={"value": "TOP-SECRET"})
    script, header = ready.test_client(), token(admin, "settings.view", "settings.edit")
    before = direct.rows("SELECT key, value FROM global_settings ORDER BY key")

    for answer in (
        script.put(f"{SETTINGS}/{key}", json={"value": value}, headers=header),
        script.post(
            f"{SETTINGS}/bulk", json={"settings": [{"key": key, "value": value}]}, headers=header
        ),
    ):
        assert assert_error(answer, 403, "permission_denied") == {"permission": "settings.reveal"}
    assert direct.rows("SELECT key, value FROM global_settings ORDER BY key") == before

    about = script.put(f"{SETTINGS}/{key}", json={"description": "Ours."}, headers=header)
    assert about.status_code == 200, "where it is sent stays"
    assert script.post(f"{SETTINGS}/smtp.password/reset", headers=header).status_code == 200
    moved = script.put(f"{SETTINGS}/{key}", json={"value": value}, headers=header)
    assert moved.status_code == 200, "there is nothing to be sent along"
    admin.put(f"{SETTINGS}/smtp.password", json={"value": "TOP-SECRET"})
    assert admin.post(f"{SETTINGS}/{key}/reset").status_code == 200, "who may see it"


def test_a_message_that_is_sent_for_a_test_is_in_the_log(admin: FlaskClient) -> None:
    for key, value in {"global.send_mail": True, "smtp.host": "127.0.0.1", "smtp.port": 1}.items():
        admin.put(f"{SETTINGS}/{key}", json={"value": value})
    admin.put(f"{SETTINGS}/smtp.from_email", json={"value": "noreply@a.example"})
    answer = admin.post(f"{SETTINGS}/smtp/test", json={"to": "b@b.example"})
    assert_error(answer, 502, "smtp_failed")
    entry = admin.get(f"{SETTINGS}/audit").get_json()["data"][0]
    assert (entry["actor"], entry["action"], entry["key"]) == (
        "alice",
        "settings.smtp_test",
        "smtp",
    )
    assert entry["details"] == {"to": "b@b.example", "host": "127.0.0.1", "port": 1}


# --- Accounts that may do more ---------------------------------------------------------------


@pytest.fixture
def helper(ready: Flask, admin: FlaskClient, direct: Direct) -> FlaskClient:
    """A client of somebody who may change and delete accounts, and nothing else."""
    direct.execute(
        "INSERT INTO roles (id, name, description, permissions, created_at, updated_at) SELECT "
        "'helper', 'Helper', '', '[\"users.view\", \"users.edit\", \"users.delete\"]', created_at, "
        "updated_at FROM roles WHERE id = 'global_user'"
    )
    helper = user(ready, "helper")
    assert command(ready, "users", "set-role", "helper", "helper").exit_code == 0
    return helper


def test_who_may_do_more_is_changed_by_nobody_who_may_do_less(
    ready: Flask, admin: FlaskClient, helper: FlaskClient, direct: Direct
) -> None:
    user(ready, "carol", "global_admin")
    script = {"headers": token(admin, "users.view", "users.edit", "users.delete")}
    ids = {each["username"]: each["id"] for each in helper.get(USERS).get_json()["data"]}
    before = direct.rows("SELECT id, username, role_id FROM users ORDER BY id")
    for client, more in ((helper, {}), (ready.test_client(), script)):
        where = f"{USERS}/{ids['carol']}"
        for answer in (
            client.put(where, json={"username": "mallory"}, **more),
            client.put(where, json={"role_id": "global_user"}, **more),
            client.put(f"{where}/role", json={"role_id": "global_user"}, **more),
            client.delete(where, **more),
        ):
            assert_error(answer, 403, "permission_denied")
    assert direct.rows("SELECT id, username, role_id FROM users ORDER BY id") == before

    bob = user(ready, "bob").get(ME).get_json()["id"]
    assert helper.put(f"{USERS}/{bob}", json={"first_name": "Bob"}).status_code == 200
    assert helper.delete(f"{USERS}/{bob}").status_code == 200
    assert helper.put(PROFILE, json={"first_name": "Hel"}).status_code == 200
    own = helper.put(f"{USERS}/{ids['helper']}", json={"last_name": "Per"})
    assert own.status_code == 200


def test_every_permission_that_a_view_asks_for_is_declared(
    ready: Flask, admin: FlaskClient
) -> None:
    view = require_permission("one.thing")(require_permission("other.thing")(lambda: ""))
    assert asked_for(view, "GET") == {"one.thing", "other.thing"}


# --- Writing down when somebody was here -----------------------------------------------------


def long_unused(direct: Direct) -> None:
    earlier = (now() - timedelta(minutes=5)).strftime("%Y-%m-%d %H:%M:%S.%f")
    direct.execute(f"UPDATE login_sessions SET seen_at = '{earlier}'")


def test_somebody_who_was_away_registers_another_at_once(
    admin: FlaskClient, direct: Direct
) -> None:
    """Whoever holds the database does not wait for themselves."""
    admin.put(f"{SETTINGS}/global.enable_email_registration", json={"value": True})
    long_unused(direct)
    started = time.monotonic()
    assert admin.post(REGISTER, json=person("dave", password=PASSWORD)).status_code == 201
    assert time.monotonic() - started < 5, "a lock is waited for for ten seconds"


def test_one_reads_while_another_writes(admin: FlaskClient, direct: Direct) -> None:
    long_unused(direct)
    with direct.engine.connect() as another:
        another.exec_driver_sql("UPDATE login_sessions SET address = address")
        started = time.monotonic()
        assert admin.get(SETTINGS).status_code == 200
        assert time.monotonic() - started < 5
        another.rollback()
    long_unused(direct)
    assert admin.get(ME).status_code == 200
    (seen,) = direct.rows("SELECT seen_at FROM login_sessions")
    assert str(seen) > (now() - timedelta(minutes=1)).strftime("%Y-%m-%d %H:%M:%S")
