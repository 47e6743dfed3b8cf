"""Tokens of scripts: made and shown once, limited to their scopes, expiring, revocable."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.answers import assert_error
from tests.support.direct import Direct
from tests.support.people import ME, TOKENS, USERS, cookie_of, holding, person, token, user


def test_a_token_is_shown_once(ready: Flask, admin: FlaskClient, direct: Direct) -> None:
    body = {"name": " nightly  job ", "scopes": ["users.view", "settings.view", "users.view"]}
    answer = admin.post(TOKENS, json=body)
    assert answer.status_code == 201, answer.text
    made = answer.get_json()
    secret, told = made["token"], made["data"]
    assert secret.startswith("dst_")
    assert len(secret) >= 47  # 256 bit in base 64
    assert told["name"] == "nightly  job"
    assert told["scopes"] == ["settings.view", "users.view"]
    assert told["used_at"] is None
    created, expires = map(datetime.fromisoformat, (told["created_at"], told["expires_at"]))
    assert expires - created == timedelta(days=90)
    assert abs(created - datetime.now(UTC)) < timedelta(minutes=1)

    listed = admin.get(TOKENS)
    assert listed.get_json() == {"success": True, "data": [told]}
    [kept] = direct.rows("SELECT token_hash FROM api_tokens")
    assert kept == hashlib.sha256(secret.encode()).hexdigest()
    assert secret.removeprefix("dst_") not in repr(direct.everything())
    entry = direct.rows("SELECT action, subject, actor FROM audit_log ORDER BY id DESC LIMIT 1")
    assert entry == [("tokens.create", "alice", "alice")]

    script = ready.test_client()
    header = {"Authorization": f"Bearer {secret}"}
    assert script.get(ME, headers=header).get_json()["username"] == "alice"
    assert "Set-Cookie" not in script.get(ME, headers=header).headers
    [used] = [one["used_at"] for one in admin.get(TOKENS).get_json()["data"]]
    assert used
    script.get(ME, headers=header)
    assert admin.get(TOKENS).get_json()["data"][0]["used_at"] == used, "not written each time"


def test_it_may_do_what_both_its_scopes_and_its_owner_may(
    ready: Flask, admin: FlaskClient, direct: Direct
) -> None:
    owner = user(ready, "bob", "global_admin")
    script = ready.test_client()
    views, edits = token(owner, "users.view"), token(owner, "users.edit", "users.create")
    account = owner.get(ME).get_json()

    assert script.get(USERS, headers=views).status_code == 200
    refused = script.get(USERS, headers=edits)
    assert assert_error(refused, 403, "permission_denied") == {"permission": "users.view"}
    assert_error(script.post(USERS, json={}, headers=views), 403, "permission_denied")
    # No browser adds a token by itself, so it does not matter where such a call comes from.
    foreign = edits | {"Origin": "https://elsewhere.example"}
    assert script.post(USERS, json=person("carol"), headers=foreign).status_code == 201
    assert script.put(f"{USERS}/{account['id']}", json={"first_name": "B"}, headers=edits).json
    body = person("dave", role_id="global_admin")
    assert_error(script.post(USERS, json=body, headers=edits), 403, "permission_denied")
    carol = f"{USERS}/{admin.get(USERS).get_json()['data'][-1]['id']}"
    for path in (carol, f"{carol}/role"):
        answer = script.put(path, json={"role_id": "global_admin"}, headers=edits)
        assert_error(answer, 403, "permission_denied")
        assert script.put(path, json={"role_id": "global_user"}, headers=edits).status_code == 200

    admin.put(f"{USERS}/{account['id']}/role", json={"role_id": "global_user"})
    assert_error(script.get(USERS, headers=views), 403, "permission_denied")
    assert script.get(ME, headers=views).status_code == 200
    admin.delete(f"{USERS}/{account['id']}")
    assert_error(script.get(ME, headers=views), 401, "login_required")
    assert direct.rows("SELECT count(*) FROM api_tokens") == [0]


def test_a_token_expires_and_is_revoked(ready: Flask, admin: FlaskClient, direct: Direct) -> None:
    script = ready.test_client()
    one, two = token(admin, "users.view", expires_in_days=1), token(admin, "users.view")
    assert script.get(USERS, headers=one).status_code == 200
    listed = admin.get(TOKENS).get_json()["data"]
    past = (datetime.now(UTC) - timedelta(seconds=1)).replace(tzinfo=None)
    direct.execute(f"UPDATE api_tokens SET expires_at = '{past}' WHERE id = '{listed[0]['id']}'")
    assert_error(script.get(USERS, headers=one), 401, "login_required")

    assert script.get(USERS, headers=two).status_code == 200
    assert admin.delete(f"{TOKENS}/{listed[1]['id']}").status_code == 200
    assert_error(script.get(USERS, headers=two), 401, "login_required")
    assert_error(admin.delete(f"{TOKENS}/{listed[1]['id']}"), 404, "unknown_token")
    assert [t["id"] for t in admin.get(TOKENS).get_json()["data"]] == [listed[0]["id"]]
    [action] = direct.rows("SELECT action FROM audit_log ORDER BY id DESC LIMIT 1")
    assert action == "tokens.revoke"


def test_nobody_sees_or_revokes_anothers(admin: FlaskClient, bob: FlaskClient) -> None:
    token(admin, "users.view")
    [told] = admin.get(TOKENS).get_json()["data"]
    assert bob.get(TOKENS).get_json()["data"] == []
    for token_id in (told["id"], "x", "a%00b", "%ff"):
        assert_error(bob.delete(f"{TOKENS}/{token_id}"), 404, "unknown_token")
    assert admin.get(TOKENS).get_json()["data"] == [told]


def test_a_token_makes_no_tokens(ready: Flask, admin: FlaskClient) -> None:
    script = ready.test_client()
    header = token(admin, "users.view", "users.edit")
    [told] = admin.get(TOKENS).get_json()["data"]
    body = {"name": "child", "scopes": ["users.view"]}
    for answer in (
        script.get(TOKENS, headers=header),
        script.post(TOKENS, json=body, headers=header),
        script.delete(f"{TOKENS}/{told['id']}", headers=header),
    ):
        assert_error(answer, 403, "session_required")


def test_what_is_no_token(ready: Flask, admin: FlaskClient, direct: Direct) -> None:
    for body in (
        {},
        {"name": "x"},
        {"scopes": ["users.view"]},
        {"name": "", "scopes": ["users.view"]},
        {"name": "x" * 101, "scopes": ["users.view"]},
        {"name": "a\nb", "scopes": ["users.view"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": "users.view"},
        {"name": "x", "scopes": [5]},
        {"name": "x", "scopes": ["users.view"], "expires_in_days": 0},
        {"name": "x", "scopes": ["users.view"], "expires_in_days": 3651},
        {"name": "x", "scopes": ["users.view"], "expires_in_days": "7"},
        {"name": "x", "scopes": ["users.view"], "expires_in_days": 1.5},
        {"name": "x", "scopes": ["users.view"], "expires_in_days": None},
        {"name": "x", "scopes": ["users.view"], "user_id": "y"},
    ):
        assert_error(admin.post(TOKENS, json=body), 400, "validation_error")
    answer = admin.post(TOKENS, json={"name": "x", "scopes": ["users.view", "no.such", "*"]})
    assert assert_error(answer, 400, "unknown_scope") == {"scopes": ["*", "no.such"]}
    assert direct.rows("SELECT count(*) FROM api_tokens") == [0]


def test_who_may_nothing_makes_no_token_that_may(bob: FlaskClient) -> None:
    answer = bob.post(TOKENS, json={"name": "x", "scopes": ["settings.view"]})
    assert assert_error(answer, 400, "unknown_scope") == {"scopes": ["settings.view"]}


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  "])
def test_a_header_that_holds_no_token(ready: Flask, admin: FlaskClient, scheme: str) -> None:
    good = token(admin, "users.view")["Authorization"].removeprefix("Bearer ")
    script = ready.test_client()
    assert script.get(ME, headers={"Authorization": scheme + good}).status_code == 200
    session = cookie_of(admin)
    for value in ("", "x", "dst_", good[:-1], good + "x", good.upper(), session, "\u00e9"):
        answer = script.get(ME, headers={"Authorization": scheme + value})
        assert_error(answer, 401, "login_required")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    # Where a token is sent, only the token counts: a script that has the wrong one should know.
    assert admin.get(ME, headers={"Authorization": f"{scheme}dst_wrong"}).status_code == 401
    assert admin.get(ME, headers={"Authorization": "Basic YTpi"}).status_code == 200
    assert holding(ready, good).get(ME).status_code == 401, "a token is no session"
