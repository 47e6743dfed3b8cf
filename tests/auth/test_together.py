"""What several do at the same moment, in threads and in the workers of a real server."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from flask import Flask
from flask.testing import FlaskClient

from deploystack.auth import passwords
from tests.conftest import Serve
from tests.support.direct import Direct
from tests.support.people import (
    CHANGE_PASSWORD,
    LOGIN,
    ME,
    PASSWORD,
    PERSON,
    REGISTER,
    USERS,
    cookie_of,
    holding,
    log_in,
    person,
    switch,
    user,
)
from tests.support.server import Answer, Server

T = TypeVar("T")


def together(*calls: Callable[[], T]) -> list[T]:
    """Call all at the same moment, and return what they return."""
    start = threading.Barrier(len(calls))

    def call(function: Callable[[], T]) -> T:
        start.wait(20)
        return function()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call, one) for one in calls]]


@pytest.mark.parametrize("registration", [False, True], ids=["switched off", "switched on"])
def test_many_register_first(ready: Flask, direct: Direct, registration: bool) -> None:
    if registration:
        switch(ready, "global.enable_email_registration", True)

    def register(number: int) -> Callable[[], int]:
        body = person(f"person{number}")
        return lambda: ready.test_client().post(REGISTER, json=body).status_code

    found = Counter(together(*(register(number) for number in range(8))))
    roles = Counter(direct.rows("SELECT role_id FROM users"))
    assert found == ({201: 8} if registration else {201: 1, 403: 7})
    assert roles == ({"global_admin": 1, "global_user": 7} if registration else {"global_admin": 1})


def test_one_name_is_given_once(ready: Flask, admin: FlaskClient, direct: Direct) -> None:
    cookie = cookie_of(admin)

    def create(name: str) -> Callable[[], int]:
        body = person("bob", username=name)
        return lambda: holding(ready, cookie).post(USERS, json=body).status_code

    spellings = ("bob", "BOB", "Bob", "bOb", "boB", "bob")
    assert Counter(together(*map(create, spellings))) == {201: 1, 400: 5}
    assert direct.rows("SELECT count(*) FROM users") == [2]


def test_administrators_who_remove_each_other(
    ready: Flask, admin: FlaskClient, direct: Direct
) -> None:
    admins = [admin, *(user(ready, name, "global_admin") for name in ("bob", "carol", "dave"))]
    places = [f"{USERS}/{one.get(ME).get_json()['id']}" for one in admins]
    body = {"role_id": "global_user"}

    def leave(number: int) -> Callable[[], int]:
        client, where = admins[number], places[number]
        if number % 2:
            return lambda: client.delete(where).status_code
        return lambda: client.put(f"{where}/role", json=body).status_code

    found = Counter(together(*map(leave, range(4))))
    assert found == {200: 3, 409: 1}
    assert direct.rows("SELECT count(*) FROM users WHERE role_id = 'global_admin'") == [1]


def test_a_login_with_a_password_that_is_being_changed(
    ready: Flask, admin: FlaskClient, direct: Direct, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No session begins with a password that was changed while it was being compared."""
    matches = passwords.matches

    def slow(password: str, kept: str | None) -> bool:
        monkeypatch.setattr(passwords, "matches", matches)
        found = matches(password, kept)
        body = {"current_password": PASSWORD, "new_password": "another good one"}
        assert admin.put(CHANGE_PASSWORD, json=body).status_code == 200
        return found

    monkeypatch.setattr(passwords, "matches", slow)
    assert log_in(ready.test_client()).status_code == 400
    assert direct.rows("SELECT count(*) FROM login_sessions") == [1]
    assert admin.get(ME).status_code == 200


@pytest.fixture
def server(serve: Serve, body: dict[str, str]) -> Server:
    """A real server with several workers, which was set up."""
    server = serve(WEB_CONCURRENCY="3")
    assert server.post("/api/db/setup", body).status == 200
    server.until(lambda: all(server.get("/readyz").status == 200 for _ in range(20)))
    return server


def test_every_worker_knows_sessions_and_counts_attempts(server: Server) -> None:
    registered = Counter(together(*[lambda: server.post(REGISTER, PERSON).status] * 6))
    assert registered == {201: 1, 403: 5}

    def attempt(password: str) -> Callable[[], Answer]:
        return lambda: server.post(LOGIN, {"login": "alice", "password": password})

    answer = attempt(PASSWORD)()
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    assert {server.get(ME, {"Cookie": cookie}).status for _ in range(20)} == {200}
    logout = server.request("POST", "/api/auth/logout", headers={"Cookie": cookie})
    assert logout.status == 200
    assert {server.get(ME, {"Cookie": cookie}).status for _ in range(20)} == {401}

    found = together(*(attempt("wrong") for _ in range(24)))
    statuses = Counter(one.status for one in found)
    assert set(statuses) <= {400, 429}
    assert statuses[400] <= 10, "however many come at once"
    left = [attempt("wrong")().status for _ in range(11 - statuses[400])]
    assert left[-1] == 429
    assert left.count(400) == 10 - statuses[400]
    assert {attempt(PASSWORD)().status for _ in range(6)} == {429}, "whichever worker is asked"
    assert PASSWORD not in server.log.read_text()
