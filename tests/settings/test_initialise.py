"""Declared settings in the database: made at setup, after an upgrade, and whenever some are new."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from deploystack import create_app
from deploystack.database import get_database
from deploystack.plugins import PluginMetadata, Setting, SettingGroup, hookimpl
from deploystack.settings import UnknownSetting, core, get_settings, settings
from tests.conftest import MakeApp
from tests.support.applications import command, set_up, settled
from tests.support.direct import Direct
from tests.support.opened import open_to_all
from tests.support.revisions import Revisions

BASE = "/api/settings"
Start = Callable[..., Flask]


class Plugin:
    """A plugin that declares settings.

    Args:
        name: its name.
        declared: its settings, all in a group that is called like it.
        version: its version.
        seed: what its seed does.
    """

    def __init__(
        self,
        name: str,
        declared: Sequence[Setting],
        version: str = "1",
        seed: Callable[[Any], None] = lambda _session: None,
        group: str | None = None,
    ) -> None:
        self._name, self._version, self._declared, self._seed = name, version, declared, seed
        self._group = group or name

    @hookimpl
    def deploystack_metadata(self) -> PluginMetadata:
        return PluginMetadata(name=self._name, version=self._version)

    @hookimpl
    def deploystack_settings(self) -> list[SettingGroup]:
        return [
            SettingGroup(
                id=self._group, name=self._name.title(), settings=self._declared, sort_order=9
            )
        ]

    @hookimpl
    def deploystack_seed(self, session: Any) -> None:
        self._seed(session)


def setting(key: str, **fields: Any) -> Setting:
    return Setting(key=key, **{"type": "integer", "default": 1, **fields})


@pytest.fixture
def start(data_dir: Path) -> Iterator[Start]:
    """Start an application with plugins over the same data folder; the one before it ends."""
    made: list[Flask] = []

    def close() -> None:
        for app in made:
            get_database(app).close()
        made.clear()

    def make(*plugins: object, body: dict[str, str] | None = None) -> Flask:
        close()
        app = create_app({"DEPLOYSTACK_DATA_DIR": data_dir}, plugins=plugins)
        made.append(app)
        open_to_all(app)
        if body:
            set_up(app, body)
        assert settled(app).phase == "ready"
        return app

    yield make
    close()


def shown(app: Flask, key: str) -> dict[str, Any]:
    found: dict[str, Any] = app.test_client().get(f"{BASE}/{key}").get_json()["data"]
    return found


def health(app: Flask) -> dict[str, Any]:
    found: dict[str, Any] = app.test_client().get(f"{BASE}/health").get_json()["data"]
    return found


def test_setup_logs_one_line(
    start: Start, body: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    start(body=body)
    lines = [r.getMessage() for r in caplog.records if "created" in r.getMessage()]
    assert lines == [
        "Settings of core: 12 created, 0 skipped; required and still empty: smtp.host, "
        "smtp.from_email."
    ]


def test_the_fingerprint_of_the_key_is_kept(
    start: Start, body: dict[str, str], data_dir: Path
) -> None:
    app = start(body=body)
    assert Direct(body, data_dir).rows("SELECT key_fingerprint FROM global_settings_state") == [
        get_settings(app).keyring.preferred.fingerprint
    ]


def test_an_upgrade_adds_what_is_missing_and_keeps_the_rest(
    make_app: MakeApp, body: dict[str, str], data_dir: Path, tmp_path: Path
) -> None:
    app = make_app()
    set_up(app, body)
    get_database(app).close()
    direct = Direct(body, data_dir)
    direct.execute(
        "DELETE FROM global_settings WHERE key IN ('smtp.port', 'global.page_url')",
        "UPDATE global_settings SET value = 'kept', description = 'mine' WHERE key = 'smtp.host'",
        "UPDATE global_setting_groups SET name = 'Mine' WHERE id = 'smtp'",
    )
    revisions = Revisions(tmp_path / "revisions")
    revisions.add("op.add_column('users', sa.Column('shoe_size', sa.Integer()))")

    app = make_app(revisions.config(data_dir))
    open_to_all(app)
    assert settled(app).phase == "ready"
    assert shown(app, "smtp.port")["typed_value"] == 587
    assert (shown(app, "smtp.host")["value"], shown(app, "smtp.host")["description"]) == (
        "kept",
        "mine",
    )
    assert direct.rows("SELECT name FROM global_setting_groups WHERE id = 'smtp'") == ["Mine"]
    assert (health(app)["created"], health(app)["skipped"]) == (2, 10)
    assert health(app)["initialisation"][0]["missing"] == ["smtp.from_email"]


def test_what_code_declares_newly_is_there_at_the_next_start(
    start: Start, body: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No revision is needed for it."""
    start(body=body)
    new = SettingGroup(id="new", name="New", settings=[setting("new.one"), setting("new.two")])
    monkeypatch.setattr("deploystack.settings.definitions.GROUPS", (*core.GROUPS, new))

    app = start()
    assert shown(app, "new.one")["group_id"] == "new"
    assert (health(app)["created"], health(app)["skipped"]) == (2, 12)
    assert app.test_client().put(f"{BASE}/new.one", json={"value": 5}).status_code == 200

    monkeypatch.undo()
    app = start()  # it is declared no longer
    assert shown(app, "new.one")["is_declared"] is False
    assert shown(app, "new.one")["typed_value"] == 5
    assert shown(app, "smtp.port")["is_declared"] is True
    with app.app_context():
        assert settings.get("new.one") == 5
    assert health(app)["counts"]["undeclared"] == 2
    groups = app.test_client().get(f"{BASE}/groups").get_json()["data"]
    assert [group["is_declared"] for group in groups if group["id"] == "new"] == [False]
    assert app.test_client().delete(f"{BASE}/new.one").status_code == 200


