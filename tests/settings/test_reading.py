"""Reading settings in code: types, errors, the copy in memory and how it follows."""

from __future__ import annotations

import threading
import timeit
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from deploystack.database import db
from deploystack.database.binding import pinned
from deploystack.database.problems import DatabaseProblem
from deploystack.errors import ApiError
from deploystack.models import GlobalSetting
from deploystack.settings import SettingMissing, UnknownSetting, get_settings, service, settings
from tests.conftest import MakeApp
from tests.support.applications import set_up, settled
from tests.support.direct import Direct
from tests.support.postgres import PostgresServer
from tests.support.statements import counted

SMTP_PORT = sa.select(GlobalSetting.value).where(GlobalSetting.key == "smtp.port")

BASE = "/api/settings"


class Clock:
    """The time by which settings are read, which only goes on when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, app: Flask) -> None:
        self.now = monotonic()
        monkeypatch.setattr(service, "monotonic", lambda: self.now)
        get_settings(app).forget()
        with app.app_context():
            settings.get("smtp.port")  # asked for now

    def wait(self, seconds: float) -> None:
        self.now += seconds


def versions_asked(statements: list[str]) -> int:
    """Return how often it was asked whether anything has changed."""
    return sum("FROM global_settings_state" in statement for statement in statements)


def test_types(opened: Flask) -> None:
    with opened.app_context():
        assert settings.get("smtp.port") == 587
        assert settings.get("smtp.secure") is True
        assert settings.get("smtp.host") == ""
        assert settings.get_group("smtp") == {
            "smtp.from_email": "",
            "smtp.from_name": "DeployStack",
            "smtp.host": "",
            "smtp.password": "",
            "smtp.port": 587,
            "smtp.secure": True,
            "smtp.username": "",
        }
        assert settings.is_set("smtp.port")
        assert not settings.is_set("smtp.host")
        assert not settings.is_set("smtp.password")
        assert settings.require("smtp.port") == 587


def test_unknown_names_are_errors_that_suggest(opened: Flask) -> None:
    with opened.app_context():
        for read in (settings.get, settings.is_set, settings.require):
            with pytest.raises(UnknownSetting, match=r"'smtp\.prot'.*'smtp\.port'") as caught:
                read("smtp.prot")
            assert isinstance(caught.value, KeyError)
        with pytest.raises(UnknownSetting, match=r"'stmp'.*'smtp'"):
            settings.get_group("stmp")
        with pytest.raises(UnknownSetting) as caught:
            settings.get("nothing like it")
        assert "nearest" not in str(caught.value)


def test_what_is_needed_and_missing_names_the_remedy(opened: Flask) -> None:
    with opened.app_context(), pytest.raises(SettingMissing) as caught:
        settings.require("smtp.host")

    assert (caught.value.status, caught.value.code) == (409, "setting_missing")
    assert "'smtp.host'" in caught.value.sentence
    assert "flask settings set smtp.host" in caught.value.sentence


@pytest.mark.parametrize(
    ("key", "value"),
    [("smtp.port", 25), ("smtp.secure", False), ("smtp.password", "hush"), ("smtp.host", "é")],
)
def test_code_writes_too(opened: Flask, key: str, value: Any) -> None:
    with opened.app_context():
        settings.set(key, value)
        assert settings.get(key) == value
        settings.set(key, None)
        assert settings.get(key) == get_settings(opened).definitions.settings[key].default


def test_what_code_writes_is_checked(opened: Flask) -> None:
    with opened.app_context():
        for value in ("25", 0, True, 1.5):
            with pytest.raises(Exception, match="must be a"):
                settings.set("smtp.port", value)
        with pytest.raises(ApiError, match=r"smtp\.prot"):
            settings.set("smtp.prot", 1)
        assert settings.get("smtp.port") == 587


def test_what_an_administrator_adds_is_read(opened: Flask, admin: FlaskClient) -> None:
    body = {"key": "my.list", "value": '[1, {"a": []}]', "type": "list", "group_id": "smtp"}
    assert admin.post(BASE, json=body).status_code == 201

    with opened.app_context():
        assert settings.get("my.list") == [1, {"a": []}]
        settings.get("my.list")[1]["a"].append("spoiled")
        assert settings.get("my.list") == [1, {"a": []}]
        assert settings.get_group("smtp")["my.list"] == [1, {"a": []}]
    assert admin.delete(f"{BASE}/my.list").status_code == 200
    with opened.app_context(), pytest.raises(UnknownSetting):
        settings.get("my.list")


def test_ones_own_change_is_seen_at_once(opened: Flask, admin: FlaskClient) -> None:
    with opened.app_context():
        for port in range(1, 30):
            assert admin.put(f"{BASE}/smtp.port", json={"value": port}).status_code == 200
            assert settings.get("smtp.port") == port


def test_reading_costs_no_query_and_little_time(
    on_sqlite: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How little, `make bench` measures."""
    Clock(monkeypatch, on_sqlite)
    count = 2000
    with on_sqlite.app_context():
        settings.get("smtp.port")  # it is looked once in each request which database is in use
        with counted(on_sqlite) as told:
            for read in (settings.get, settings.is_set, settings.require):
                best = min(timeit.repeat(lambda r=read: r("smtp.port"), number=count, repeat=3))
                assert best / count < 1e-3, f"{best / count * 1e6:.2f} µs"
        assert told == []


