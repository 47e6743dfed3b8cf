"""Another key: killed at each step while others read and write; and a key that is the wrong one."""

from __future__ import annotations

import logging
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from deploystack.database import get_database
from deploystack.settings import get_settings, settings
from deploystack.settings.encryption import Key
from tests.conftest import MakeApp
from tests.support.answers import assert_error
from tests.support.applications import command, set_up, settled
from tests.support.direct import Direct
from tests.support.opened import open_to_all
from tests.support.rotating import rotate_in_a_process

BASE = "/api/settings"
SECRETS = {"smtp.password": "hush", "my.one": "first", "my.two": "é\n"}
OLD, NEW = "the-old-secret-of-the-operator", "the-new-secret-of-the-operator"
SECRET, FORMER = "DEPLOYSTACK_ENCRYPTION_SECRET", "DEPLOYSTACK_ENCRYPTION_SECRET_OLD"
STEPS = [("drawn",), ("sealed", "1"), ("sealed", "2"), ("sealed", "3"), ("committed",)]


def write_secrets(client: FlaskClient) -> None:
    for key, value in SECRETS.items():
        if key.startswith("my."):
            body = {"key": key, "value": value, "type": "string", "encrypted": True}
            assert client.post(BASE, json=body).status_code == 201
        else:
            assert client.put(f"{BASE}/{key}", json={"value": value}).status_code == 200


def read_by_code(app: Flask) -> dict[str, Any]:
    get_settings(app).forget()
    with app.app_context():
        return {key: settings.get(key) for key in SECRETS}


def read_by_request(app: Flask) -> dict[str, Any]:
    client = app.test_client()
    answers = {key: client.get(f"{BASE}/{key}?reveal=true") for key in SECRETS}
    return {key: answer.get_json()["data"]["typed_value"] for key, answer in answers.items()}


def sealed(direct: Direct) -> list[Any]:
    return direct.rows("SELECT key, value FROM global_settings WHERE is_encrypted ORDER BY key")


def fingerprint(direct: Direct) -> str:
    [found] = direct.rows("SELECT key_fingerprint FROM global_settings_state")
    return str(found)


def assert_works(app: Flask) -> None:
    """Assert that all is read as it was, and that secrets can be written."""
    assert read_by_code(app) == SECRETS
    assert read_by_request(app) == SECRETS
    client = app.test_client()
    assert client.get("/readyz").get_json() == {"status": "ready"}
    assert client.get(f"{BASE}/health").get_json()["data"]["encryption_working"] is True
    answer = client.put(f"{BASE}/my.one", json={"value": SECRETS["my.one"]})
    assert answer.status_code == 200, answer.text


def test_a_generated_key_killed_at_each_step(
    opened: Flask, admin: FlaskClient, body: dict[str, str], data_dir: Path, make_app: MakeApp
) -> None:
    """The server runs on all the while, and each new one finds everything, too."""
    write_secrets(admin)
    direct = Direct(body, data_dir)
    first = fingerprint(direct)
    for step in STEPS:
        ended = rotate_in_a_process(data_dir, *step)
        assert ended.returncode == -9, ended.stdout + ended.stderr
        assert (fingerprint(direct) == first) == (step != ("committed",))
        assert (data_dir / "encryption.key.next").exists()
        assert_works(opened)

    second = fingerprint(direct)
    fresh = make_app()
    open_to_all(fresh)
    assert settled(fresh).phase == "ready"
    assert_works(fresh)

    ended = rotate_in_a_process(data_dir)
    assert "completed=True" in ended.stdout, ended.stderr
    assert fingerprint(direct) == second
    assert not (data_dir / "encryption.key.next").exists()
    assert Key((data_dir / "encryption.key").read_text().strip()).fingerprint == second
    assert (data_dir / "encryption.key").stat().st_mode & 0o777 == 0o600
    for app in (opened, fresh):
        assert_works(app)

    ended = rotate_in_a_process(data_dir, "renamed")
    assert ended.returncode == -9
    assert fingerprint(direct) not in {first, second}
    assert_works(opened)
    assert [path.name for path in data_dir.glob("*encryption*")] == ["encryption.key"]