def test_a_plugins_settings_are_made_with_it(start: Start, body: dict[str, str]) -> None:
    declared = [
        setting("notes.size"),
        setting("notes.key", type="string", default="hush", encrypted=True),
        setting("notes.tags", type="list", default=("a", "b")),
        setting("notes.needed", type="string", default=None, required=True),
    ]
    app = start(Plugin("notes", declared), body=body)
    assert shown(app, "notes.size")["typed_value"] == 1
    assert shown(app, "notes.tags")["typed_value"] == ["a", "b"]
    assert shown(app, "notes.key")["value"] == "********"
    assert [entry["owner"] for entry in health(app)["initialisation"]] == ["core", "notes"]
    assert "notes.needed" in health(app)["missing_required"]
    with app.app_context():
        assert settings.get("notes.key") == "hush"
        assert settings.get_group("notes") == {
            "notes.key": "hush",
            "notes.needed": None,
            "notes.size": 1,
            "notes.tags": ["a", "b"],
        }
    assert app.test_client().put(f"{BASE}/notes.size", json={"value": 7}).status_code == 200

    app = start(Plugin("notes", [*declared, setting("notes.new")]))
    assert shown(app, "notes.new")["typed_value"] == 1
    assert shown(app, "notes.size")["typed_value"] == 7
    assert health(app)["initialisation"][1]["created"] == 1

    app = start()
    assert shown(app, "notes.size")["is_declared"] is False
    app = start(Plugin("notes", declared))
    assert shown(app, "notes.size")["typed_value"] == 7


def test_a_plugin_that_comes_later_gets_its_settings(start: Start, body: dict[str, str]) -> None:
    start(body=body)
    app = start(Plugin("notes", [setting("notes.size")]))
    assert shown(app, "notes.size")["group_id"] == "notes"


