"""The pages of ``docs/reference``, carried out, but those that are long enough for a file each."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from tests.support.machine import Machine
from tests.support.reader import Reader

Rows = Callable[[str], list[Any]]
PASSWORD = "correct horse battery"


@pytest.mark.page("reference/accounts.md")
def test_accounts(reader: Reader, site: Machine, rows: Rows) -> None:
    reader.typed = {". .venv/bin/activate\nflask users create": f"{PASSWORD}\n" * 2}
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