def test_an_operators_key_killed_at_each_step(
    make_app: MakeApp, body: dict[str, str], data_dir: Path
) -> None:
    """The running server was given both keys before."""
    app = make_app(**{SECRET: OLD})
    open_to_all(app)
    set_up(app, body)
    write_secrets(app.test_client())
    get_database(app).close()
    both = make_app(**{SECRET: NEW, FORMER: OLD})
    open_to_all(both)
    assert settled(both).phase == "ready"
    direct = Direct(body, data_dir)
    for step in (("sealed", "1"), ("sealed", "3"), ("committed",)):
        assert fingerprint(direct) == Key(OLD).fingerprint
        before = sealed(direct)
        ended = rotate_in_a_process(data_dir, *step, **{SECRET: NEW, FORMER: OLD})
        assert ended.returncode == -9, ended.stdout + ended.stderr
        if step != ("committed",):
            assert sealed(direct) == before
        assert_works(both)
    assert fingerprint(direct) == Key(NEW).fingerprint

    ended = rotate_in_a_process(data_dir, **{SECRET: NEW, FORMER: OLD})
    assert "needless=True" in ended.stdout
    get_database(both).close()
    new = make_app(**{SECRET: NEW})
    open_to_all(new)
    assert settled(new).phase == "ready"
    assert_works(new)


def test_everything_is_sealed_anew_and_nothing_else_is_changed(
    opened: Flask, admin: FlaskClient, body: dict[str, str], data_dir: Path
) -> None:
    write_secrets(admin)
    direct = Direct(body, data_dir)
    others = "SELECT key, description, updated_at FROM global_settings ORDER BY key"
    before, texts = direct.rows(others), dict(sealed(direct))

    result = command(opened, "settings", "rotate-key")
    assert result.exit_code == 0, result.output
    assert "Sealed with the new key: 3." in result.output
    assert direct.rows(others) == before
    assert all(texts[key] != text for key, text in sealed(direct))
    assert_works(opened)
    entry = next(
        e
        for e in admin.get(f"{BASE}/audit").get_json()["data"]
        if e["action"] == "settings.rotate_key"
    )
    assert entry["details"] == {"sealed": 3, "cleared": []}


def test_from_the_generated_key_to_the_operators(
    make_app: MakeApp, opened: Flask, admin: FlaskClient, body: dict[str, str], data_dir: Path
) -> None:
    write_secrets(admin)
    app = make_app(**{SECRET: NEW})
    open_to_all(app)
    assert settled(app).phase == "ready"
    assert_works(app)  # the one in the data folder still opens, and seals
    assert command(app, "settings", "rotate-key").exit_code == 0
    (data_dir / "encryption.key").unlink()
    assert_works(app)
    assert fingerprint(Direct(body, data_dir)) == Key(NEW).fingerprint


def test_while_others_read_and_write(opened: Flask, admin: FlaskClient) -> None:
    write_secrets(admin)
    wrong: list[object] = []
    done = threading.Event()

    def work() -> None:
        client = opened.test_client()
        while not done.is_set():
            with opened.app_context():
                found = settings.get("smtp.password")
            answer = client.put(f"{BASE}/my.one", json={"value": "first"})
            if found != "hush" or answer.status_code != 200:
                wrong.append((found, answer.text))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            result = command(opened, "settings", "rotate-key")
            assert result.exit_code == 0, result.output
    finally:
        done.set()
        for thread in threads:
            thread.join(20)
    assert wrong == []
    assert_works(opened)


@pytest.fixture
def wrong(make_app: MakeApp, body: dict[str, str]) -> Flask:
    """An application whose database is sealed with a key that it has not."""
    app = make_app(**{SECRET: OLD})
    open_to_all(app)
    set_up(app, body)
    write_secrets(app.test_client())
    get_database(app).close()
    app = make_app(**{SECRET: NEW})
    open_to_all(app)
    return app