def test_a_plugins_settings_are_there_when_it_is_seeded_and_gone_when_that_fails(
    start: Start, body: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    from deploystack.models import GlobalSetting

    seen = []

    def look(session: Any) -> None:
        seen.append(session.get_one(GlobalSetting, "one.size").value)

    def fail(_session: Any) -> None:
        raise RuntimeError("no")

    one = Plugin("one", [setting("one.size")], seed=look)
    two = Plugin("two", [setting("two.size")], seed=fail)
    caplog.set_level(logging.INFO)
    app = start(one, two, body=body)
    assert seen == ["1"]
    assert "Settings of one: 1 created, 0 skipped" in caplog.text
    assert "Settings of two" not in caplog.text
    assert shown(app, "one.size")["typed_value"] == 1
    assert app.test_client().get(f"{BASE}/two.size").status_code == 404
    with app.app_context():
        assert settings.get("two.size") == 1  # declared all the same


@pytest.mark.parametrize("key", ["smtp.port", "smtp.new"])
def test_a_key_of_the_core_wins(start: Start, key: str, caplog: pytest.LogCaptureFixture) -> None:
    plugin = Plugin("smtp", [setting(key, default=1)], group="mine")
    app = start(plugin, body={"type": "sqlite"})
    clashes = health(app)["clashes"]
    if key == "smtp.port":
        assert shown(app, key)["typed_value"] == 587
        assert clashes == [{"key": key, "owner": "core", "refused": "smtp"}]
        assert "smtp.port of smtp is not used: core has declared it" in caplog.text
    else:
        assert shown(app, key)["typed_value"] == 1
        assert clashes == []


def test_a_setting_takes_the_type_that_it_is_declared_with_now(
    start: Start, body: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    texts = [
        setting("notes.size", type="string", default="5"),
        setting("notes.name", type="string", default="x"),
    ]
    start(Plugin("notes", texts), body=body)
    app = start(Plugin("notes", [setting("notes.size"), setting("notes.name")], version="2"))
    assert (shown(app, "notes.size")["type"], shown(app, "notes.size")["typed_value"]) == (
        "integer",
        5,
    )
    assert shown(app, "notes.name")["value"] == "x"
    assert "notes.name is no integer" in caplog.text
    assert health(app)["not_of_their_type"] == ["notes.name"]
    with app.app_context():
        assert settings.get("notes.name") == 1
    assert app.test_client().put(f"{BASE}/notes.name", json={"value": 3}).status_code == 200
    assert shown(app, "notes.name")["type"] == "integer"


def test_what_is_declared_a_secret_and_kept_in_clear_is_told(start: Start) -> None:
    start(
        Plugin("notes", [setting("notes.key", type="string", default="x")]), body={"type": "sqlite"}
    )
    secret = setting("notes.key", type="string", default="x", encrypted=True)
    app = start(Plugin("notes", [secret], version="2"))
    assert health(app)["secrets_in_clear"] == ["notes.key"]
    client = app.test_client()
    answer = client.put(f"{BASE}/notes.key", json={"encrypted": True})
    assert answer.get_json()["data"]["is_encrypted"] is True
    assert health(app)["secrets_in_clear"] == []

    uncovered = client.put(f"{BASE}/notes.key", json={"encrypted": False, "value": "plain"})
    assert uncovered.get_json()["data"]["is_encrypted"] is False, "the call says so"
    answer = client.put(f"{BASE}/notes.key", json={"value": "NOT-FOR-YOU"})
    assert answer.get_json()["data"]["is_encrypted"] is True, "a new value is what is declared"
    assert "NOT-FOR-YOU" not in answer.text + client.get(f"{BASE}/audit").text


def test_a_default_that_is_declared_later_is_shown_as_it_is_read(start: Start) -> None:
    start(Plugin("notes", [setting("notes.size", default=None)]), body={"type": "sqlite"})
    app = start(Plugin("notes", [setting("notes.size", default=7, required=True)], version="2"))
    assert (shown(app, "notes.size")["value"], shown(app, "notes.size")["typed_value"]) == ("7", 7)
    assert shown(app, "notes.size")["is_set"] is True
    assert "notes.size" not in health(app)["missing_required"]
    with app.app_context():
        assert settings.get("notes.size") == 7


@pytest.mark.parametrize(
    "wrong",
    [
        setting("other.key"),
        setting("notes.key", type="text"),
        setting("notes.key", default="x"),
        setting("notes.key", default=True),
        setting("notes.key", type="url", default="ftp://a"),
        setting("notes.key", type="email", default="nobody"),
        setting("notes.key", type="json", default={1}),
        setting("notes.key", type="json", default=float("inf")),
        setting("notes.key", description=5),
        setting("notes.key", validate="x"),
        setting("notes.ü"),
    ],
)
def test_what_a_plugin_may_not_declare(wrong: Setting, tmp_path: Path) -> None:
    app = create_app({"DEPLOYSTACK_DATA_DIR": tmp_path / "d"}, plugins=[Plugin("notes", [wrong])])
    open_to_all(app)
    answer = app.test_client().get("/api/plugins")
    assert answer.status_code == 200
    [told] = answer.get_json()["data"]
    assert (told["name"], told["state"]) == ("notes", "quarantined")
    assert told["code"] == "plugin_setting_invalid"
    definitions = get_settings(app).definitions
    assert list(definitions.owners()) == ["core"]


def test_two_that_start_at_once_make_them_once(
    make_app: MakeApp, body: dict[str, str], data_dir: Path
) -> None:
    app = make_app()
    set_up(app, body)
    get_database(app).close()
    direct = Direct(body, data_dir)
    direct.execute("DELETE FROM global_settings", "DELETE FROM audit_log")
    apps = [make_app() for _ in range(4)]
    for each in apps:
        get_database(each).start()
    for each in apps:
        assert settled(each).phase == "ready"
    assert direct.rows("SELECT count(*) FROM global_settings") == [12]
    assert direct.rows("SELECT count(*) FROM audit_log") == [1]


def test_purging_a_plugin_takes_its_settings_along(start: Start, body: dict[str, str]) -> None:
    declared = [setting("notes.size"), setting("notes.key", default=2, encrypted=True)]
    app = start(Plugin("notes", declared), body=body)
    client = app.test_client()
    assert client.post(f"{BASE}/groups", json={"id": "mine", "name": "Mine"}).status_code == 201
    for key in ("my.own", "Notes.mine"):
        own = {"key": key, "value": "1", "type": "string"}
        assert client.post(BASE, json=own).status_code == 201
    moved = client.put(f"{BASE}/notes.size", json={"group_id": "mine"})
    assert moved.status_code == 200

    app = start()
    output = command(app, "plugins", "purge", "notes", "--yes").output
    assert re.search(r"^global_settings +2 rows$", output, re.MULTILINE)
    keys = [entry["key"] for entry in app.test_client().get(BASE).get_json()["data"]]
    assert len(keys) == 14
    assert {"my.own", "Notes.mine"} <= set(keys)
    assert app.test_client().get(f"{BASE}/groups/mine").status_code == 200, "it is nobody else's"
    assert app.test_client().get(f"{BASE}/groups/notes").status_code == 404
    get_settings(app).forget()
    with app.app_context(), pytest.raises(UnknownSetting):
        settings.get("notes.size")


def test_a_key_of_the_cores_wins_and_the_plugin_works(
    start: Start, body: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    declared = [setting("smtp.port", default=1), setting("notes.size", default=2)]
    app = start(Plugin("notes", declared, group="smtp"), body=body)
    client = app.test_client()
    assert client.get("/api/plugins").get_json()["data"][0]["state"] == "active"
    assert "smtp.port of notes is not used" in caplog.text
    assert health(app)["clashes"] == [{"key": "smtp.port", "owner": "core", "refused": "notes"}]
    with app.app_context():
        assert settings.get("smtp.port") == 587
        assert settings.get_group("smtp")["notes.size"] == 2
