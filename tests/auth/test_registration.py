"""Registering: what makes an account, whose is the first, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import MakeApp
from tests.support.answers import assert_error
from tests.support.applications import command, set_up
from tests.support.direct import Direct
from tests.support.people import (
    COOKIE,
    ME,
    PASSWORD,
    PERSON,
    REGISTER,
    USERS,
    person,
    switch,
)

STATUS = "/api/auth/status"
AFAR = {"REMOTE_ADDR": "192.0.2.7"}


def test_the_first_account_administers_and_is_logged_in(ready: Flask, direct: Direct) -> None:
    client = ready.test_client()
    answer = client.post(REGISTER, json={**PERSON, "first_name": "Alice", "last_name": "A."})

    assert answer.status_code == 201
    body = answer.get_json()
    assert list(body) == ["success", "message", "user"]
    assert body["success"] is True
    assert body["user"] == {
        "id": body["user"]["id"],
        "username": "alice",
        "email": "alice@example.org",
        "first_name": "Alice",
        "last_name": "A.",
        "role_id": "global_admin",
    }
    assert answer.headers.getlist("Set-Cookie")[0].startswith(f"{COOKIE}=")
    assert client.get(ME).get_json() == body["user"]
    [kept] = direct.rows("SELECT password_hash FROM users")
    assert kept.startswith("$argon2id$")
    assert direct.rows("SELECT subject, actor FROM audit_log WHERE action = 'users.register'") == [
        ("alice", "alice")
    ]


def test_the_next_is_an_ordinary_one_where_registration_is_on(
    ready: Flask, admin: FlaskClient
) -> None:
    client = ready.test_client()
    refused = client.post(REGISTER, json=person("bob"))
    assert_error(refused, 403, "registration_disabled")
    assert "Set-Cookie" not in refused.headers
    assert_error(client.post(REGISTER, json={"no": "body"}), 403, "registration_disabled")
    assert client.get(STATUS).get_json()["registration_enabled"] is False

    switch(ready, "global.enable_email_registration", True)
    assert client.get(STATUS).get_json() == {
        "first_account": False,
        "setup_token_required": False,
        "login_enabled": True,
        "registration_enabled": True,
    }
    answer = client.post(REGISTER, json=person("bob"), environ_overrides=AFAR)
    assert answer.status_code == 201, answer.text
    assert answer.get_json()["user"]["role_id"] == "global_user"
    assert answer.get_json()["user"]["first_name"] is None
    assert client.get(ME).get_json() == answer.get_json()["user"]

    switch(ready, "global.enable_email_registration", False)
    assert_error(client.post(REGISTER, json=person("carol")), 403, "registration_disabled")


def test_the_first_is_no_strangers(make_app: MakeApp, body: dict[str, str]) -> None:
    """The same rule as for setup: at the machine, or with the token."""
    app = make_app()
    set_up(app, body)
    client = app.test_client()
    for headers in ({}, {"X-Setup-Token": "guessed"}):
        code = "setup_token_wrong" if headers else "setup_token_required"
        answer = client.post(REGISTER, json=PERSON, headers=headers, environ_overrides=AFAR)
        assert_error(answer, 401, code)
        assert "Set-Cookie" not in answer.headers
    proxied = client.post(REGISTER, json=PERSON, headers={"X-Forwarded-For": "127.0.0.1"})
    assert_error(proxied, 401, "setup_token_required")
    assert client.get(STATUS, environ_overrides=AFAR).get_json() == {
        "first_account": True,
        "setup_token_required": True,
        "login_enabled": True,
        "registration_enabled": False,
    }
    switch(app, "global.enable_email_registration", True)
    answer = client.post(REGISTER, json=PERSON, environ_overrides=AFAR)
    assert_error(answer, 401, "setup_token_required")

    token = command(app, "db", "setup-token").stdout.strip()
    headers = {"X-Setup-Token": token}
    answer = client.post(REGISTER, json=PERSON, headers=headers, environ_overrides=AFAR)
    assert answer.status_code == 201, answer.text
    assert answer.get_json()["user"]["role_id"] == "global_admin"
    assert command(app, "db", "setup-token").exit_code == 1


@pytest.mark.parametrize(("mode", "status"), [("always", 401), ("never", 201)])
def test_the_mode_of_the_setup_token_holds_for_the_first_account(
    make_app: MakeApp, mode: str, status: int
) -> None:
    app = make_app()
    set_up(app, {"type": "sqlite"})
    client = make_app(DEPLOYSTACK_SETUP_TOKEN_MODE=mode).test_client()

    assert client.post(REGISTER, json=PERSON).status_code == status


BAD: list[tuple[dict[str, Any], str]] = [
    ({"username": None}, "username"),
    ({"username": ""}, "username"),
    ({"username": "ab"}, "username"),
    ({"username": "a" * 51}, "username"),
    ({"username": "a b c"}, "username"),
    ({"username": "alice@example.org"}, "username"),
    ({"username": "al\0ice"}, "username"),
    ({"username": "alice\u202e"}, "username"),
    ({"username": "\u0430lice"}, "username"),  # a Cyrillic letter that looks like an a
    ({"username": ["alice"]}, "username"),
    ({"email": "alice"}, "email"),
    ({"email": "alice@"}, "email"),
    ({"email": "a\nb@example.org"}, "email"),
    ({"email": '"a b"@example.org'}, "email"),
    ({"email": "a\0@example.org"}, "email"),
    ({"email": f"{'a' * 250}@example.org"}, "email"),
    ({"email": "\u0430lice@example.org"}, "email"),  # a Cyrillic letter that looks like an a
    ({"email": "alice@ex\u0430mple.org"}, "email"),
    ({"email": "alice@example.\u043erg"}, "email"),
    ({"email": "\u0131da@example.org"}, "email"),  # a dotless i
    ({"email": "siobhán@example.org"}, "email"),
    ({"email": "alice@münchen.example"}, "email"),
    ({"email": 5}, "email"),
    ({"password": None}, "password"),
    ({"password": 12345678}, "password"),
    ({"first_name": "x" * 101}, "first_name"),
    ({"first_name": "a\nb"}, "first_name"),
    ({"last_name": "\0"}, "last_name"),
    ({"last_name": {}}, "last_name"),
    ({"role_id": "global_admin"}, "role_id"),
    ({"is_admin": True}, "is_admin"),
]


def test_fields_that_are_not_as_they_should_be(ready: Flask, direct: Direct) -> None:
    client = ready.test_client()
    for fields, name in BAD:
        answer = client.post(REGISTER, json={**PERSON, **fields})
        assert list(assert_error(answer, 400, "validation_error")) == [name], fields
    for name in PERSON:
        given = {key: value for key, value in PERSON.items() if key != name}
        answer = client.post(REGISTER, json=given)
        assert list(assert_error(answer, 400, "validation_error")) == [name]
    for password in ("short", "x" * 257, "password", "alice@example.org"):
        assert_error(
            client.post(REGISTER, json={**PERSON, "password": password}), 400, "weak_password"
        )
    assert_error(client.post(REGISTER, data="{}"), 415)
    assert_error(client.post(REGISTER, json={**PERSON, "first_name": "x" * 5000}), 413)
    assert direct.rows("SELECT count(*) FROM users") == [0]
    assert direct.rows("SELECT count(*) FROM login_sessions") == [0]
    assert client.post(REGISTER, json=PERSON).status_code == 201


def test_an_address_of_other_letters_is_told_what_to_do(
    ready: Flask, admin: FlaskClient, bob: FlaskClient
) -> None:
    """By whichever way an account gets one; a domain can be written in ASCII."""
    where = f"{USERS}/{bob.get(ME).get_json()['id']}"
    for email in ("\u0430lice@example.org", "carol@münchen.example"):
        created = admin.post(USERS, json=person("carol", email=email))
        changed = admin.put(where, json={"email": email})
        for answer in (created, changed):
            told = assert_error(answer, 400, "validation_error")
            assert any("ASCII letters" in sentence for sentence in told["email"])
        arguments = ("users", "create", "--username", "carol", "--email", email)
        made = command(ready, *arguments, "--password-stdin", input=f"{PASSWORD}\n")
        assert made.exit_code == 1
        assert "ASCII letters" in made.output
    ascii_form = "carol@xn--mnchen-3ya.example"
    answer = admin.post(USERS, json=person("carol", email=ascii_form))
    assert answer.get_json()["user"]["email"] == ascii_form
    for email, kept in (("\uff41.B+c@example.org", "a.b+c@example.org"), ("d@b-c.co", "d@b-c.co")):
        assert admin.put(where, json={"email": email}).get_json()["user"]["email"] == kept


TAKEN = [
    ({"username": "alice"}, "username_taken", "Username is already taken."),
    ({"username": "ALICE"}, "username_taken", "Username is already taken."),
    ({"username": " Alice "}, "username_taken", "Username is already taken."),
    ({"username": "\uff21lice"}, "username_taken", "Username is already taken."),
    ({"email": "alice@example.org"}, "email_taken", "Email address already in use."),
    ({"email": "Alice@Example.ORG"}, "email_taken", "Email address already in use."),
    ({"email": "\uff21lice@example.org"}, "email_taken", "Email address already in use."),
]


def test_names_that_are_taken(ready: Flask, admin: FlaskClient, direct: Direct) -> None:
    switch(ready, "global.enable_email_registration", True)
    client = ready.test_client()
    for fields, code, sentence in TAKEN:
        answer = client.post(REGISTER, json={**person("bob"), **fields})
        assert_error(answer, 400, code)
        assert answer.get_json()["error"] == sentence
    assert direct.rows("SELECT count(*) FROM users") == [1]


def test_names_are_kept_as_people_write_them(ready: Flask) -> None:
    answer = ready.test_client().post(
        REGISTER,
        json={
            "username": "O.Leary-2",
            "email": "Siobhán.O@Example.org".replace("á", "a"),
            "password": PASSWORD,
            "first_name": " Siobha\u0301n ",
            "last_name": "",
        },
    )
    assert answer.get_json()["user"] | {"id": ""} == {
        "id": "",
        "username": "O.Leary-2",
        "email": "siobhan.o@example.org",
        "first_name": "Siobhán",
        "last_name": None,
        "role_id": "global_admin",
    }


def test_another_sites_page_registers_nobody(ready: Flask, direct: Direct) -> None:
    client = ready.test_client()
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert_error(client.post(REGISTER, json=PERSON, headers=headers), 403, "cross_origin")
    assert direct.rows("SELECT count(*) FROM users") == [0]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", STATUS),
        ("GET", ME),
        ("POST", REGISTER),
        ("POST", "/api/auth/email/login"),
        ("POST", "/api/auth/logout"),
        ("PUT", "/api/auth/profile/update"),
        ("GET", "/api/users"),
        ("DELETE", "/api/users/x"),
        ("GET", "/api/auth/tokens"),
    ],
)
def test_without_a_database(client: FlaskClient, method: str, path: str) -> None:
    body = {"json": {"login": "a", "password": "b"}} if method != "GET" else {}
    client.set_cookie(COOKIE, "x")
    for headers in ({}, {"Authorization": "Bearer dst_x"}):
        answer = client.open(path, method=method, headers=headers, **body)
        assert_error(answer, 503, "not_configured")


def test_nobody_registers_while_nobody_may_log_in(
    ready: Flask, admin: FlaskClient, direct: Direct
) -> None:
    for key, value in (("enable_email_registration", True), ("enable_login", False)):
        changed = admin.put(f"/api/settings/global.{key}", json={"value": value})
        assert changed.status_code == 200
    answer = ready.test_client().post(REGISTER, json=person("bob"))
    assert_error(answer, 403, "login_disabled")
    assert "Set-Cookie" not in answer.headers
    assert direct.rows("SELECT username FROM users") == ["alice"]
