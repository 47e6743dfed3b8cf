"""How often a password may be guessed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from deploystack.auth import limits
from tests.support.answers import assert_error
from tests.support.direct import Direct
from tests.support.people import CHANGE_PASSWORD, LOGIN, PASSWORD, log_in


def ago(**time: float) -> str:
    """Return a moment in the past, as a literal of SQL."""
    return f"'{(datetime.now(UTC) - timedelta(**time)).replace(tzinfo=None)}'"


def failed(direct: Direct, count: int, account: str, address: str, at: str = ago()) -> None:
    """Write down attempts that have failed."""
    row = f"('{account}', '{address}', {at})"
    direct.execute(
        f"INSERT INTO login_attempts (account, address, at) VALUES {', '.join([row] * count)}"
    )


@pytest.mark.parametrize("login", ["alice", "nobody"])
def test_ten_for_an_account_whether_there_is_one_or_not(
    ready: Flask, admin: FlaskClient, direct: Direct, login: str
) -> None:
    client = ready.test_client()
    spellings = [login, login.upper(), f" {login}"]
    for number in range(10):
        assert log_in(client, spellings[number % 3], "wrong").status_code == 400
    for password in ("wrong", PASSWORD):
        answer = log_in(client, login, password)
        assert_error(answer, 429, "too_many_attempts")
        assert 890 <= int(answer.headers["Retry-After"]) <= 900
        assert answer.headers["Retry-After"] in answer.get_json()["error"]
        assert "Set-Cookie" not in answer.headers
    elsewhere = client.post(
        LOGIN,
        json={"login": login, "password": PASSWORD},
        environ_overrides={"REMOTE_ADDR": "192.0.2.1"},
    )
    assert_error(elsewhere, 429, "too_many_attempts")
    assert log_in(client, "somebody", "wrong").status_code == 400, "others are not held up"
    assert direct.rows("SELECT count(*) FROM login_attempts") == [11], "refused ones do not count"

    # What people type is not kept: it may be a password.
    assert not any(login in row for row in direct.rows("SELECT account FROM login_attempts"))
    direct.execute(f"UPDATE login_attempts SET at = {ago(minutes=14.9)}")
    assert int(log_in(client, login, PASSWORD).headers["Retry-After"]) <= 10
    direct.execute(f"UPDATE login_attempts SET at = {ago(minutes=15.1)}")
    assert log_in(client, login, PASSWORD).status_code == (200 if login == "alice" else 400)


@pytest.mark.parametrize("name", ["alice", "nobody"])
def test_the_limit_tells_nobody_which_address_goes_with_a_name(
    ready: Flask, admin: FlaskClient, direct: Direct, name: str
) -> None:
    client = ready.test_client()
    for _ in range(10):
        assert log_in(client, name, "wrong").status_code == 400
    assert log_in(client, name).status_code == 429
    assert log_in(client, f"{name}@example.org", "wrong").status_code == 400
    if name == "alice":
        assert log_in(client, "alice@example.org").status_code == 200
        assert direct.rows("SELECT count(*) FROM login_attempts") == [0], "all of the account's"


def test_success_forgets_the_accounts_attempts(
    ready: Flask, admin: FlaskClient, direct: Direct
) -> None:
    client = ready.test_client()
    assert log_in(client, "alice", "wrong").status_code == 400
    [account] = direct.rows("SELECT account FROM login_attempts")
    for _ in range(2):
        failed(direct, 7, account, "192.0.2.1")
        assert log_in(client, "alice", "wrong").status_code == 400
        assert log_in(client).status_code == 200
        assert direct.rows("SELECT count(*) FROM login_attempts") == [0]


def test_fifty_from_an_address(ready: Flask, admin: FlaskClient, direct: Direct) -> None:
    failed(direct, 49, "login:x", "192.0.2.1")
    client = ready.test_client()

    def status(address: str, login: str = "alice", password: str = PASSWORD) -> int:
        body = {"login": login, "password": password}
        answer = client.post(LOGIN, json=body, environ_overrides={"REMOTE_ADDR": address})
        return answer.status_code

    assert status("192.0.2.1") == 200
    assert status("192.0.2.1") == 200, "a success is no attempt"
    assert status("192.0.2.1", password="wrong") == 400
    assert status("192.0.2.1") == 429
    assert status("::ffff:192.0.2.1") == 429, "the same, written otherwise"
    assert status("192.0.2.2") == 200

    failed(direct, 50, "login:x", "2001:db8:1:2::/64")
    assert status("2001:db8:1:2:3:4:5:6") == 429, "who has one address has them all"
    assert status("2001:db8:1:3::1") == 200


def test_old_attempts_are_removed(ready: Flask, admin: FlaskClient, direct: Direct) -> None:
    failed(direct, 60, "login:x", "127.0.0.1", ago(minutes=16))
    assert log_in(ready.test_client(), "alice", "wrong").status_code == 400
    assert direct.rows("SELECT count(*) FROM login_attempts") == [1]


def test_the_current_password_is_no_easier_to_guess(
    ready: Flask, admin: FlaskClient, direct: Direct
) -> None:
    def change(current: str, new: str = "another good one") -> int:
        body = {"current_password": current, "new_password": new}
        return admin.put(CHANGE_PASSWORD, json=body).status_code

    for _ in range(3):
        assert change(PASSWORD, "short") == 400
    assert direct.rows("SELECT count(*) FROM login_attempts") == [0], "who knows it is free"
    assert change("wrong") == 400
    [account] = direct.rows("SELECT account FROM login_attempts")
    failed(direct, 8, account, "192.0.2.1")
    assert change("wrong") == 400
    assert change(PASSWORD) == 429
    assert log_in(ready.test_client()).status_code == 200, "who knows it is free again"
    assert change(PASSWORD) == 200


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::1", "::/64"),
        ("2001:db8::1", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("", ""),
        (None, ""),
        ("unix:", ""),
        ("x" * 500, ""),
    ],
)
def test_what_an_address_is_counted_under(address: str | None, key: str) -> None:
    assert limits.address_key(address) == key
