"""Sessions: what a browser keeps, when they end, and who may use them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import MakeApp
from tests.support.answers import assert_error
from tests.support.applications import set_up
from tests.support.direct import Direct
from tests.support.people import (
    CHANGE_PASSWORD,
    COOKIE,
    LOGIN,
    ME,
    PASSWORD,
    PERSON,
    PROFILE,
    REGISTER,
    USERS,
    cookie_of,
    holding,
    log_in,
)


def attributes(answer: TestResponse) -> dict[str, str]:
    """Return the attributes of the one cookie that is set, in lower case."""
    [cookie] = answer.headers.getlist("Set-Cookie")
    parts = [part.strip().partition("=") for part in cookie.split(";")]
    return {name.lower(): value for name, _, value in parts}


def ago(**time: float) -> str:
    """Return a moment in the past, as a literal of SQL."""
    return f"'{(datetime.now(UTC) - timedelta(**time)).replace(tzinfo=None)}'"


def test_the_cookie(ready: Flask, direct: Direct) -> None:
    client = ready.test_client()
    seen = set()
    for answer in (client.post(REGISTER, json=PERSON), log_in(client), log_in(client)):
        found = attributes(answer)
        assert "httponly" in found
        assert found["samesite"] == "Lax"
        assert found["path"] == "/"
        assert found["max-age"] == str(14 * 24 * 3600)
        assert "secure" not in found
        assert "domain" not in found
        assert len(found[COOKIE]) >= 43  # 256 bit in base 64
        seen.add(found[COOKIE])
    assert len(seen) == 3
    [kept] = direct.rows("SELECT id FROM login_sessions")
    assert kept == hashlib.sha256(found[COOKIE].encode()).hexdigest()


def test_under_tls_the_cookie_is_secure(make_app: MakeApp) -> None:
    app = make_app(DEPLOYSTACK_TRUSTED_PROXIES=1, DEPLOYSTACK_SETUP_TOKEN_MODE="never")
    set_up(app, {"type": "sqlite"})
    client = app.test_client()
    proxied = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.9"}
    assert "secure" in attributes(client.post(REGISTER, json=PERSON, headers=proxied))
    body = {"login": "alice", "password": PASSWORD}
    assert "secure" in attributes(client.post(LOGIN, json=body, headers=proxied))
    assert "secure" not in attributes(client.post(LOGIN, json=body))
    assert "secure" in attributes(client.post("/api/auth/logout", headers=proxied))


def test_a_made_up_cookie_is_nobodys(ready: Flask, admin: FlaskClient) -> None:
    good = cookie_of(admin)
    assert holding(ready, good).get(ME).status_code == 200
    for value in (
        "",
        "x",
        "x" * 4000,
        "\u00e9",
        '"',
        "dst_x",
        "' OR 1=1 --",
        good[:-1],
        good + "x",
    ):
        answer = holding(ready, value).get(ME)
        assert_error(answer, 401, "login_required")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_what_is_in_the_database_is_no_cookie(
    ready: Flask, admin: FlaskClient, direct: Direct
) -> None:
    [kept] = direct.rows("SELECT id FROM login_sessions")
    assert holding(ready, kept).get(ME).status_code == 401


def test_sessions_end(ready: Flask, admin: FlaskClient, direct: Direct) -> None:
    for column, still, over in (
        ("seen_at", ago(hours=23.9), ago(hours=24.1)),
        ("expires_at", ago(seconds=-60), ago(seconds=1)),
    ):
        direct.execute(f"UPDATE login_sessions SET {column} = {still}")
        assert admin.get(ME).status_code == 200, column
        direct.execute(f"UPDATE login_sessions SET {column} = {over}")
        assert_error(admin.get(ME), 401, "login_required")
        assert_error(admin.get(USERS), 401, "login_required")
        assert_error(admin.put(PROFILE, json={}), 401, "login_required")
        log_in(admin)
        assert direct.rows("SELECT count(*) FROM login_sessions") == [1], "the old one is removed"


def test_use_keeps_a_session_alive_and_is_not_written_each_time(
    admin: FlaskClient, direct: Direct
) -> None:
    [first] = direct.rows("SELECT seen_at FROM login_sessions")
    admin.get(ME)
    assert direct.rows("SELECT seen_at FROM login_sessions") == [first]

    direct.execute(f"UPDATE login_sessions SET seen_at = {ago(hours=20)}")
    [older] = direct.rows("SELECT seen_at FROM login_sessions")
    assert admin.get(ME).status_code == 200
    [later] = direct.rows("SELECT seen_at FROM login_sessions")
    assert older < first <= later
    [(created, expires)] = direct.rows("SELECT created_at, expires_at FROM login_sessions")
    if isinstance(created, str):
        created, expires = map(datetime.fromisoformat, (created, expires))
    assert expires - created == timedelta(days=14)


def test_a_change_of_role_or_the_end_of_an_account_is_felt_at_once(
    admin: FlaskClient, bob: FlaskClient, direct: Direct
) -> None:
    account = bob.get(ME).get_json()
    assert bob.get(USERS).status_code == 403
    admin.put(f"{USERS}/{account['id']}/role", json={"role_id": "global_admin"})
    assert bob.get(USERS).status_code == 200
    admin.put(f"{USERS}/{account['id']}/role", json={"role_id": "global_user"})
    assert bob.get(USERS).status_code == 403

    direct.execute("UPDATE roles SET permissions = '[\"users.view\"]' WHERE id = 'global_user'")
    assert bob.get(USERS).status_code == 200, "a role may do what the database says"
    assert bob.delete(f"{USERS}/{account['id']}").status_code == 403
    assert admin.delete(f"{USERS}/{account['id']}").status_code == 200
    assert_error(bob.get(ME), 401, "login_required")


FOREIGN = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
)
OWN = (
    {"Origin": "http://localhost"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
)


def test_another_sites_page_changes_nothing(admin: FlaskClient, direct: Direct) -> None:
    account = admin.get(ME).get_json()
    before = direct.everything()
    for headers in FOREIGN:
        for method, path, body in (
            ("PUT", PROFILE, {"first_name": "Eve"}),
            ("PUT", CHANGE_PASSWORD, {"current_password": PASSWORD, "new_password": "evil evil"}),
            ("POST", "/api/auth/tokens", {"name": "x", "scopes": ["users.view"]}),
            ("POST", "/api/auth/logout", None),
            ("POST", LOGIN, {"login": "alice", "password": PASSWORD}),
            ("POST", USERS, {**PERSON, "username": "eve", "email": "eve@example.org"}),
            ("PUT", f"{USERS}/{account['id']}", {"first_name": "Eve"}),
            ("PUT", f"{USERS}/{account['id']}/role", {"role_id": "global_user"}),
            ("DELETE", f"{USERS}/{account['id']}", None),
        ):
            answer = admin.open(path, method=method, json=body, headers=headers)
            assert_error(answer, 403, "cross_origin")
        assert admin.get(ME, headers=headers).status_code == 200, "reading changes nothing"
    assert direct.everything() == before
    del admin.environ_base["HTTP_ORIGIN"]
    assert_error(admin.put(PROFILE, json={"first_name": "Eve"}), 403, "cross_origin")
    assert direct.everything() == before
    for headers in OWN:
        answer = admin.put(PROFILE, json={"first_name": "Al"}, headers=headers)
        assert answer.status_code == 200, headers
    admin.environ_base["HTTP_ORIGIN"] = "http://localhost"
    assert_error(admin.put(PROFILE, data="first_name=Eve"), 415, "unsupported_media_type")
    form = admin.put(PROFILE, data='{"first_name": "Eve"}', content_type="text/plain")
    assert_error(form, 415, "unsupported_media_type")
    assert_error(admin.post("/api/auth/logout", data={"a": "b"}), 415, "unsupported_media_type")
