"""Logging in and out, and changing the password."""

from __future__ import annotations

from time import monotonic
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from flask import Flask
from flask.testing import FlaskClient

from deploystack.auth import passwords
from deploystack.settings import get_settings
from tests.support.answers import assert_error
from tests.support.direct import Direct
from tests.support.people import (
    CHANGE_PASSWORD,
    COOKIE,
    LOGIN,
    LOGOUT,
    ME,
    PASSWORD,
    PROFILE,
    cookie_of,
    holding,
    log_in,
    switch,
    token,
    user,
)
from tests.support.statements import counted

INVALID = "Invalid email/username or password."
DISABLED = "Login is currently disabled by administrator."
NEW = "another good password"


def test_by_username_or_address_in_whatever_case(ready: Flask, admin: FlaskClient) -> None:
    account = admin.get(ME).get_json()
    for login in (
        "alice",
        "ALICE",
        " Alice ",
        "alice@example.org",
        "Alice@EXAMPLE.org",
        "\uff41lice",
    ):
        client = ready.test_client()
        answer = log_in(client, login)
        assert answer.status_code == 200, login
        assert answer.get_json() == {
            "success": True,
            "message": "Logged in successfully.",
            "user": account,
        }
        assert answer.headers.getlist("Set-Cookie")[0].startswith(f"{COOKIE}=")
        assert client.get(ME).get_json() == account


