"""Whatever is sent: it is refused or done, never a failure, and no password comes back."""

from __future__ import annotations

import json
import random
from typing import Any
from urllib.parse import quote

from flask import Flask

from tests.support.direct import Direct
from tests.support.people import (
    CHANGE_PASSWORD,
    LOGIN,
    ME,
    PASSWORD,
    PROFILE,
    REGISTER,
    TOKENS,
    USERS,
    administrator,
    person,
    switch,
)

REQUESTS = 150
TEXTS = (
    *("", " ", "\0", "a\0b", "x" * 300, "x" * 3000, "é", "ﬁ", "İ", "ß", "'", "%", "../x", "\u202e"),
    *("\x7f", "\u2028", "🂡" * 60, "alice", "ALICE", "a@b.co", "\u0131@example.org"),
    *("global_admin", "users.view", "$argon2id$v=19$", f"a@{'b' * 63}.co"),
)
VALUES: tuple[Any, ...] = (
    *TEXTS,
    *("\ud800", None, True, 0, -1, 1.5, 1e308, 10**30, [], {}, [1], {"a": 1}),
    *(["users.view"], ["\0"], ["\ud800"], [None], [[]]),
)
FIELDS = (
    *("username", "email", "password", "first_name", "last_name", "role_id", "login", "name"),
    *("current_password", "new_password", "scopes", "expires_in_days", "id", "__proto__", ""),
)
ROUTES = (
    *(("POST", path) for path in (REGISTER, LOGIN, TOKENS, USERS)),
    *(("PUT", path) for path in (CHANGE_PASSWORD, PROFILE, f"{USERS}/X", f"{USERS}/X/role")),
    *(("DELETE", path) for path in (f"{USERS}/X", f"{TOKENS}/X")),
    ("GET", f"{USERS}/X"),
)
SENSIBLE = {
    REGISTER: person("somebody"),
    USERS: person("somebody"),
    LOGIN: {"login": "alice", "password": "wrong"},
    TOKENS: {"name": "n", "scopes": ["users.view"]},
    CHANGE_PASSWORD: {"current_password": "wrong", "new_password": "another good one"},
}


def test_odd_bodies(ready: Flask, direct: Direct) -> None:
    any_of = random.Random(1)
    admin = administrator(ready)
    switch(ready, "global.enable_email_registration", True)
    seen = set()
    for _ in range(REQUESTS):
        method, path = any_of.choice(ROUTES)
        odd = {any_of.choice(FIELDS): any_of.choice(VALUES) for _ in range(any_of.randint(0, 3))}
        body = {**SENSIBLE.get(path, {}), **odd} if any_of.random() < 0.7 else odd
        where = path.replace("X", quote(any_of.choice(TEXTS)[:200], safe="") or "x")
        client = any_of.choice([admin, admin, ready.test_client()])
        answer = client.open(
            where, method=method, data=json.dumps(body), content_type="application/json"
        )
        seen.add(answer.status_code)
        assert answer.status_code < 500, (method, where, body, answer.text)
        assert "argon2id" not in answer.text
        assert PASSWORD not in answer.text
        direct.execute("DELETE FROM login_attempts")
    assert {201, 400, 401, 404} <= seen
    assert admin.get(ME).status_code == 200
    assert direct.rows("SELECT count(*) FROM users WHERE role_id = 'global_admin'") >= [1]
