"""The progress of a setup, as somebody sees it who watches: from any worker, and after a crash."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from deploystack.database import get_database
from deploystack.database.claim import claim
from deploystack.database.progress import FILE, watched
from deploystack.database.setup import set_up
from deploystack.database.target import SqliteTarget
from tests.conftest import MakeApp, Serve
from tests.support.answers import SETUP, SQLITE, assert_error
from tests.support.crashes import OWN_REVISIONS, set_up_in_a_process

PROGRESS = "/api/db/setup/progress"
IDLE = {"success": True, "state": "idle", "dialect": None, "started_at": None, "steps": []}


def steps(told: dict[str, object]) -> list[tuple[object, ...]]:
    found = told["steps"]
    assert isinstance(found, list)
    return [(step["step"], step["name"], step["state"]) for step in found]


def test_nothing_is_running(client: FlaskClient) -> None:
    assert client.get(PROGRESS).json == IDLE


def test_each_step_is_seen_by_another_worker(app: Flask, make_app: MakeApp) -> None:
    watcher = make_app().test_client()
    seen = []

    def look(step: str) -> None:
        if step in {"checked", "bound"}:
            return
        told = watcher.get(PROGRESS).json
        assert (told["state"], told["dialect"]) == ("running", "sqlite") or step == "published"
        seen.append((step, [s for s in steps(told) if s[2] == "running"]))

    database = get_database(app)
    with app.app_context():
        assert set_up(database, SqliteTarget(database.config.sqlite_file), look)

    first, second = OWN_REVISIONS
    assert seen[:5] == [
        ("claimed", [("revision", first, "running")]),
        (f"migrated {first}", [("revision", second, "running")]),
        (f"migrated {second}", [("settings", None, "running")]),
        ("seeding", [("settings", None, "running")]),
        ("drafted", [("ready", None, "running")]),
    ]
    assert watcher.get(PROGRESS).json == IDLE
    assert not (database.config.data_dir / FILE).exists()


def test_revisions_say_what_they_do(app: Flask, client: FlaskClient) -> None:
    labels = []

    def look(step: str) -> None:
        if step == "claimed":
            told = client.get(PROGRESS).json["steps"]
            labels.extend(s["label"] for s in told if s["step"] == "revision")

    database = get_database(app)
    with app.app_context():
        set_up(database, SqliteTarget(database.config.sqlite_file), look)

    assert labels == ["base schema", "accounts and settings"]


def test_a_setup_that_died_is_told_as_interrupted_until_the_next(
    client: FlaskClient, data_dir: Path
) -> None:
    set_up_in_a_process(SQLITE, data_dir, killed_after="seeding")

    for _ in range(2):
        told = client.get(PROGRESS).json
        assert told["state"] == "interrupted"
        assert {state for *_, state in steps(told)} == {"done", "waiting"}
    assert client.post(SETUP, json=SQLITE).status_code == 200
    assert client.get(PROGRESS).json == IDLE


def test_all_who_look_at_the_same_moment_are_told_that_it_died(app: Flask, data_dir: Path) -> None:
    """Each takes the claim for a moment, to see that nobody has it."""
    set_up_in_a_process(SQLITE, data_dir, killed_after="seeding")
    config, left = get_database(app).config, (data_dir / FILE).read_text()
    together = threading.Barrier(4)

    def look(_: int) -> object:
        together.wait(10)
        return watched(config)["state"]

    with ThreadPoolExecutor(4) as pool:
        for _ in range(25):
            (data_dir / FILE).write_text(left)
            assert set(pool.map(look, range(4))) == {"interrupted"}


def test_a_setup_that_is_held_up_is_no_interrupted_one(
    app: Flask, client: FlaskClient, data_dir: Path
) -> None:
    set_up_in_a_process(SQLITE, data_dir, killed_after="seeding")
    with claim(get_database(app).config):
        assert client.get(PROGRESS).json["state"] == "running"


def test_a_setup_that_fails_leaves_nothing_to_watch(client: FlaskClient, data_dir: Path) -> None:
    (data_dir / "db.selection.json.new").mkdir()
    (data_dir / "database").write_text("in the way")

    assert client.post(SETUP, json=SQLITE).status_code in {422, 500}
    assert client.get(PROGRESS).json == IDLE


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "\0", json.dumps({"steps": 1})])
def test_what_is_no_progress_is_none(client: FlaskClient, data_dir: Path, content: str) -> None:
    (data_dir / FILE).write_text(content)

    assert client.get(PROGRESS).json == IDLE


def test_that_it_cannot_be_written_fails_no_setup(client: FlaskClient, data_dir: Path) -> None:
    (data_dir / f".{FILE}").mkdir()

    assert client.post(SETUP, json=SQLITE).status_code == 200


def test_who_may_not_set_up_may_not_watch(client: FlaskClient, data_dir: Path) -> None:
    away = {"X-Forwarded-For": "192.0.2.1"}
    assert_error(client.get(PROGRESS, headers=away), 401, "setup_token_required")

    client.get("/api/db/status", headers=away)
    token = (data_dir / "setup.token").read_text().strip()
    assert client.get(PROGRESS, headers={**away, "X-Setup-Token": token}).status_code == 200


def test_it_is_the_same_from_every_worker(serve: Serve, data_dir: Path) -> None:
    server = serve(WEB_CONCURRENCY="2")
    set_up_in_a_process(SQLITE, data_dir, killed_after="seeding")

    assert {server.get(PROGRESS).json["state"] for _ in range(8)} == {"interrupted"}