def test_the_database_is_asked_once_in_a_while(
    opened: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much is read meanwhile."""
    clock = Clock(monkeypatch, opened)
    step = service.POLL_SECONDS / 10
    with counted(opened) as told:
        for _ in range(50):
            clock.wait(step)
            for _ in range(3):
                with opened.app_context():
                    settings.get("smtp.port")
    assert 4 <= versions_asked(told) <= 5
    assert all("FROM global_settings " not in statement for statement in told)


def test_a_change_behind_its_back_is_seen_within_a_second(
    make_app: MakeApp, opened: Flask, admin: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process on another host is another application with its own copy."""
    other = make_app()
    settled(other)
    clock = Clock(monkeypatch, other)
    assert admin.put(f"{BASE}/smtp.port", json={"value": 25}).status_code == 200
    with other.app_context():
        clock.wait(service.POLL_SECONDS * 0.9)
        assert settings.get("smtp.port") == 587, "the database is not asked yet"
        clock.wait(service.POLL_SECONDS * 0.2)
        assert settings.get("smtp.port") == 25
    assert service.POLL_SECONDS * 1.1 < 1


def test_without_a_database(app: Flask) -> None:
    with app.app_context(), pytest.raises(ApiError) as caught:
        settings.get("smtp.port")
    assert (caught.value.status, caught.value.code) == (503, "not_configured")


def test_another_database_has_other_settings(
    opened: Flask, admin: FlaskClient, data_dir: Path, tmp_path: Path, make_app: MakeApp
) -> None:
    """As soon as another one is chosen, nobody reads what the old one says."""
    assert admin.put(f"{BASE}/smtp.port", json={"value": 25}).status_code == 200
    with opened.app_context():
        assert settings.get("smtp.port") == 25
    other = make_app(
        DEPLOYSTACK_DATA_DIR=tmp_path / "other",
        DEPLOYSTACK_ENCRYPTION_SECRET="x" * 20,
    )
    assert other.test_client().post("/api/db/setup", json={"type": "sqlite"}).status_code == 200

    (data_dir / "db.selection.json").unlink()
    with opened.app_context(), pytest.raises(ApiError) as caught:
        settings.get("smtp.port")
    assert caught.value.code == "not_configured"
    (data_dir / "database").mkdir(exist_ok=True)
    (tmp_path / "other" / "database" / "deploystack.db").rename(
        data_dir / "database" / "deploystack.db"
    )
    (tmp_path / "other" / "db.selection.json").rename(data_dir / "db.selection.json")
    with opened.app_context():
        assert settings.get("smtp.port") == 587


def test_a_server_that_does_not_answer_leaves_the_copy(
    own_postgres: PostgresServer, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "ASK_SECONDS", 0.3)
    app = make_app()
    uri = own_postgres.create_database()
    body = {"type": "postgres", "connectionString": uri}
    assert app.test_client().post("/api/db/setup", json=body).status_code == 200
    with app.app_context():
        assert settings.get("smtp.port") == 587
        own_postgres.stop()
        ends = monotonic() + 1.5
        while monotonic() < ends:
            assert settings.get("smtp.port") == 587
            sleep(0.05)
        own_postgres.start()


def test_while_one_asks_the_others_read_on(
    on_sqlite: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, go_on = threading.Event(), threading.Event()
    version = service.state.version

    def slow(connection: sa.Connection) -> int:
        asking.set()
        assert go_on.wait(10)
        return version(connection)

    monkeypatch.setattr(service.state, "version", slow)
    monkeypatch.setattr(service, "GRACE_SECONDS", 60)
    get_settings(on_sqlite).current().until = monotonic()

    def read() -> None:
        with on_sqlite.app_context():
            settings.get("smtp.port")

    thread = threading.Thread(target=read)
    thread.start()
    assert asking.wait(10)
    started = monotonic()
    read()
    assert monotonic() - started < 5, "it has not waited for the one that asks"
    go_on.set()
    thread.join(10)


def test_what_does_not_fit_is_read_as_the_default(
    opened: Flask, admin: FlaskClient, body: dict[str, str], data_dir: Path
) -> None:
    """Somebody has changed the database by hand."""
    Direct(body, data_dir).execute(
        "UPDATE global_settings SET value = 'many' WHERE key = 'smtp.port'",
        "UPDATE global_settings SET value = NULL WHERE key = 'smtp.secure'",
        "DELETE FROM global_settings WHERE key = 'smtp.from_name'",
        "UPDATE global_settings_state SET version = version + 1",
    )
    get_settings(opened).forget()
    with opened.app_context():
        assert settings.get("smtp.port") == 587
        assert settings.get("smtp.secure") is True
        assert settings.get("smtp.from_name") == "DeployStack"
        assert settings.get_group("smtp")["smtp.from_name"] == "DeployStack"
    health = admin.get(f"{BASE}/health").get_json()["data"]
    assert health["not_of_their_type"] == ["smtp.port"]
    shown = admin.get(f"{BASE}/smtp.port").get_json()["data"]
    assert (shown["value"], shown["typed_value"]) == ("many", None)
    assert admin.put(f"{BASE}/smtp.from_name", json={"value": "x"}).status_code == 200
    assert admin.get(f"{BASE}/smtp.from_name").get_json()["data"]["value"] == "x"


def test_a_database_that_fails_at_the_first_read(
    on_sqlite: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise DatabaseProblem("db_locked", "It is locked.")

    monkeypatch.setattr(service.snapshot, "load", fail)
    service.get_settings(on_sqlite)._snapshot = service.Snapshot()
    with on_sqlite.app_context(), pytest.raises(ApiError) as caught:
        settings.get("smtp.port")
    assert (caught.value.status, caught.value.code) == (503, "db_locked")


def test_pending_work_is_committed_before_a_change(opened: Flask) -> None:
    from deploystack.database import db

    with opened.app_context():
        db.session.add(GlobalSetting(key="pending", value="1", type="string"))
        settings.set("smtp.port", 25)
        db.session.rollback()
        assert db.session.get(GlobalSetting, "pending") is not None


def test_a_burst_after_a_pause_reads_nothing_old(
    make_app: MakeApp, body: dict[str, str], data_dir: Path
) -> None:
    app = make_app()
    set_up(app, body)
    with app.app_context():
        assert settings.get("smtp.port") == 587
    Direct(body, data_dir).execute(
        "UPDATE global_settings SET value = '25' WHERE key = 'smtp.port'",
        "UPDATE global_settings_state SET version = version + 1",
    )
    sleep(1)
    together = threading.Barrier(16)

    def read(_number: int) -> Any:
        with app.app_context():
            together.wait(10)
            return settings.get("smtp.port")

    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(read, range(16))) == [25] * 16


def test_a_unit_of_work_reads_the_settings_of_its_own_database(
    make_app: MakeApp, tmp_path: Path
) -> None:
    here, there = make_app(), make_app(DEPLOYSTACK_DATA_DIR=tmp_path / "there")
    for app, port in ((here, 25), (there, 26)):
        set_up(app, {"type": "sqlite"})
        with app.app_context():
            settings.set("smtp.port", port)
    others = settled(there).binding
    assert others
    with pinned(here, others):
        assert db.session.scalar(SMTP_PORT) == "26"
        assert settings.get("smtp.port") == 26
    with here.app_context():
        assert settings.get("smtp.port") == 25


def test_code_finds_its_settings_in_the_group_that_declares_them(
    opened: Flask, admin: FlaskClient
) -> None:
    moved = admin.put("/api/settings/smtp.port", json={"group_id": "global"})
    assert moved.status_code == 200
    with opened.app_context():
        assert settings.get_group("smtp")["smtp.port"] == 587
        assert "smtp.port" not in settings.get_group("global")
