"""Several administrators at once, and several workers of a real server."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from deploystack.errors import ApiError
from deploystack.settings import get_settings
from deploystack.settings.audit import Actor
from tests.conftest import MakeApp, Serve
from tests.support.answers import assert_error
from tests.support.applications import settled
from tests.support.ask import every_worker
from tests.support.canary import PASSWORD, leaks
from tests.support.commands import Commands
from tests.support.opened import SERVER, open_to_all
from tests.support.server import Answer, Server
from tests.support.workers import serving

BASE = "/api/settings"
WRITERS = 8
PATIENCE = 20
"""Seconds after which something is wrong, however loaded the machine is."""


def etag_of(client: FlaskClient, path: str) -> str:
    etag = client.get(f"{BASE}{path}").headers["ETag"]
    assert etag == f'"{etag.strip(chr(34))}"'
    return etag


def test_what_was_changed_since_it_was_read_is_not_changed_again(admin: FlaskClient) -> None:
    url = f"{BASE}/smtp.port"
    etag = etag_of(admin, "/smtp.port")
    first = admin.put(url, json={"value": 25}, headers={"If-Match": etag})
    assert first.status_code == 200
    assert first.headers["ETag"] == etag_of(admin, "/smtp.port") != etag

    second = admin.put(url, json={"value": 26}, headers={"If-Match": etag})
    assert assert_error(second, 412, "setting_changed") == {"etag": first.headers["ETag"]}
    assert second.headers["ETag"] == first.headers["ETag"]
    assert admin.get(url).get_json()["data"]["typed_value"] == 25
    now = first.headers["ETag"]
    for header in (now, f"W/{now}", f'"x", {now}', "*"):
        answer = admin.put(url, json={"value": 25}, headers={"If-Match": header})
        assert answer.status_code == 200, header
    for header in ("", "x", '"x"', etag):
        answer = admin.put(url, json={"value": 27}, headers={"If-Match": header})
        assert_error(answer, 412, "setting_changed")
    answer = admin.post(f"{url}/reset", headers={"If-Match": etag})
    assert_error(answer, 412, "setting_changed")


def test_the_same_for_what_is_deleted_and_for_groups(admin: FlaskClient) -> None:
    body = {"key": "my.own", "value": "1", "type": "string", "group_id": "smtp"}
    made = admin.post(BASE, json=body)
    assert made.headers["ETag"] == etag_of(admin, "/my.own")
    group = etag_of(admin, "/groups/smtp")
    assert admin.put(f"{BASE}/my.own", json={"value": "2"}).status_code == 200
    stale = {"If-Match": made.headers["ETag"]}
    assert_error(admin.delete(f"{BASE}/my.own", headers=stale), 412, "setting_changed")

    answer = admin.put(f"{BASE}/groups/smtp", json={"name": "x"}, headers={"If-Match": group})
    assert_error(answer, 412, "setting_changed")
    fresh = {"If-Match": etag_of(admin, "/groups/smtp")}
    answer = admin.put(f"{BASE}/groups/smtp", json={"name": "x"}, headers=fresh)
    assert answer.headers["ETag"] == etag_of(admin, "/groups/smtp")
    fresh = {"If-Match": etag_of(admin, "/my.own")}
    assert admin.delete(f"{BASE}/my.own", headers=fresh).status_code == 200


def test_the_same_for_a_whole_form(admin: FlaskClient) -> None:
    entries = {"settings": [{"key": "smtp.port", "value": 25}, {"key": "smtp.host", "value": "h"}]}
    etag = etag_of(admin, "")
    assert admin.put(f"{BASE}/global.send_mail", json={"value": True}).status_code == 200
    answer = admin.post(f"{BASE}/bulk", json=entries, headers={"If-Match": etag})
    assert_error(answer, 412, "setting_changed")
    answer = admin.post(f"{BASE}/bulk", json=entries, headers={"If-Match": etag_of(admin, "")})
    assert answer.status_code == 200


def test_a_secret_has_an_etag_that_tells_nothing(admin: FlaskClient) -> None:
    """The same secret again has another one."""
    etags = set()
    for _ in range(3):
        assert admin.put(f"{BASE}/smtp.password", json={"value": "hush"}).status_code == 200
        etags.add(etag_of(admin, "/smtp.password"))
    assert len(etags) == 3


def test_all_or_nothing(admin: FlaskClient) -> None:
    before = admin.get(BASE).get_json()
    entries: list[Any] = [
        {"key": "smtp.host", "value": "mail.example"},
        {"key": "smtp.port", "value": "many"},
        {"key": "my.new", "value": "1", "type": "integer"},
        {"key": "my.new", "value": "2", "type": "integer"},
        {"key": "my.other"},
        {"key": "bad key", "value": 1, "type": "number"},
        {"key": "smtp.secure", "value": True, "type": "string"},
        {"value": 1},
        "text",
        None,
        {"key": "my.more", "value": 1, "type": "number", "x": 1},
    ]
    answer = admin.post(f"{BASE}/bulk", json={"settings": entries})
    refused = assert_error(answer, 400, "validation_error")["settings"]
    assert [(entry["index"], entry["key"]) for entry in refused] == [
        (1, "smtp.port"),
        (3, "my.new"),
        (4, "my.other"),
        (5, "bad key"),
        (6, "smtp.secure"),
        (7, None),
        (8, None),
        (9, None),
        (10, "my.more"),
    ]
    assert refused[0]["errors"] == {"value": ["It must be a whole number of at most 100 digits."]}
    assert set(refused[2]["errors"]) == {"type", "value"}
    assert admin.get(BASE).get_json() == before
    assert len(admin.get(f"{BASE}/audit").get_json()["data"]) == 1

    for body in ({}, {"settings": []}, {"settings": {}}, {"settings": [entries[0]] * 1001}):
        assert_error(admin.post(f"{BASE}/bulk", json=body), 400, "validation_error")
    good = [entries[0], {"key": "smtp.port", "value": "25"}, entries[2]]
    saved = admin.post(f"{BASE}/bulk", json={"settings": good})
    assert [entry["typed_value"] for entry in saved.get_json()["data"]] == ["mail.example", 25, 1]


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(60) for future in [pool.submit(call) for call in calls]]


def test_of_many_writers_with_the_same_etag_one_wins(opened: Flask, admin: FlaskClient) -> None:
    for number in range(3):
        etag = etag_of(admin, "/smtp.from_name")

        def write(name: str, etag: str = etag) -> int:
            answer = opened.test_client().put(
                f"{BASE}/smtp.from_name", json={"value": name}, headers={"If-Match": etag}
            )
            return answer.status_code

        names = [f"{number}-{writer}" for writer in range(WRITERS)]
        told = at_once([lambda name=name: write(name) for name in names])
        assert sorted(told) == [200] + [412] * (WRITERS - 1)
        winner = names[told.index(200)]
        found = admin.get(f"{BASE}/smtp.from_name").get_json()["data"]["value"]
        assert found == winner


def test_no_increment_is_lost(opened: Flask, admin: FlaskClient) -> None:
    """Read, add one, write with If-Match, and again if somebody was faster."""
    body = {"key": "my.count", "value": 0, "type": "integer"}
    assert admin.post(BASE, json=body).status_code == 201

    def add(times: int) -> None:
        client = opened.test_client()
        while times:
            read = client.get(f"{BASE}/my.count")
            answer = client.put(
                f"{BASE}/my.count",
                json={"value": read.get_json()["data"]["typed_value"] + 1},
                headers={"If-Match": read.headers["ETag"]},
            )
            assert answer.status_code in {200, 412}, answer.text
            times -= answer.status_code == 200

    at_once([lambda: add(5)] * 6)
    assert admin.get(f"{BASE}/my.count").get_json()["data"]["typed_value"] == 30


def test_many_who_make_the_same_setting(opened: Flask, admin: FlaskClient) -> None:
    body = {"key": "my.own", "value": "1", "type": "string"}
    group = {"id": "mine", "name": "Mine"}

    def make() -> tuple[int, int]:
        client = opened.test_client()
        return (
            client.post(BASE, json=body).status_code,
            client.post(f"{BASE}/groups", json=group).status_code,
        )

    told = at_once([make] * WRITERS)
    for which in (0, 1):
        statuses = sorted(each[which] for each in told)
        assert statuses == [201] + [409] * (WRITERS - 1)


def test_what_a_plugin_inserts_by_itself_meanwhile_is_a_conflict(opened: Flask) -> None:
    settings = get_settings(opened)
    again = sa.text(
        "INSERT INTO global_settings (key, type, description, created_at, updated_at) "
        "SELECT key, type, description, created_at, updated_at FROM global_settings "
        "WHERE key = 'my.own'"
    )

    def make() -> None:
        with settings.changing(Actor("test")) as store:
            store.create("my.own", "1")
            store.session.execute(again)

    with opened.app_context(), pytest.raises(ApiError) as caught:
        make()
    assert (caught.value.status, caught.value.code) == (409, "setting_conflict")
    answer = opened.test_client().get(f"{BASE}/my.own")
    assert answer.status_code == 404


def ready(serve: Serve, body: dict[str, str]) -> Server:
    server = serve(command=SERVER, WEB_CONCURRENCY="3")
    assert server.post("/api/db/setup", body).status == 200
    server.until(lambda: server.get("/readyz").status == 200)
    server.until(lambda: serving(server.workers(), 3))
    every_worker(server, "/read/smtp.port")
    return server


def put(server: Server, key: str, value: Any) -> Answer:
    body = json.dumps({"value": value}).encode()
    headers = {"Content-Type": "application/json"}
    return server.request("PUT", f"{BASE}/{key}", body, headers)


def test_every_worker_sees_a_change_within_a_second(serve: Serve, body: dict[str, str]) -> None:
    server = ready(serve, body)
    stale_for = []
    for port in (25, 26, 27):
        assert put(server, "smtp.port", port).status == 200
        changed, last_stale = monotonic(), 0.0
        waiting = {process.pid for process in server.workers()}
        while waiting:
            assert monotonic() - changed < PATIENCE, f"{waiting} have not answered, or read stale"
            asked = monotonic() - changed
            answer = server.get("/read/smtp.port").json
            if answer["value"] == port:
                waiting.discard(answer["pid"])
            else:
                last_stale = asked
        stale_for.append(last_stale)
    assert min(stale_for) < 1, f"{stale_for}: one time at least this machine was fast enough"
    assert put(server, "smtp.password", "hush").status == 200
    server.until(
        lambda: {a.json["value"] for a in every_worker(server, "/read/smtp.password")} == {"hush"},
        PATIENCE,
    )


def test_another_host_sees_a_change_within_a_second(
    make_app: MakeApp, serve: Serve, new_body: Callable[[str], dict[str, str]], tmp_path: Any
) -> None:
    """It has another data folder, the same PostgreSQL database, and the same secret."""
    body = new_body("postgres")
    secret = {"DEPLOYSTACK_ENCRYPTION_SECRET": "the-secret-of-the-operator"}
    here = make_app(**secret)
    open_to_all(here)
    assert here.test_client().post("/api/db/setup", json=body).status_code == 200
    there = make_app(
        DEPLOYSTACK_DATA_DIR=tmp_path / "there",
        DEPLOYSTACK_DATABASE_URL=body["connectionString"],
        **secret,
    )
    open_to_all(there)
    assert settled(there).phase == "ready"
    stale_for = []
    for one, other in ((here, there), (there, here)) * 2:
        with other.app_context():
            get_settings(other).get("smtp.password")
        value = f"hush {monotonic()}"
        answer = one.test_client().put(f"{BASE}/smtp.password", json={"value": value})
        assert answer.status_code == 200
        changed, last_stale = monotonic(), 0.0
        with other.app_context():
            while True:
                asked = monotonic() - changed
                if get_settings(other).get("smtp.password") == value:
                    break
                last_stale = asked
                assert asked < PATIENCE
                sleep(0.01)
        stale_for.append(last_stale)
    assert min(stale_for) < 1, stale_for


def test_the_key_is_changed_under_running_workers(
    serve: Serve, body: dict[str, str], data_dir: Path, tmp_path: Path
) -> None:
    server = ready(serve, body)
    assert put(server, "smtp.password", PASSWORD).status == 200
    commands = Commands(data_dir, tmp_path)
    for _ in range(2):
        commands.succeed("settings", "rotate-key")
        for answer in every_worker(server, "/read/smtp.password"):
            assert answer.json["value"] in {"", PASSWORD}  # for at most half a second the former
        assert server.get("/readyz").json == {"status": "ready"}
    server.until(
        lambda: (
            {a.json["value"] for a in every_worker(server, "/read/smtp.password")} == {PASSWORD}
        ),
        PATIENCE,
    )
    assert put(server, "smtp.password", f"{PASSWORD}2").status == 200
    revealed = commands.succeed("settings", "get", "smtp.password", "--reveal")
    assert revealed == f"{PASSWORD}2\n"
    assert not leaks(server.log.read_text())


def test_nobody_reads_what_a_former_database_said(
    serve: Serve, new_body: Callable[[str], dict[str, str]], data_dir: Path, tmp_path: Path
) -> None:
    """From the moment that another one is chosen, in whichever worker."""
    server = ready(serve, new_body("sqlite"))
    assert put(server, "smtp.port", 25).status == 200
    server.until(
        lambda: {a.json["value"] for a in every_worker(server, "/read/smtp.port")} == {25}, PATIENCE
    )
    Commands(data_dir, tmp_path).succeed("db", "reset", "--yes")
    after_reset = at_once([lambda: server.get("/read/smtp.port")] * 12)
    assert {answer.status for answer in after_reset} == {503}
    assert server.post("/api/db/setup", new_body("postgres")).status == 200
    told = [at_once([lambda: server.get("/read/smtp.port")] * 12) for _ in range(5)]
    answers = [answer for each in told for answer in each]
    assert {a.json["value"] for a in answers if a.status == 200} == {587}
    assert {a.status for a in answers} <= {200, 503}
