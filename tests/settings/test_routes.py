"""`/api/settings` on each database: what it answers, and what it refuses."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from deploystack.settings.core import GROUPS
from deploystack.settings.values import MAX_CHARACTERS
from tests.conftest import MakeApp
from tests.support.answers import assert_error
from tests.support.opened import MAY, open_to_all

BASE = "/api/settings"
OWN = {"key": "my.own", "value": "1", "type": "string"}
FIELDS = {
    "key",
    "value",
    "typed_value",
    "type",
    "description",
    "is_encrypted",
    "is_set",
    "is_declared",
    "group_id",
    "created_at",
    "updated_at",
}
ROUTES = [
    ("GET", "", "settings.view"),
    ("POST", "", "settings.edit"),
    ("GET", "/groups", "settings.view"),
    ("POST", "/groups", "settings.edit"),
    ("GET", "/groups/smtp", "settings.view"),
    ("PUT", "/groups/smtp", "settings.edit"),
    ("GET", "/categories", "settings.view"),
    ("GET", "/group/smtp", "settings.view"),
    ("POST", "/search", "settings.view"),
    ("POST", "/bulk", "settings.edit"),
    ("GET", "/health", "settings.view"),
    ("GET", "/audit", "settings.view"),
    ("POST", "/smtp/test", "settings.edit"),
    ("GET", "/smtp.port", "settings.view"),
    ("PUT", "/smtp.port", "settings.edit"),
    ("DELETE", "/smtp.port", "settings.delete"),
    ("POST", "/smtp.port/reset", "settings.edit"),
]


def data(response: TestResponse, status: int = 200) -> Any:
    """Return what was answered, which must be a success."""
    assert response.status_code == status, response.text
    body = response.get_json()
    assert body["success"] is True
    return body["data"]


def found(client: FlaskClient, key: str) -> dict[str, Any]:
    shown: dict[str, Any] = data(client.get(f"{BASE}/{key}"))
    return shown


def test_every_route_is_in_the_table(app: Flask) -> None:
    rules = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(BASE)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    named = {
        (method, BASE + re.sub("smtp.port", "<setting:key>", re.sub("/smtp$", "/<group_id>", path)))
        for method, path, _ in ROUTES
    }
    assert named == rules


@pytest.mark.parametrize(("method", "path", "permission"), ROUTES)
def test_refusals_come_in_order(shared: Flask, method: str, path: str, permission: str) -> None:
    """401, then 403, and only then is the body looked at."""
    client = shared.test_client()
    others = {"settings.view", "settings.edit", "settings.delete", "settings.reveal"} - {permission}

    for body in ({"data": "no JSON"}, {"json": {"unknown": 1}}):
        nobody = client.open(BASE + path, method=method, headers={MAY: ""}, **body)
        assert_error(nobody, 401, "login_required")
        short = client.open(
            BASE + path, method=method, headers={MAY: ",".join(sorted(others))}, **body
        )
        assert assert_error(short, 403, "permission_denied") == {"permission": permission}
    allowed = client.open(BASE + path, method=method, headers={MAY: permission}, json={"x": 1})
    assert allowed.status_code not in {401, 403}


@pytest.mark.parametrize(("method", "path", "permission"), ROUTES)
def test_without_a_database(make_app: MakeApp, method: str, path: str, permission: str) -> None:
    app = make_app()
    open_to_all(app)
    body = {
        "": OWN,
        "/groups": {"id": "g", "name": "G"},
        "/groups/smtp": {"name": "G"},
        "/search": {"pattern": "x"},
        "/bulk": {"settings": [OWN]},
        "/smtp/test": {},
    }.get(path, {"value": "1"})
    answer = app.test_client().open(BASE + path, method=method, json=body)

    assert_error(answer, 503, "not_configured")


def test_all_settings_are_listed(admin: FlaskClient) -> None:
    shown = data(admin.get(BASE))

    assert [entry["key"] for entry in shown] == sorted(s.key for g in GROUPS for s in g.settings)
    for entry in shown:
        assert set(entry) == FIELDS
        assert isinstance(entry["value"], str)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["created_at"])
    port = next(entry for entry in shown if entry["key"] == "smtp.port")
    assert (port["value"], port["typed_value"], port["type"]) == ("587", 587, "integer")
    assert (port["is_set"], port["is_declared"], port["group_id"]) == (True, True, "smtp")
    host = next(entry for entry in shown if entry["key"] == "smtp.host")
    assert (host["value"], host["typed_value"], host["is_set"]) == ("", "", False)


def test_groups_hold_their_settings_in_order(admin: FlaskClient) -> None:
    made = {"id": "first", "name": "First", "icon": "star", "sort_order": -1}
    assert data(admin.post(f"{BASE}/groups", json=made), 201)["settings"] == []
    assert data(admin.post(BASE, json={**OWN, "group_id": "first"}), 201)["group_id"] == "first"

    groups = data(admin.get(f"{BASE}/groups"))
    assert [group["id"] for group in groups] == ["first", "global", "smtp"]
    assert [group["is_declared"] for group in groups] == [False, True, True]
    assert [entry["key"] for entry in groups[0]["settings"]] == ["my.own"]
    assert groups[0] == data(admin.get(f"{BASE}/groups/first"))
    assert {entry["key"] for entry in groups[2]["settings"]} == {s.key for s in GROUPS[1].settings}
    assert data(admin.get(f"{BASE}/categories")) == ["first", "global", "smtp"]
    assert data(admin.get(f"{BASE}/group/first")) == groups[0]["settings"]
    assert data(admin.get(f"{BASE}/group/none")) == []
    assert_error(admin.get(f"{BASE}/groups/none"), 404, "setting_group_unknown")


def test_groups_are_made_and_changed(admin: FlaskClient) -> None:
    url = f"{BASE}/groups"
    assert_error(admin.post(url, json={"id": "smtp", "name": "x"}), 409, "setting_group_exists")
    for bad in (
        {"id": "a b", "name": "x"},
        {"id": "..", "name": "x"},
        {"id": "a"},
        {"id": "a", "name": ""},
        {"id": "a", "name": "x" * 256},
        {"id": "a", "name": "\0"},
        {"id": "a", "name": "x", "sort_order": 1.5},
        {"id": "a", "name": "x", "sort_order": 2**31},
        {"id": "a", "name": "x", "more": 1},
    ):
        assert_error(admin.post(url, json=bad), 400, "validation_error")

    changed = data(admin.put(f"{url}/smtp", json={"name": "Mail", "description": None}))
    assert (changed["name"], changed["description"], changed["icon"]) == ("Mail", "", "mail")
    assert_error(admin.put(f"{url}/none", json={"name": "x"}), 404, "setting_group_unknown")
    assert_error(admin.put(f"{url}/smtp", json={}), 400, "validation_error")
    assert_error(admin.put(f"{url}/smtp", json={"id": "x"}), 400, "validation_error")


@pytest.mark.parametrize(
    ("kind", "value", "text", "typed"),
    [
        ("string", " ü\n", " ü\n", " ü\n"),
        ("number", 1.5, "1.5", 1.5),
        ("number", "2", "2", 2),
        ("boolean", False, "false", False),
        ("boolean", "false", "false", False),
        ("integer", "-3", "-3", -3),
        ("url", "https://a.example", "https://a.example", "https://a.example"),
        ("email", "a@b.example", "a@b.example", "a@b.example"),
        ("json", {"a": [1]}, '{"a": [1]}', {"a": [1]}),
        ("json", '{"a": null}', '{"a": null}', {"a": None}),
        ("list", ["x"], '["x"]', ["x"]),
        ("string", None, "", None),
    ],
)
@pytest.mark.parametrize("encrypted", [False, True])
def test_a_setting_of_each_type(
    shared: Flask, kind: str, value: Any, text: str, typed: Any, encrypted: bool
) -> None:
    client = shared.test_client()
    made = data(
        client.post(
            BASE, json={"key": "a.b", "value": value, "type": kind, "encrypted": encrypted}
        ),
        201,
    )
    assert made == found(client, "a.b")
    if encrypted:
        assert made["typed_value"] is None
        assert made["value"] == ("********" if text else "")
        made = data(client.get(f"{BASE}/a.b?reveal=true"))
    assert (made["value"], made["typed_value"], made["type"]) == (text, typed, kind)
    assert repr(made["typed_value"]) == repr(typed)
    assert made["is_set"] is bool(text)
    assert client.delete(f"{BASE}/a.b").status_code == 200


def test_a_setting_of_ones_own(admin: FlaskClient) -> None:
    made = data(admin.post(BASE, json={**OWN, "description": "mine", "group_id": "smtp"}), 201)
    assert (made["description"], made["group_id"], made["is_declared"]) == ("mine", "smtp", False)
    assert_error(admin.post(BASE, json=OWN), 409, "setting_exists")
    assert_error(admin.post(BASE, json={**OWN, "key": "smtp.port"}), 409, "setting_exists")

    changed = data(admin.put(f"{BASE}/my.own", json={"value": "2", "group_id": None}))
    assert (changed["value"], changed["group_id"], changed["description"]) == ("2", None, "mine")
    assert changed["created_at"] == made["created_at"]
    assert changed["updated_at"] > made["updated_at"]
    assert data(admin.put(f"{BASE}/my.own", json={"value": None}))["is_set"] is False

    gone = admin.delete(f"{BASE}/my.own")
    assert (gone.status_code, gone.get_json()["success"]) == (200, True)
    assert "my.own" in gone.get_json()["message"]
    for answer in (
        admin.get(f"{BASE}/my.own"),
        admin.put(f"{BASE}/my.own", json={"value": "1"}),
        admin.delete(f"{BASE}/my.own"),
        admin.post(f"{BASE}/my.own/reset"),
    ):
        assert_error(answer, 404, "setting_unknown")


@pytest.mark.parametrize(
    "fields",
    [
        {"key": ""},
        {"key": "a b"},
        {"key": "a/b"},
        {"key": "ä"},
        {"key": "x" * 256},
        {"key": ".."},
        {"key": "groups"},
        {"key": "audit"},
        {"key": "a.b\n"},
        {"key": None},
        {"type": "text"},
        {"type": None},
        {"value": 5},
        {"value": "\0"},
        {"value": "x" * (MAX_CHARACTERS + 1)},
        {"type": "integer", "value": "x"},
        {"encrypted": "yes"},
        {"encrypted": 1},
        {"encrypted": True, "value": "********"},
        {"group_id": "none"},
        {"group_id": "a b"},
        {"description": 5},
        {"description": "x" * 2001},
        {"unknown": 1},
    ],
)
def test_what_cannot_be_made(shared: Flask, fields: dict[str, Any]) -> None:
    details = assert_error(
        shared.test_client().post(BASE, json={**OWN, **fields}), 400, "validation_error"
    )
    assert set(details) & set(fields)


@pytest.mark.parametrize("missing", ["key", "value", "type"])
def test_what_a_new_setting_needs(shared: Flask, missing: str) -> None:
    body = {name: value for name, value in OWN.items() if name != missing}
    details = assert_error(shared.test_client().post(BASE, json=body), 400, "validation_error")
    assert set(details) == {missing}


def test_bodies_may_be_long_and_not_endless(shared: Flask) -> None:
    client = shared.test_client()
    widest = "\U0001f600" * MAX_CHARACTERS
    body = json.dumps({**OWN, "value": widest})  # 12 bytes for each character
    made = client.post(BASE, data=body, content_type="application/json")
    assert data(made, 201)["value"] == widest
    assert client.delete(f"{BASE}/my.own").status_code == 200
    assert_error(client.post(BASE, json={**OWN, "value": "x" * 2**20}), 413, "body_too_large")
    assert_error(client.post(f"{BASE}/search", json={"pattern": "x" * 5000}), 413)


def test_a_declared_setting(admin: FlaskClient) -> None:
    url = f"{BASE}/smtp.port"
    assert data(admin.put(url, json={"value": "25"}))["typed_value"] == 25
    assert data(admin.put(url, json={"value": 26}))["typed_value"] == 26
    for bad in ("x", "", 0, 65536, 1.5, True, [], {}):
        details = assert_error(admin.put(url, json={"value": bad}), 400, "validation_error")
        assert set(details) == {"value"}
    for bad in ({}, {"type": "string"}, {"key": "x"}, {"value": 1, "x": 1}, {"group_id": "none"}):
        assert_error(admin.put(url, json=bad), 400, "validation_error")
    assert found(admin, "smtp.port")["typed_value"] == 26

    assert data(admin.put(f"{BASE}/global.enable_login", json={"value": "false"}))["value"] == (
        "false"
    )
    assert assert_error(admin.delete(url), 409, "setting_declared") == {"key": "smtp.port"}
    assert data(admin.post(f"{url}/reset"))["typed_value"] == 587
    data(admin.put(url, json={"value": 1}))
    assert data(admin.put(url, json={"value": None}))["typed_value"] == 587


def test_a_change_that_is_none_leaves_no_trace(admin: FlaskClient) -> None:
    before = found(admin, "smtp.port")
    number = len(data(admin.get(f"{BASE}/audit")))

    assert data(admin.put(f"{BASE}/smtp.port", json={"value": "587"})) == before
    assert data(admin.post(f"{BASE}/smtp.port/reset")) == before
    assert len(data(admin.get(f"{BASE}/audit"))) == number


def test_unknown_keys_suggest_the_nearest(admin: FlaskClient) -> None:
    for key, near in (("smtp.prot", "smtp.port"), ("SMTP.port", "smtp.port"), ("zzzzz", None)):
        details = assert_error(admin.get(f"{BASE}/{key}"), 404, "setting_unknown")
        assert details.get("nearest") == near
    for odd in ("%00", "a%20b", "%F0%9F%98%80", "x" * 300, "..%2f", "a%0A"):
        assert_error(admin.get(f"{BASE}/{odd}"), 404)
        assert_error(admin.get(f"{BASE}/groups/{odd}"), 404)
        assert admin.get(f"{BASE}/group/{odd}").status_code in {200, 404}


def test_words_of_the_address_are_no_keys(shared: Flask) -> None:
    client = shared.test_client()
    for word in ("groups", "categories", "health", "audit", "search", "bulk"):
        for method in ("GET", "PUT", "POST", "DELETE"):
            answer = client.open(f"{BASE}/{word}", method=method, json={"value": "1"})
            assert answer.status_code in {200, 400, 405}
    assert_error(client.get(f"{BASE}/group"), 404, "not_found")


@pytest.mark.parametrize(
    ("pattern", "keys"),
    [
        ("smtp.p", ["smtp.password", "smtp.port"]),
        ("SMTP.P", ["smtp.password", "smtp.port"]),
        ("smtp*t", ["smtp.host", "smtp.port"]),
        ("%enable%", None),
        ("_", None),
        (".from_", ["smtp.from_email", "smtp.from_name"]),
        ("nothing", []),
        ("*" * 200, None),
    ],
)
def test_search(shared: Flask, pattern: str, keys: list[str] | None) -> None:
    shown = data(shared.test_client().post(f"{BASE}/search", json={"pattern": pattern}))

    assert all(set(entry) == FIELDS for entry in shown)
    if keys is None:
        assert shown
    else:
        assert [entry["key"] for entry in shown if "smtp" in entry["key"]][: len(keys)] == keys


def test_a_search_needs_a_pattern(shared: Flask) -> None:
    for body in ({}, {"pattern": ""}, {"pattern": 5}, {"pattern": "x" * 256}):
        answer = shared.test_client().post(f"{BASE}/search", json=body)
        assert_error(answer, 400, "validation_error")


def test_health(admin: FlaskClient) -> None:
    shown = data(admin.get(f"{BASE}/health"))

    assert shown["encryption_working"] is True
    assert shown["encryption"]["key"] == shown["encryption"]["sealed_with"]
    assert shown["missing_required"] == ["smtp.from_email", "smtp.host"]
    assert shown["counts"] == {
        "settings": 12,
        "groups": 2,
        "secrets": 1,
        "declared": 12,
        "undeclared": 0,
    }
    assert (shown["created"], shown["skipped"], shown["clashes"]) == (12, 0, [])
    [entry] = shown["initialisation"]
    assert entry["owner"] == "core"
    assert sorted(entry["missing"]) == ["smtp.from_email", "smtp.host"]

    data(admin.put(f"{BASE}/smtp.host", json={"value": "mail.example"}))
    data(admin.post(BASE, json={**OWN, "encrypted": True}), 201)
    shown = data(admin.get(f"{BASE}/health"))
    assert shown["missing_required"] == ["smtp.from_email"]
    assert (shown["counts"]["undeclared"], shown["counts"]["secrets"]) == (1, 2)
