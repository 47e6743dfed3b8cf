"""`flask settings`: the same rules by the command line, and settings taken elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from deploystack.settings import settings
from tests.conftest import MakeApp
from tests.settings.test_values import OF_A_TYPE, TEXT, is_same
from tests.support.applications import command, set_up
from tests.support.commands import Commands
from tests.support.opened import open_to_all

BASE = "/api/settings"


def run(app: Flask, *arguments: str, stdin: str | bytes = "", code: int = 0) -> Result:
    result = command(app, "settings", *arguments, input=stdin)
    assert result.exit_code == code, result.output
    return result


def test_set_get_unset(opened: Flask) -> None:
    assert run(opened, "set", "smtp.port", "25").stdout == "smtp.port is set.\n"
    assert run(opened, "get", "smtp.port").stdout == "25\n"
    assert "already" in run(opened, "set", "smtp.port", "25").stdout
    assert json.loads(run(opened, "get", "smtp.port", "--json").stdout)["typed_value"] == 25
    assert "default" in run(opened, "unset", "smtp.port").stdout
    assert run(opened, "get", "smtp.port").stdout == "587\n"

    run(opened, "set", "my.own", "-5", "--type", "integer", "--group", "smtp")
    assert run(opened, "get", "my.own").stdout == "-5\n"
    run(opened, "set", "my.own", "-6")
    run(opened, "set", "my.own", "-6", "--type", "integer", "--description", "Mine.")
    shown = json.loads(run(opened, "get", "my.own", "--json").stdout)
    assert (shown["typed_value"], shown["group_id"], shown["description"]) == (-6, "smtp", "Mine.")
    assert "deleted" in run(opened, "unset", "my.own").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("get", "smtp.prot"), "The nearest is 'smtp.port'. [setting_unknown]"),
        (("set", "smtp.prot", "1"), "[setting_unknown]"),
        (("unset", "smtp.prot"), "[setting_unknown]"),
        (("set", "smtp.port", "many"), "value: It must be a whole number"),
        (("set", "smtp.port", "1", "--type", "string"), "type: It is 'integer', and stays so."),
        (("set", "my.own", "x", "--type", "string", "--group", "none"), "group_id: There is no"),
        (("set", "a b", "x", "--type", "string"), "key: It consists of"),
        (("import", "/dev/null"), "is not JSON"),
    ],
)
def test_what_is_wrong_is_said(shared: Flask, arguments: tuple[str, ...], said: str) -> None:
    result = run(shared, *arguments, code=1)
    assert said in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("arguments", [("set", "smtp.port"), ("set", "smtp.port", "1", "--stdin")])
def test_a_value_is_given_once(shared: Flask, arguments: tuple[str, ...]) -> None:
    assert "Give either a VALUE or --stdin" in run(shared, *arguments, code=2).stderr


def test_a_secret_from_standard_input(opened: Flask) -> None:
    run(opened, "set", "smtp.password", "--stdin", stdin="hush\n")
    assert run(opened, "get", "smtp.password").stdout == "********\n"
    assert run(opened, "get", "smtp.password", "--reveal").stdout == "hush\n"
    assert "hush" not in run(opened, "list").stdout + run(opened, "list", "--json").stdout
    assert (
        "not UTF-8" in run(opened, "set", "smtp.password", "--stdin", stdin=b"\xff", code=1).stderr
    )


def test_list(opened: Flask) -> None:
    run(opened, "set", "my.own", "a\nb", "--type", "string")
    lines = run(opened, "list").stdout.splitlines()
    assert len(lines) == 13
    assert any(line.split() == ["smtp.port", "integer", "587"] for line in lines)
    assert any(line.endswith("'a\\nb'  (not declared)") for line in lines)
    group = json.loads(run(opened, "list", "--group", "smtp", "--json").stdout)
    assert [entry["key"] for entry in group] == sorted(entry["key"] for entry in group)
    assert len(group) == 7


def test_check(opened: Flask) -> None:
    said = run(opened, "check").stdout
    assert "Encryption works." in said
    assert "required and empty: smtp.from_email, smtp.host" in said
    assert json.loads(run(opened, "check", "--json").stdout)["encryption_working"] is True


def test_without_a_database(app: Flask) -> None:
    for arguments in (("list",), ("get", "smtp.port"), ("set", "smtp.port", "1"), ("rotate-key",)):
        assert "[not_configured]" in run(app, *arguments, code=1).stderr


def test_help_imports_nothing_of_it(shared: Flask) -> None:
    assert "rotate-key" in run(shared, "--help").stdout
    assert "settings" in command(shared, "--help").stdout


def test_in_a_process_of_its_own(data_dir: Path, tmp_path: Path) -> None:
    commands = Commands(data_dir, tmp_path)
    assert "not_configured" in commands.fail("settings", "list")
    commands.succeed("db", "setup", "--type", "sqlite")
    commands.succeed("settings", "set", "smtp.password", "--stdin", stdin="hush\n")
    assert commands.succeed("settings", "get", "smtp.password", "--reveal") == "hush\n"


def read(app: Flask, key: str) -> Any:
    with app.app_context():
        return settings.get(key)


@limits(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(pair=OF_A_TYPE, encrypted=st.booleans())
@example(pair=("string", "a\n"), encrypted=False)
@example(pair=("json", "text"), encrypted=True)
def test_any_value_written_anyhow_is_read_everywhere(
    shared_each: Flask, pair: tuple[str, Any], encrypted: bool
) -> None:
    """By request, by command and by code."""
    kind, value = pair
    client = shared_each.test_client()
    sent = json.dumps(value) if kind == "json" and isinstance(value, str) else value
    body = {"key": "my.own", "type": kind, "value": sent, "encrypted": encrypted}
    made = client.post(BASE, json=body)
    assert made.status_code == 201, made.text
    try:
        text = client.get(f"{BASE}/my.own?reveal=true").get_json()["data"]["value"]

        def assert_read() -> None:
            shown = client.get(f"{BASE}/my.own?reveal=true").get_json()["data"]
            printed = json.loads(run(shared_each, "get", "my.own", "--reveal", "--json").stdout)
            assert is_same(shown["typed_value"], value)
            assert is_same(printed["typed_value"], value)
            assert is_same(read(shared_each, "my.own"), value)
            assert shown["is_encrypted"] is encrypted

        assert_read()
        client.put(f"{BASE}/my.own", json={"value": None})
        run(shared_each, "set", "my.own", "--stdin", stdin=f"{text}\n".encode())
        assert_read()
        client.put(f"{BASE}/my.own", json={"value": None})
        with shared_each.app_context():
            settings.set("my.own", value)
        assert_read()
        client.put(f"{BASE}/my.own", json={"value": None})
        entry = {"key": "my.own", "type": kind, "value": text}
        if not (text == "" and kind not in {"string", "url", "email"}):
            assert client.post(f"{BASE}/bulk", json={"settings": [entry]}).status_code == 200
            assert_read()
    finally:
        client.delete(f"{BASE}/my.own")


def document(app: Flask, *options: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(app, "export", *options).stdout)
    return found


def filled(client: FlaskClient) -> None:
    for body in (
        {"key": "my.list", "value": [1, {"a": None}], "type": "list", "group_id": "mine"},
        {"key": "my.secret", "value": "hush", "type": "string", "encrypted": True},
        {"key": "my.empty", "value": None, "type": "json"},
    ):
        client.post(f"{BASE}/groups", json={"id": "mine", "name": "Mine", "icon": "star"})
        assert client.post(BASE, json=body).status_code == 201
    assert client.put(f"{BASE}/smtp.port", json={"value": 25}).status_code == 200
    assert client.put(f"{BASE}/smtp.password", json={"value": "hush"}).status_code == 200


def test_export_leaves_out_secrets_unless_asked(opened: Flask, admin: FlaskClient) -> None:
    filled(admin)
    plain = document(opened)
    keys = [entry["key"] for entry in plain["settings"]]
    assert "my.list" in keys
    assert not {"my.secret", "smtp.password"} & set(keys)
    assert plain["sealed_with"] is None
    with_secrets = document(opened, "--secrets")
    sealed = {e["key"]: e["sealed"] for e in with_secrets["settings"] if "sealed" in e}
    assert set(sealed) == {"my.secret", "smtp.password"}
    assert "hush" not in json.dumps(with_secrets)


def test_taken_to_another_database(
    opened: Flask, admin: FlaskClient, make_app: MakeApp, data_dir: Path, tmp_path: Path
) -> None:
    filled(admin)
    file = tmp_path / "export.json"
    run(opened, "export", "--secrets", "--output", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    assert run(opened, "import", str(file)).stdout == "0 created, 0 changed.\n"

    key = (data_dir / "encryption.key").read_text().strip()
    other = make_app(DEPLOYSTACK_DATA_DIR=tmp_path / "other", DEPLOYSTACK_ENCRYPTION_SECRET=key)
    open_to_all(other)
    set_up(other, {"type": "sqlite"})
    assert run(other, "import", str(file)).stdout == "4 created, 2 changed.\n"
    for name, value in (
        ("my.list", [1, {"a": None}]),
        ("my.secret", "hush"),
        ("my.empty", None),
        ("smtp.port", 25),
        ("smtp.password", "hush"),
    ):
        assert read(other, name) == value
    there, here = document(other), document(opened)
    assert there["settings"] == here["settings"]
    assert there["groups"] == here["groups"]

    stranger = make_app(DEPLOYSTACK_DATA_DIR=tmp_path / "third")
    open_to_all(stranger)
    set_up(stranger, {"type": "sqlite"})
    assert "[secret_unreadable]" in run(stranger, "import", str(file), code=1).stderr
    assert read(stranger, "smtp.port") == 587
    run(opened, "export", "--output", str(file))
    run(stranger, "import", str(file))
    assert read(stranger, "smtp.port") == 25


def test_an_import_is_all_or_nothing(shared: Flask) -> None:
    good = document(shared)
    bad = json.loads(json.dumps(good))
    bad["settings"] += [
        {"key": "a b", "type": "string", "value": "x"},
        {"key": "my.own", "type": "nothing", "value": "x"},
        5,
    ]
    for entry in bad["settings"]:
        if isinstance(entry, dict) and entry["key"] == "smtp.port":
            entry["value"] = "many"
        if isinstance(entry, dict) and entry["key"] == "smtp.host":
            entry["value"] = "changed"
    said = run(shared, "import", "-", stdin=json.dumps(bad), code=1).stderr
    for part in ("smtp.port: value: It must be a whole number", "a b: key", "my.own: type"):
        assert part in said
    assert document(shared)["settings"] == good["settings"]
    for broken in ({}, [], {**good, "version": 2}, {**good, "settings": {}}, {**good, "format": 1}):
        assert (
            "[validation_error]"
            in run(shared, "import", "-", stdin=json.dumps(broken), code=1).stderr
        )


@given(TEXT)
@limits(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_text_is_taken_from_standard_input(shared_each: Flask, text: str) -> None:
    run(shared_each, "set", "smtp.from_name", "--stdin", stdin=f"{text}\n".encode())
    assert read(shared_each, "smtp.from_name") == text
    run(shared_each, "unset", "smtp.from_name")


def test_nothing_is_imported_twice(shared: Flask) -> None:
    document = {
        "format": "deploystack-settings",
        "version": 1,
        "groups": [],
        "settings": [{"key": "my.twice", "type": "string", "value": value} for value in "ab"],
    }
    for wrong, says in (
        (document, "It is there twice"),
        ({**document, "version": True}, "version"),
    ):
        result = command(shared, "settings", "import", "-", input=json.dumps(wrong))
        assert result.exit_code == 1
        assert says in result.output
    assert command(shared, "settings", "get", "my.twice").exit_code == 1
