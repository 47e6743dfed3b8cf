"""Settings and accounts together: real sessions and real tokens, each with what it may do."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import MakeApp
from tests.support.answers import assert_error
from tests.support.applications import set_up
from tests.support.people import (
    LOGOUT,
    ME,
    USERS,
    administrator,
    cookie_of,
    holding,
    log_in,
    token,
    user,
)

BASE = "/api/settings"
PORT = f"{BASE}/smtp.port"
SECRET = f"{BASE}/smtp.password"


@pytest.fixture
def guarded(make_app: MakeApp, body: dict[str, str]) -> Flask:
    """An application that is set up, with its own authentication; on each database."""
    app = make_app()
    set_up(app, body)
    return app


@pytest.fixture
def alice(guarded: Flask) -> FlaskClient:
    """A client that is logged in as the administrator."""
    return administrator(guarded)


def audit(client: FlaskClient, **options: Any) -> list[dict[str, Any]]:
    """Return what was done to settings, the newest first."""
    answer = client.get(f"{BASE}/audit", **options)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.get_json()["data"]
    return found


def test_a_change_in_a_session_is_its_persons(guarded: Flask, alice: FlaskClient) -> None:
    etag = alice.get(PORT).headers["ETag"]
    changed = alice.put(PORT, json={"value": 25}, headers={"If-Match": etag})
    assert changed.status_code == 200
    stale = alice.put(PORT, json={"value": 26}, headers={"If-Match": etag})
    assert_error(stale, 412, "setting_changed")

    [entry, *_] = audit(alice)
    assert (entry["action"], entry["key"]) == ("settings.update", "smtp.port")
    assert entry["actor"] == "alice"
    assert entry["actor_id"] == alice.get(ME).get_json()["id"]
    assert entry["address"] == "127.0.0.1"
    foreign = {"Origin": "https://evil.example"}
    assert_error(alice.put(PORT, json={"value": 27}, headers=foreign), 403, "cross_origin")
    form = alice.put(PORT, data='{"value": 27}', content_type="text/plain")
    assert_error(form, 415, "unsupported_media_type")
    assert alice.get(PORT).get_json()["data"]["typed_value"] == 25


def test_what_a_session_may_is_asked_at_each_request(guarded: Flask, alice: FlaskClient) -> None:
    """A role that is given or taken counts at once, and so does the end of a session."""
    bob = user(guarded, "bob")
    role = f"{USERS}/{bob.get(ME).get_json()['id']}/role"
    for answer in (bob.get(BASE), bob.put(PORT, json={}), bob.delete(f"{BASE}/no.such")):
        assert_error(answer, 403, "permission_denied")
    assert alice.put(role, json={"role_id": "global_admin"}).status_code == 200
    assert bob.put(PORT, json={"value": 25}).status_code == 200
    assert audit(bob)[0]["actor"] == "bob"
    assert alice.put(role, json={"role_id": "global_user"}).status_code == 200
    assert_error(bob.put(PORT, json={"value": 26}), 403, "permission_denied")

    kept = holding(guarded, cookie_of(alice))
    assert kept.get(PORT).get_json()["data"]["typed_value"] == 25
    assert alice.post(LOGOUT).status_code == 200
    assert_error(kept.get(PORT), 401, "login_required")
    assert_error(kept.put(PORT, json={"value": "wrong"}), 401, "login_required")


def test_a_token_does_what_is_in_its_scopes(guarded: Flask, alice: FlaskClient) -> None:
    script = guarded.test_client()
    viewing = token(alice, "settings.view")
    editing = token(alice, "settings.view", "settings.edit")
    assert script.get(PORT, headers=viewing).get_json()["data"]["typed_value"] == 587
    assert_error(script.put(PORT, json={"value": 25}, headers=viewing), 403, "permission_denied")
    changed = script.put(PORT, json={"value": 25}, headers=editing)
    assert changed.status_code == 200
    assert alice.get(PORT).get_json()["data"]["typed_value"] == 25
    assert audit(script, headers=viewing)[0]["actor"] == "alice"
    own = {"key": "my.own", "value": "1", "type": "string"}
    assert script.post(BASE, json=own, headers=editing).status_code == 201
    assert_error(script.delete(f"{BASE}/my.own", headers=editing), 403, "permission_denied")
    deleting = token(alice, "settings.delete")
    assert script.delete(f"{BASE}/my.own", headers=deleting).status_code == 200

    [alices, *_] = alice.get("/api/auth/tokens").get_json()["data"]
    assert alice.delete(f"/api/auth/tokens/{alices['id']}").status_code == 200
    assert_error(script.get(PORT, headers=viewing), 401, "login_required")
    assert script.get(PORT, headers=editing).status_code == 200


def test_a_token_sees_a_secret_only_with_the_permission_for_that(
    guarded: Flask, alice: FlaskClient
) -> None:
    assert alice.put(SECRET, json={"value": "hush"}).status_code == 200
    script = guarded.test_client()
    editing = token(alice, "settings.view", "settings.edit")
    revealing = token(alice, "settings.view", "settings.reveal")
    refused = (
        script.get(f"{SECRET}?reveal=true", headers=editing),
        script.put(SECRET, json={"encrypted": False}, headers=editing),
    )
    for answer in refused:
        told = assert_error(answer, 403, "permission_denied")
        assert told == {"permission": "settings.reveal"}
        assert "hush" not in answer.text
    assert script.get(SECRET, headers=editing).get_json()["data"]["value"] == "********"
    number = len(audit(alice))
    shown = script.get(f"{SECRET}?reveal=true", headers=revealing)
    assert shown.get_json()["data"]["typed_value"] == "hush"
    assert shown.headers["Cache-Control"] == "no-store"
    entries = audit(alice)
    assert len(entries) == number + 1
    assert (entries[0]["action"], entries[0]["actor"]) == ("settings.reveal", "alice")


def test_switching_login_off_takes_effect_at_once(guarded: Flask, alice: FlaskClient) -> None:
    """For those who come; who is in stays in, and can switch it on again."""
    switch = f"{BASE}/global.enable_login"
    assert log_in(guarded.test_client()).status_code == 200
    assert alice.put(switch, json={"value": "false"}).status_code == 200
    assert_error(log_in(guarded.test_client()), 403, "login_disabled")
    assert alice.put(switch, json={"value": True}).status_code == 200
    assert log_in(guarded.test_client()).status_code == 200
