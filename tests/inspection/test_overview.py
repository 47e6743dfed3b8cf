"""``/api/overview``, ``/api/db/revisions``, ``/api/audit`` and trying a plugin again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import MakeApp
from tests.inspection.conftest import Site
from tests.support.answers import assert_error
from tests.support.applications import set_up
from tests.support.people import administrator
from tests.support.plugins import FIRST_REVISION, WORKING, Folder, states

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def overview(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/api/overview")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()["data"]
    return found


def warnings(client: FlaskClient) -> dict[str, dict[str, Any]]:
    return {warning["code"]: warning for warning in overview(client)["warnings"]}


def test_an_overview_tells_how_everything_is(site: Site) -> None:
    found = overview(site.admin)

    database = found["database"]
    assert database["state"] == "ready"
    assert database["dialect"] == site.direct.dialect
    assert re.fullmatch(r"\d+\.\d+(\.\d+)?", database["server_version"])
    assert database["bytes"] > 50_000
    assert database["location"]
    assert [plugin["name"] for plugin in found["plugins"]] == ["things"]
    assert found["audit"][0].keys() >= {"id", "at", "actor", "action", "subject", "details"}
    assert found["audit"] == sorted(found["audit"], key=lambda entry: -entry["id"])


def test_what_is_missing_is_told_with_a_remedy(site: Site) -> None:
    missing = warnings(site.admin)["settings_missing"]

    assert missing["severity"] == "notice"
    assert missing["details"]["keys"] == ["smtp.from_email", "smtp.host"]
    assert "smtp.host" in missing["message"]
    assert missing["remedy"].endswith(".")


def test_revisions_are_told_with_when_and_how_long(site: Site) -> None:
    [core] = site.admin.get("/api/db/revisions").get_json()["data"]

    assert core["name"] == "core"
    assert core["pending"] == []
    assert core["current"] == [core["head"]] == [core["applied"][-1]["revision"]]
    assert [entry["title"] for entry in core["applied"]][:2] == [
        "base schema",
        "accounts and settings",
    ]
    for entry in core["applied"]:
        assert ISO.fullmatch(entry["applied_at"])
        assert entry["duration_ms"] > 0


def test_what_was_never_recorded_is_told_to_be_so(site: Site) -> None:
    [row] = site.direct.rows("SELECT * FROM schema_revisions ORDER BY id LIMIT 1")
    site.direct.execute(f"UPDATE schema_revisions SET history = 'x' WHERE id = {row[0]}")
    try:
        [core] = site.admin.get("/api/db/revisions").get_json()["data"]
        assert core["applied"][0] == {
            "revision": row[2],
            "title": "base schema",
            "applied_at": None,
            "duration_ms": None,
        }
    finally:
        site.direct.execute(f"UPDATE schema_revisions SET history = 'core' WHERE id = {row[0]}")


def test_the_whole_log_is_told_a_page_at_a_time(site: Site) -> None:
    for number in range(3):
        body = {"username": f"user{number}", "email": f"u{number}@example.org"}
        created = site.admin.post("/api/users", json={**body, "password": "correct horse battery"})
        assert created.status_code == 201, created.text
    seen: list[dict[str, Any]] = []
    before: int | None = None
    while before is not None or not seen:
        query = {"limit": 2} | ({"before": before} if before else {})
        answer = site.admin.get("/api/audit", query_string=query).get_json()
        seen += answer["data"]
        before = answer["next"]

    assert [e["id"] for e in seen] == site.direct.rows("SELECT id FROM audit_log ORDER BY id DESC")
    created_by = site.admin.get("/api/audit?action=users.create&subject=user1").get_json()["data"]
    assert [(e["action"], e["subject"], e["actor"]) for e in created_by] == [
        ("users.create", "user1", "alice")
    ]
    assert site.admin.get("/api/audit?actor=nobody").get_json()["data"] == []
    for log in ("/api/audit", "/api/settings/audit"):  # one rule for both
        newest = site.admin.get(f"{log}?limit=1").get_json()
        assert site.admin.get(f"{log}?limit=1&before={2**63 - 1}").get_json() == newest
        assert site.admin.get(f"{log}?before=0").get_json()["data"] == []
        assert_error(site.admin.get(f"{log}?before={2**63}"), 400, "validation_error")
    assert_error(site.admin.get("/api/audit?limit=201"), 400, "validation_error")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "plugins")


@pytest.fixture
def with_plugins(make_app: MakeApp, folder: Folder, body: dict[str, str]) -> Flask:
    """An application with a plugin that works and has a revision, and one whose begin fails."""
    folder.add("pears", WORKING, revisions=[FIRST_REVISION])
    marker = folder.path.parent / "mended"
    folder.add(
        "bad",
        "@hookimpl\n"
        "def deploystack_database_ready(app):\n"
        f"    if not Path({str(marker)!r}).exists():\n"
        "        raise RuntimeError('not yet')\n",
    )
    app = make_app(DEPLOYSTACK_PLUGINS_PATH=folder.path, DEPLOYSTACK_SETUP_TOKEN_MODE="never")
    set_up(app, body)
    return app


def test_a_quarantined_plugin_is_told_and_tried_again(with_plugins: Flask, folder: Folder) -> None:
    admin = administrator(with_plugins)
    assert states(with_plugins) == {"bad": "quarantined plugin_ready_failed", "pears": "active"}

    found = warnings(admin)
    assert found["quarantined"]["details"]["plugin"] == "bad"
    assert found["quarantined"]["severity"] == "problem"
    assert "setup_token_never" in found
    shown = admin.get("/api/plugins/bad").get_json()["data"]
    assert shown["state"] == "quarantined"
    assert shown["code"] == "plugin_ready_failed"
    assert "not yet" not in str(shown)
    assert shown["can_retry"] is True

    assert_error(admin.post("/api/plugins/bad/retry"), 503, "plugin_ready_failed")
    (folder.path.parent / "mended").touch()
    answer = admin.post("/api/plugins/bad/retry")
    assert answer.status_code == 200, answer.text
    assert answer.get_json()["data"]["state"] == "active"
    assert states(with_plugins)["bad"] == "active"
    assert "quarantined" not in warnings(admin)
    entries = admin.get("/api/audit?action=plugins.retry").get_json()["data"]
    assert [entry["subject"] for entry in entries] == ["bad", "bad"]


def test_revisions_of_plugins_are_told(with_plugins: Flask) -> None:
    admin = administrator(with_plugins)
    told = {each["name"]: each for each in admin.get("/api/db/revisions").get_json()["data"]}

    assert told.keys() == {"core", "pears"}
    [applied] = told["pears"]["applied"]
    assert applied["revision"] == "pears0001"
    assert ISO.fullmatch(applied["applied_at"])
    owners = admin.get("/api/db/schema").get_json()["data"]["owners"]
    [pears] = [owner for owner in owners if owner["name"] == "pears"]
    assert pears["is_installed"] is True
    assert [t["name"] for t in pears["tables"]] == ["pears_item", "pears_shelf"]
    shown = admin.get("/api/plugins/pears").get_json()["data"]
    assert shown["revision"] == "pears0001"
    assert sorted(shown["tables"]) == ["pears_item", "pears_shelf"]


def test_what_an_uninstalled_plugin_has_left_is_told(
    make_app: MakeApp, with_plugins: Flask, folder: Folder
) -> None:
    administrator(with_plugins)
    folder.remove("pears")
    app = make_app(DEPLOYSTACK_PLUGINS_PATH=folder.path)
    from tests.support.people import log_in

    client = app.test_client()
    assert log_in(client).status_code == 200
    told = {each["name"]: each for each in client.get("/api/db/revisions").get_json()["data"]}
    assert told["pears"]["is_installed"] is False
    assert told["pears"]["current"] == ["pears0001"]
    assert [entry["revision"] for entry in told["pears"]["applied"]] == ["pears0001"]
    owners = client.get("/api/db/schema").get_json()["data"]["owners"]
    [pears] = [owner for owner in owners if owner["name"] == "pears"]
    assert pears["is_installed"] is False
    assert client.get("/api/db/tables/pears_shelf/rows").status_code == 200


def test_a_plugin_that_could_not_be_loaded_needs_a_restart(
    make_app: MakeApp, folder: Folder
) -> None:
    folder.add("bad", "raise RuntimeError('no')\n", is_whole=True)
    app = make_app(DEPLOYSTACK_PLUGINS_PATH=folder.path, DEPLOYSTACK_PLUGINS_DISABLED="off")
    set_up(app, {"type": "sqlite"})
    admin = administrator(app)

    assert_error(admin.post("/api/plugins/bad/retry"), 409, "plugin_needs_restart")
    assert_error(admin.post("/api/plugins/nothing/retry"), 404, "plugin_unknown")
    assert admin.get("/api/plugins/bad").get_json()["data"]["can_retry"] is False


def test_a_key_that_does_not_fit_is_told(make_app: MakeApp, data_dir: Path) -> None:
    app = make_app()
    set_up(app, {"type": "sqlite"})
    admin = administrator(app)
    secret = {"value": "hidden"}
    assert admin.put("/api/settings/smtp.password", json=secret).status_code == 200
    (data_dir / "encryption.key").unlink()
    other = make_app(DEPLOYSTACK_ENCRYPTION_SECRET="another secret of some length")
    from tests.support.people import log_in

    client = other.test_client()
    assert log_in(client).status_code == 200
    found = warnings(client)

    assert "encryption_key_wrong" in found
    assert "hidden" not in str(found)