def test_whatever_is_wrong_is_answered_alike(ready: Flask, admin: FlaskClient) -> None:
    client = ready.test_client()
    known = log_in(client, "alice", "not the password")
    assert (known.status_code, known.get_json()["error"]) == (400, INVALID)
    assert_error(known, 400, "invalid_credentials")
    assert "Set-Cookie" not in known.headers
    for login, password in (
        ("alice", PASSWORD.upper()),
        ("alice", PASSWORD + " "),
        ("alice", "x" * 3000),
        ("nobody", PASSWORD),
        ("nobody@example.org", PASSWORD),
        ("alice@example", PASSWORD),
        ("ali\0ce", PASSWORD),
        ("%", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
        ("x" * 2000, PASSWORD),
    ):
        answer = log_in(client, login, password)
        assert (answer.status_code, answer.get_json()) == (400, known.get_json()), login
    assert client.get(ME).status_code == 401


def test_an_account_without_a_password_lets_nobody_in(
    ready: Flask, admin: FlaskClient, direct: Direct
) -> None:
    for kept in ("NULL", "''", f"'{PASSWORD}'"):
        direct.execute(f"UPDATE users SET password_hash = {kept}")
        for password in (PASSWORD, "A", " "):
            assert log_in(ready.test_client(), "alice", password).status_code == 400


def test_it_takes_as_long_where_there_is_no_account(
    ready: Flask, admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same work is done: one hash of the same cost, and the same statements."""
    client = ready.test_client()
    costs: list[str] = []

    def verify(password: bytes, kept: str) -> None:
        costs.append(kept.rsplit("$", 2)[0])  # less the salt and the hash
        Argon2id.verify_phc_encoded(password, kept)

    monkeypatch.setattr(passwords, "Argon2id", SimpleNamespace(verify_phc_encoded=verify))

    def work(login: str, password: str) -> tuple[list[str], list[str]]:
        costs.clear()
        with counted(ready) as told:
            assert log_in(client, login, password).status_code == 400
        return list(costs), told

    with ready.app_context():  # whether settings were changed is asked at other times
        get_settings(ready).current().until = monotonic() + 60
    for known, unknown in (("alice", "nobody"), ("alice@example.org", "nobody@example.org")):
        for password in ("not the password", "x" * 300):
            expected = work(known, password)
            assert work(unknown, password) == expected
            [cost] = expected[0]
            assert passwords.NOBODYS.startswith(cost)
            assert any("INSERT INTO login_attempts" in one for one in expected[1])


def test_a_body_that_is_no_login(ready: Flask, admin: FlaskClient) -> None:
    client = ready.test_client()
    for body in ({}, {"login": "alice"}, {"password": PASSWORD}, {"login": "", "password": "x"}):
        assert_error(client.post(LOGIN, json=body), 400, "validation_error")
    for body in ({"login": ["alice"], "password": "x"}, {"login": None, "password": None}):
        assert_error(client.post(LOGIN, json=body), 400, "validation_error")
    assert_error(client.post(LOGIN, json=[]), 400, "invalid_body")
    assert_error(client.post(LOGIN, data={"login": "alice", "password": PASSWORD}), 415)


def test_login_switched_off(ready: Flask, admin: FlaskClient) -> None:
    switch(ready, "global.enable_login", False)
    client = ready.test_client()
    for answer in (log_in(client), log_in(client, "nobody"), client.post(LOGIN, json={})):
        assert_error(answer, 403, "login_disabled")
        assert answer.get_json()["error"] == DISABLED
    assert admin.get(ME).status_code == 200, "who is in stays in"

    switch(ready, "global.enable_login", True)
    assert log_in(client).status_code == 200


def test_logging_out(ready: Flask, admin: FlaskClient, direct: Direct) -> None:
    other = ready.test_client()
    log_in(other)
    kept = cookie_of(admin)
    answer = admin.post(LOGOUT)
    assert answer.status_code == 200
    assert answer.get_json() == {"success": True, "message": "Logged out successfully."}
    assert admin.get_cookie(COOKIE) is None
    assert_error(admin.get(ME), 401, "login_required")
    assert holding(ready, kept).get(ME).status_code == 401
    assert other.get(ME).status_code == 200, "another browser stays logged in"
    assert admin.post(LOGOUT, json={}).status_code == 200, "there is nothing left to do"
    assert direct.rows("SELECT count(*) FROM login_sessions") == [1]


def test_logging_in_again_ends_the_browsers_session(
    ready: Flask, admin: FlaskClient, direct: Direct
) -> None:
    kept = cookie_of(admin)
    log_in(admin)
    assert holding(ready, kept).get(ME).status_code == 401
    assert direct.rows("SELECT count(*) FROM login_sessions") == [1]


def test_changing_the_password(ready: Flask, admin: FlaskClient, direct: Direct) -> None:
    other, script = ready.test_client(), ready.test_client()
    log_in(other)
    header = token(admin, "users.view")
    before = cookie_of(admin)
    body = {"current_password": PASSWORD, "new_password": NEW}
    answer = admin.put(CHANGE_PASSWORD, json=body)
    assert answer.status_code == 200
    assert answer.get_json() == {"success": True, "message": "Password changed successfully."}

    assert admin.get(ME).status_code == 200
    assert cookie_of(admin) != before
    assert holding(ready, before).get(ME).status_code == 401
    assert holding(ready, cookie_of(admin)).get(ME).status_code == 200
    assert other.get(ME).status_code == 401
    assert script.get(ME, headers=header).status_code == 200, "a token is no session"
    assert log_in(other).status_code == 400
    assert log_in(other, password=NEW).status_code == 200
    assert direct.rows("SELECT action, actor FROM audit_log ORDER BY id DESC LIMIT 1") == [
        ("users.change_password", "alice")
    ]


def test_a_password_that_is_not_changed(ready: Flask, admin: FlaskClient, direct: Direct) -> None:
    before = direct.rows("SELECT password_hash FROM users")
    for current, new, code, sentence in (
        ("wrong", NEW, "wrong_password", "Current password is incorrect."),
        ("wrong", "wrong", "wrong_password", "Current password is incorrect."),
        (
            PASSWORD,
            PASSWORD,
            "same_password",
            "New password must be different from current password.",
        ),
        (PASSWORD, "short", "weak_password", ""),
        (PASSWORD, "password", "weak_password", ""),
        (PASSWORD, "Alice@example.org", "weak_password", ""),
        (PASSWORD, "x" * 257, "weak_password", ""),
    ):
        body = {"current_password": current, "new_password": new}
        answer = admin.put(CHANGE_PASSWORD, json=body)
        assert_error(answer, 400, code)
        assert not sentence or answer.get_json()["error"] == sentence
    for body in ({}, {"current_password": PASSWORD}, {"new_password": NEW}):
        assert_error(admin.put(CHANGE_PASSWORD, json=body), 400, "validation_error")
    body = {"current_password": PASSWORD, "new_password": NEW}
    assert_error(ready.test_client().put(CHANGE_PASSWORD, json=body), 401, "login_required")
    assert_error(ready.test_client().put(CHANGE_PASSWORD, json={}), 401, "login_required")
    header = token(admin, "users.edit")
    refused = ready.test_client().put(CHANGE_PASSWORD, json=body, headers=header)
    assert_error(refused, 403, "session_required")
    assert direct.rows("SELECT password_hash FROM users") == before
    assert admin.get(ME).status_code == 200


def test_a_hash_of_an_older_kind_is_replaced(
    ready: Flask, admin: FlaskClient, direct: Direct
) -> None:
    [kept] = direct.rows("SELECT password_hash FROM users")
    older = Argon2id(salt=b"s" * 16, length=32, iterations=1, lanes=1, memory_cost=1024)
    text = older.derive_phc_encoded(PASSWORD.encode())
    direct.execute(f"UPDATE users SET password_hash = '{text}'")
    assert log_in(ready.test_client()).status_code == 200
    [now] = direct.rows("SELECT password_hash FROM users")
    assert now not in {kept, text}
    assert not passwords.is_outdated(now)
    assert log_in(ready.test_client()).status_code == 200


def test_the_profile(ready: Flask, admin: FlaskClient, direct: Direct) -> None:
    user(ready, "bob")
    account = admin.get(ME).get_json()
    fields = {"username": "Alice2", "first_name": "Al", "last_name": "Ice"}
    answer = admin.put(PROFILE, json=fields)
    assert answer.status_code == 200
    assert answer.get_json() == {
        "success": True,
        "message": "Profile updated successfully.",
        "user": account | fields,
    }
    assert admin.get(ME).get_json() == account | fields
    answer = admin.put(PROFILE, json={"first_name": "", "last_name": None})
    assert answer.get_json()["user"] == account | {"username": "Alice2"}
    assert admin.put(PROFILE, json={"username": "ALICE2"}).status_code == 200, "one's own name"

    for name in ("bob", "BOB", " Bob"):
        answer = admin.put(PROFILE, json={"username": name})
        assert_error(answer, 400, "username_taken")
        assert answer.get_json()["error"] == "Username is already taken."
    for body in (
        {},
        {"username": "a"},
        {"username": None},
        {"first_name": "x" * 101},
        {"email": "new@example.org"},
        {"role_id": "global_user"},
        {"password": NEW},
    ):
        assert_error(admin.put(PROFILE, json=body), 400, "validation_error")
    assert_error(ready.test_client().put(PROFILE, json=fields), 401, "login_required")
    assert admin.get(ME).get_json() == account | {"username": "ALICE2"}
    assert log_in(ready.test_client(), "alice2").status_code == 200
    assert log_in(ready.test_client(), "alice").status_code == 400
    changes = direct.rows("SELECT subject FROM audit_log WHERE action = 'users.update' ORDER BY id")
    assert changes == ["alice", "Alice2", "Alice2"]
