"""Accounts as administrators see and change them, and that one of them is always left."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from tests.support.answers import assert_error
from tests.support.direct import Direct
from tests.support.people import ME, PASSWORD, USERS, log_in, person, user
from tests.support.waiting import until

FIELDS = {"id", "username", "email", "first_name", "last_name", "role_id"}


def path(client: FlaskClient) -> str:
    """Return where the account of whoever is logged in is."""
    return f"{USERS}/{client.get(ME).get_json()['id']}"


def test_seeing_accounts(admin: FlaskClient, bob: FlaskClient) -> None:
    answer = admin.get(USERS)
    assert answer.status_code == 200
    assert answer.get_json() == {
        "success": True,
        "data": [admin.get(ME).get_json(), bob.get(ME).get_json()],
    }
    assert all(set(one) == FIELDS for one in answer.get_json()["data"])
    assert admin.get(path(bob)).get_json() == bob.get(ME).get_json()
    for text in (answer.text, admin.get(path(bob)).text, admin.get(ME).text):
        assert "argon2" not in text
        assert "password" not in text
    for where in (USERS, path(bob), path(admin)):
        assert_error(bob.get(where), 403, "permission_denied")


def test_there_is_no_such_account(admin: FlaskClient) -> None:
    for user_id in ("x", "0" * 36, "a%00b", "%ff%fe", "'", "x" * 500):
        where = f"{USERS}/{user_id}"
        for answer in (
            admin.get(where),
            admin.put(where, json={"first_name": "x"}),
            admin.put(f"{where}/role", json={"role_id": "global_user"}),
            admin.delete(where),
        ):
            assert_error(answer, 404, "unknown_user")


def test_making_an_account_for_somebody(ready: Flask, admin: FlaskClient, direct: Direct) -> None:
    answer = admin.post(USERS, json=person("bob"))
    assert answer.status_code == 201
    assert answer.get_json()["user"]["role_id"] == "global_user"
    assert "Set-Cookie" not in answer.headers
    assert admin.get(ME).get_json()["username"] == "alice"
    assert log_in(ready.test_client(), "bob").status_code == 200
    answer = admin.post(USERS, json=person("carol", role_id="global_admin"))
    assert answer.get_json()["user"]["role_id"] == "global_admin"
    for body, code in (
        ({}, "validation_error"),
        (person("dave", role_id=""), "validation_error"),
        (person("dave", role_id="a\0b"), "validation_error"),
        (person("dave", role_id="no_such"), "unknown_role"),
        (person("bob"), "username_taken"),
        (person("dave", email="BOB@example.org"), "email_taken"),
        (person("dave", password="password"), "weak_password"),
    ):
        assert_error(admin.post(USERS, json=body), 400, code)
    made = "SELECT subject, actor FROM audit_log WHERE action = 'users.create' ORDER BY id"
    assert direct.rows(made) == [("bob", "alice"), ("carol", "alice")]


def test_changing_an_account(
    ready: Flask, admin: FlaskClient, bob: FlaskClient, direct: Direct
) -> None:
    account, where = bob.get(ME).get_json(), path(bob)
    fields = {"username": "Robert", "email": "R@Example.org", "first_name": "Rob"}
    answer = admin.put(where, json=fields)
    assert answer.status_code == 200
    changed = account | fields | {"email": "r@example.org"}
    assert answer.get_json()["user"] == changed
    assert bob.get(ME).get_json() == changed
    assert log_in(ready.test_client(), "r@example.org").status_code == 200
    assert admin.put(where, json=fields).status_code == 200, "nothing left to change"

    for body, code in (
        ({}, "validation_error"),
        ({"email": "nonsense"}, "validation_error"),
        ({"email": None}, "validation_error"),
        ({"id": "x"}, "validation_error"),
        ({"password": "another good one"}, "validation_error"),
        ({"password_hash": "x"}, "validation_error"),
        ({"username": "ALICE"}, "username_taken"),
        ({"email": "Alice@example.org"}, "email_taken"),
        ({"role_id": "no_such"}, "unknown_role"),
    ):
        assert_error(admin.put(where, json=body), 400, code)
    assert bob.get(ME).get_json() == changed
    answer = admin.put(where, json={"role_id": "global_admin", "last_name": "X"})
    assert answer.get_json()["user"] == changed | {"role_id": "global_admin", "last_name": "X"}
    [(subject, details)] = direct.rows(
        "SELECT subject, details FROM audit_log ORDER BY id DESC LIMIT 1"
    )
    assert subject == "Robert"
    assert "global_user" in str(details)
    assert PASSWORD not in repr(direct.everything())


def test_giving_a_role(ready: Flask, admin: FlaskClient, bob: FlaskClient) -> None:
    account, where = bob.get(ME).get_json(), f"{path(bob)}/role"
    answer = admin.put(where, json={"role_id": "global_admin"})
    assert answer.status_code == 200
    assert answer.get_json()["data"] == account | {"role_id": "global_admin"}
    for body, code in (
        ({}, "validation_error"),
        ({"role_id": None}, "validation_error"),
        ({"role_id": "global_admin", "username": "x"}, "validation_error"),
        ({"role_id": "no_such"}, "unknown_role"),
    ):
        assert_error(admin.put(where, json=body), 400, code)
    # Now there are two, and either may step down.
    assert admin.put(f"{path(admin)}/role", json={"role_id": "global_user"}).status_code == 200
    assert_error(admin.get(USERS), 403, "permission_denied")
    last = bob.put(where, json={"role_id": "global_user"})
    assert_error(last, 409, "last_administrator")


def test_the_last_administrator_stays(
    ready: Flask, admin: FlaskClient, bob: FlaskClient, direct: Direct
) -> None:
    where = path(admin)
    for answer in (
        admin.delete(where),
        admin.put(f"{where}/role", json={"role_id": "global_user"}),
        admin.put(where, json={"role_id": "global_user", "first_name": "Nobody"}),
    ):
        assert_error(answer, 409, "last_administrator")
    assert admin.put(where, json={"role_id": "global_admin"}).status_code == 200
    assert admin.get(ME).get_json()["first_name"] is None
    assert direct.rows("SELECT count(*) FROM users WHERE role_id = 'global_admin'") == [1]

    second = user(ready, "carol", "global_admin")
    assert second.delete(where).status_code == 200
    assert_error(second.delete(path(second)), 409, "last_administrator")


def test_deleting_an_account(
    ready: Flask, admin: FlaskClient, bob: FlaskClient, direct: Direct
) -> None:
    where = path(bob)
    assert_error(bob.delete(where), 403, "permission_denied")
    assert admin.delete(where).get_json()["success"] is True
    assert_error(admin.get(where), 404, "unknown_user")
    assert log_in(ready.test_client(), "bob").status_code == 400
    assert direct.rows("SELECT count(*) FROM login_sessions") == [1]
    entry = direct.rows("SELECT action, subject, actor FROM audit_log ORDER BY id DESC LIMIT 1")
    assert entry == [("users.delete", "bob", "alice")]
    assert admin.post(USERS, json=person("bob")).status_code == 201, "the name is free again"


def test_an_account_that_a_plugins_rows_refer_to(
    admin: FlaskClient, bob: FlaskClient, direct: Direct
) -> None:
    account: dict[str, Any] = bob.get(ME).get_json()
    direct.execute(
        "CREATE TABLE notes_note (user_id VARCHAR(36) NOT NULL REFERENCES users (id))",
        f"INSERT INTO notes_note VALUES ('{account['id']}')",
    )
    until(lambda: admin.get(ME).status_code == 200)  # a table more: it was looked at again
    assert_error(admin.delete(f"{USERS}/{account['id']}"), 409, "account_in_use")
    assert bob.get(ME).get_json() == account
