"""The pages of ``docs/reference``, carried out, but those that are long enough for a file each."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from playwright.sync_api import Browser, expect

from tests.pages.conftest import PASSWORD, restart
from tests.support.browser import Visitor
from tests.support.machine import Machine
from tests.support.reader import Reader

Rows = Callable[[str], list[Any]]


@pytest.mark.page("reference/accounts.md")
def test_accounts(reader: Reader, site: Machine, rows: Rows) -> None:
    reader.typed = {"flask users create": f"{PASSWORD}\n" * 2}
    reader.follow()

    assert rows("SELECT username, role_id FROM users ORDER BY username") == [
        ("alice", "global_admin"),
        ("bob", "global_user"),
    ]
    tokens = "flask tokens create --name export --scope notes.export --user"
    assert site.run(f"{tokens} alice").stdout.startswith("dst_")
    assert "unknown_scope" in site.run(f"{tokens} bob").stderr


@pytest.mark.page("reference/api.md")
def test_api(reader: Reader, site: Machine) -> None:
    [address] = [block.text for block in reader.left if "curl" in block.text]
    shown = json.loads(site.run(address).stdout)
    assert "/api/db/setup" in shown["paths"]

    reader.follow()

    assert json.loads((site.folder / "openapi.json").read_text()) == shown
    assert yaml.safe_load((site.folder / "openapi.yaml").read_text()) == shown
    assert "item" in json.loads((site.folder / "postman.json").read_text())
    [client] = site.folder.glob("*-client/*_client")
    ended = site.run(f"cd {client.parent} && python -c 'import {client.name}.client'")
    assert ended.code == 0, ended.stderr
    hidden = site.run(address)
    assert (hidden.code, json.loads(hidden.stdout)["code"]) == (22, "not_found")


@pytest.mark.page("reference/error-codes.md")
def test_error_codes(reader: Reader, machine: Machine) -> None:
    machine.serve("make run")
    machine.postgres.execute("CREATE ROLE guest LOGIN PASSWORD 'secret'")
    machine.postgres.execute("CREATE DATABASE deploystack")

    reader.follow()

    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert machine.postgres.execute(tables, database="deploystack") == []


@pytest.mark.page("reference/settings.md")
def test_settings(reader: Reader, owned: Machine, rows: Rows) -> None:
    reader.instead = {
        "# 587, an int": "; assert port == 587",
        '# {"smtp.host": "", "smtp.port": 587, ...}': '; assert everything["smtp.port"] == 587',
        'require("smtp.host")': 'require("smtp.host") ; assert host == "mail.example.org"',
    }
    assert owned.run(".venv/bin/flask settings set smtp.host mail.example.org").code == 0
    reader.follow("Reading in code")
    reader.follow("Declaring")
    owned.export(DEPLOYSTACK_PLUGINS_PATH="plugins")
    restart(owned)
    reader.follow("The routes")
    curl = 'curl -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json"'
    settings = "http://127.0.0.1:3000/api/settings"
    declared = json.loads(owned.run(f"{curl} {settings}/notes.page_size").stdout)["data"]
    assert (declared["typed_value"], declared["is_declared"]) == (20, True)
    change = f"{curl} -X PUT {settings}/notes.page_size -d "
    assert "It must be 1 or more." in owned.run(change + """'{"value": 0}'""").stdout
    assert owned.run(change + """'{"value": 5}'""").code == 0

    sealed = "SELECT value FROM global_settings WHERE key = 'smtp.password'"
    assert owned.run("printf hunter22 | flask settings set smtp.password --stdin").code == 0
    [before] = rows(sealed)
    reader.follow("Another key")
    [after] = rows(sealed)
    assert "" not in {before, after}
    assert before != after
    assert owned.run("flask settings get smtp.password --reveal").stdout == "hunter22\n"

    (owned.folder / "persistent_data" / "encryption.key").unlink()
    assert owned.run("flask settings check").code == 1
    reader.follow("The wrong key")
    assert rows(sealed) == [None]
    assert owned.run("flask settings check").code == 0
    assert rows("SELECT value FROM global_settings WHERE key = 'notes.page_size'") == ["5"]


@pytest.mark.page("reference/wizard.md")
def test_wizard(reader: Reader, machine: Machine, browser: Browser) -> None:
    """The token leads on, at whatever address the server is."""
    shown = reader.take("https://app.example.org/setup#token=…")
    machine.export(DEPLOYSTACK_SETUP_TOKEN_MODE="always")
    machine.serve("make run")
    [command] = [block.text for block in reader.left]
    reader.follow()
    token = machine.run(command).stdout.strip()

    address = shown.strip().partition(".org")[2].replace("…", token)
    visitor = Visitor(browser, f"http://{machine.address()}")
    page = visitor.page
    page.goto("/setup")
    expect(page.get_by_role("heading", level=1)).to_have_text("Who are you?")
    page.goto("about:blank")
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_have_text("Where should your data live?")
    assert token not in page.url
    visitor.context.close()
    assert visitor.watch.faults == []