def test_the_wrong_key_is_told_everywhere(
    wrong: Flask, body: dict[str, str], data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert settled(wrong).phase == "ready"
    client = wrong.test_client()

    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.get_json()["status"] == "ready"
    [warning] = ready.get_json()["warnings"]
    assert warning["code"] == "encryption_key_wrong"
    assert "another key" in warning["error"]
    health = client.get(f"{BASE}/health").get_json()["data"]
    assert health["encryption_working"] is False
    assert health["encryption"]["problem"] == warning["error"]
    assert health["encryption"]["unreadable"] == sorted(SECRETS)
    assert health["encryption"]["sealed_with"] == Key(OLD).fingerprint
    told = [r for r in caplog.records if "encryption_key_wrong" in r.getMessage()]
    assert [record.levelno for record in told] == [logging.ERROR]
    result = command(wrong, "settings", "check")
    assert result.exit_code == 1
    assert "another key" in result.output


def test_with_the_wrong_key_nothing_is_lost(
    wrong: Flask, make_app: MakeApp, body: dict[str, str], data_dir: Path
) -> None:
    client = wrong.test_client()
    direct = Direct(body, data_dir)
    assert settled(wrong).phase == "ready"
    before = sealed(direct)
    secret = {"key": "my.new", "value": "x", "type": "string", "encrypted": True}
    for answer in (
        client.put(f"{BASE}/smtp.password", json={"value": "new"}),
        client.put(f"{BASE}/smtp.password", json={"value": None}),
        client.put(f"{BASE}/smtp.password", json={"value": ""}),
        client.put(f"{BASE}/smtp.password", json={"value": "new", "encrypted": False}),
        client.put(f"{BASE}/smtp.password", json={"encrypted": False}),
        client.put(f"{BASE}/smtp.from_name", json={"encrypted": True}),
        client.post(f"{BASE}/smtp.password/reset"),
        client.post(BASE, json=secret),
        client.post(f"{BASE}/bulk", json={"settings": [secret]}),
        client.get(f"{BASE}/smtp.password?reveal=true"),
    ):
        assert_error(answer, 409, "encryption_key_wrong")
    for arguments in (
        ("set", "smtp.password", "new"),
        ("unset", "smtp.password"),
        ("rotate-key",),
        ("get", "smtp.password", "--reveal"),
    ):
        result = command(wrong, "settings", *arguments)
        assert (result.exit_code, "[encryption_key_wrong]" in result.output) == (1, True)
    with wrong.app_context(), pytest.raises(Exception, match="another key") as caught:
        settings.get("smtp.password")
    assert (caught.value.status, caught.value.code) == (503, "encryption_key_wrong")

    # What is no secret works as ever, and so does what leaves secrets alone.
    assert client.put(f"{BASE}/smtp.port", json={"value": 25}).status_code == 200
    assert client.put(f"{BASE}/my.two", json={"description": "x"}).status_code == 200
    assert client.get(f"{BASE}/smtp.password").get_json()["data"]["is_set"] is True
    with wrong.app_context():
        assert settings.is_set("smtp.password")
        assert settings.get("smtp.port") == 25
    assert sealed(direct) == before

    get_database(wrong).close()
    right = make_app(**{SECRET: OLD})
    open_to_all(right)
    assert settled(right).phase == "ready"
    assert_works(right)


def test_a_key_that_is_put_back_is_noticed(
    opened: Flask, admin: FlaskClient, data_dir: Path, tmp_path: Path, make_app: MakeApp
) -> None:
    write_secrets(admin)
    get_database(opened).close()
    shutil.move(data_dir / "encryption.key", tmp_path / "kept")
    app = make_app()
    open_to_all(app)
    assert settled(app).phase == "ready"
    assert "warnings" in app.test_client().get("/readyz").get_json()
    shutil.move(tmp_path / "kept", data_dir / "encryption.key")
    assert_works(app)


def test_a_database_restored_under_another_key(
    make_app: MakeApp, data_dir: Path, tmp_path: Path
) -> None:
    """The file of another installation takes the place of the one in use."""
    apps = {}
    for name in ("here", "there"):
        app = apps[name] = make_app(DEPLOYSTACK_DATA_DIR=tmp_path / name)
        open_to_all(app)
        set_up(app, {"type": "sqlite"})
        write_secrets(app.test_client())
    file = Path("database") / "deploystack.db"
    shutil.copy(tmp_path / "there" / file, tmp_path / "restored")
    (tmp_path / "restored").chmod(0o600)
    (tmp_path / "restored").rename(tmp_path / "here" / file)

    client = apps["here"].test_client()
    assert settled(apps["here"]).phase == "ready"
    assert "warnings" in client.get("/readyz").get_json()
    assert_error(client.put(f"{BASE}/my.one", json={"value": "x"}), 409, "encryption_key_wrong")
    shutil.copy(tmp_path / "there" / "encryption.key", tmp_path / "here" / "encryption.key")
    assert_works(apps["here"])


def test_what_no_key_opens_may_be_given_up(wrong: Flask, body: dict[str, str]) -> None:
    assert settled(wrong).phase == "ready"
    result = command(wrong, "settings", "rotate-key", "--discard-unreadable")
    assert result.exit_code == 0, result.output
    assert "Lost, and empty now: my.one, my.two, smtp.password." in result.output
    client = wrong.test_client()
    assert client.get("/readyz").get_json() == {"status": "ready"}
    assert client.get(f"{BASE}/my.one").get_json()["data"]["is_set"] is False
    assert client.put(f"{BASE}/my.one", json={"value": "anew"}).status_code == 200


def test_two_rotations_at_once(opened: Flask, admin: FlaskClient, data_dir: Path) -> None:
    write_secrets(admin)
    results: list[Any] = []
    threads = [
        threading.Thread(target=lambda: results.append(rotate_in_a_process(data_dir)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [result.returncode for result in results] == [0, 0], results
    assert_works(opened)
    assert not (data_dir / "encryption.key.next").exists()
