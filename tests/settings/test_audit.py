"""Who has changed what: every change, by whichever way, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from deploystack.models import record
from deploystack.settings import settings
from tests.support.answers import assert_error
from tests.support.applications import command
from tests.support.opened import MAY

BASE = "/api/settings"


def entries(client: FlaskClient, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"{BASE}/audit{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.get_json()["data"]
    return found


def test_every_change_is_written_down(opened: Flask, admin: FlaskClient) -> None:
    own = {"key": "my.own", "value": "1", "type": "string"}
    headers = {"X-Forwarded-For": "10.0.0.1"}  # no proxy is trusted
    assert admin.post(BASE, json=own, headers=headers).status_code == 201
    assert admin.put(f"{BASE}/my.own", json={"value": "2"}).status_code == 200
    assert admin.put(f"{BASE}/smtp.port", json={"value": 25}).status_code == 200
    assert admin.post(f"{BASE}/smtp.port/reset").status_code == 200
    assert admin.post(f"{BASE}/bulk", json={"settings": [{**own, "value": "3"}]}).status_code == 200
    assert admin.delete(f"{BASE}/my.own").status_code == 200
    assert admin.post(f"{BASE}/groups", json={"id": "g", "name": "G"}).status_code == 201
    assert admin.put(f"{BASE}/groups/g", json={"name": "H"}).status_code == 200
    assert command(opened, "settings", "set", "smtp.port", "26").exit_code == 0
    with opened.app_context():
        settings.set("smtp.port", 27)

    found = entries(admin)
    assert [(e["action"].removeprefix("settings."), e["key"]) for e in found] == [
        ("update", "smtp.port"),
        ("update", "smtp.port"),
        ("group_update", "g"),
        ("group_create", "g"),
        ("delete", "my.own"),
        ("update", "my.own"),
        ("reset", "smtp.port"),
        ("update", "smtp.port"),
        ("update", "my.own"),
        ("create", "my.own"),
        ("initialise", "core"),
    ]
    assert set(found[0]) == {
        "id",
        "at",
        "actor",
        "actor_id",
        "address",
        "action",
        "key",
        "details",
    }
    by_code, by_command, by_request = found[0], found[1], found[2]
    assert (by_code["actor"], by_code["address"]) == ("code", None)
    assert by_command["actor"].startswith("command line (")
    assert (by_request["actor"], by_request["actor_id"], by_request["address"]) == (
        "root",
        "1",
        "127.0.0.1",
    )
    assert found[4]["details"] == {"before": "3"}
    assert found[8]["details"] == {"changed": ["value"], "before": "1", "after": "2"}
    assert found[9]["details"] == {"type": "string", "encrypted": False, "after": "1"}
    assert all(entry["address"] in {"127.0.0.1", None} for entry in found)


def test_what_is_refused_is_no_change(admin: FlaskClient) -> None:
    number = len(entries(admin))
    for answer in (
        admin.put(f"{BASE}/smtp.port", json={"value": "x"}),
        admin.put(f"{BASE}/none", json={"value": "x"}),
        admin.delete(f"{BASE}/smtp.port"),
        admin.put(f"{BASE}/smtp.port", json={"value": 1}, headers={"If-Match": '"x"'}),
        admin.put(f"{BASE}/smtp.port", json={"value": 1}, headers={MAY: "settings.view"}),
    ):
        assert answer.status_code >= 400
    assert len(entries(admin)) == number


def test_pages(opened: Flask, admin: FlaskClient) -> None:
    for port in range(1, 8):
        assert admin.put(f"{BASE}/smtp.port", json={"value": port}).status_code == 200
    everything = entries(admin)
    assert len(everything) == 8

    collected = []
    query = "?limit=3"
    while True:
        answer = admin.get(f"{BASE}/audit{query}").get_json()
        collected += answer["data"]
        if answer["next"] is None:
            break
        query = f"?limit=3&before={answer['next']}"
    assert collected == everything
    assert len(entries(admin, "?key=smtp.port")) == 7
    assert entries(admin, "?key=none") == []
    assert entries(admin, "?before=0") == []
    for bad in ("limit=0", "limit=201", "limit=x", "before=-1", "before=x", "key=a%20b", "key="):
        assert_error(admin.get(f"{BASE}/audit?{bad}"), 400, "validation_error")


def test_what_others_write_is_not_shown(opened: Flask, admin: FlaskClient) -> None:
    from deploystack.database import db

    with opened.app_context():
        record(db.session(), "user.created", "smtp.port", {}, (None, "x"))
        record(db.session(), "settingsX", "smtp.port", {}, (None, "x"))
        db.session.commit()
    assert [entry["action"] for entry in entries(admin)] == ["settings.initialise"]


@pytest.mark.parametrize("length", [1000, 1001])
def test_long_values_are_shortened(admin: FlaskClient, length: int) -> None:
    assert admin.put(f"{BASE}/smtp.host", json={"value": "x" * length}).status_code == 200
    after = entries(admin)[0]["details"]["after"]
    assert after == "x" * 1000 + ("…" if length > 1000 else "")


def test_a_group_that_is_called_like_a_new_secret_keeps_its_entries(admin: FlaskClient) -> None:
    own = {"key": "my.own", "value": "was clear", "type": "string"}
    assert admin.post(f"{BASE}/groups", json={"id": "my.own", "name": "G"}).status_code == 201
    assert admin.put(f"{BASE}/groups/my.own", json={"name": "H"}).status_code == 200
    assert admin.post(BASE, json=own).status_code == 201
    assert admin.put(f"{BASE}/my.own", json={"encrypted": True}).status_code == 200

    told = {
        entry["action"].removeprefix("settings."): entry["details"]
        for entry in entries(admin, "?key=my.own")
    }
    assert told["group_create"] == {"after": {"name": "G"}}
    assert told["group_update"] == {"before": {"name": "G"}, "after": {"name": "H"}}
    assert told["create"] == {"type": "string", "encrypted": False}
    assert "was clear" not in str(told)
