"""Something else is put in the place of the SQLite file while the application runs."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import MakeApp
from tests.support.applications import set_up, settled
from tests.support.direct import Direct
from tests.support.files import files
from tests.support.revisions import Revisions
from tests.support.rows import add_routes
from tests.support.served import refused, rows, soon

SQLITE = {"type": "sqlite"}


@pytest.fixture
def client(sqlite_app: Flask) -> FlaskClient:
    """A client of an application that uses the file."""
    return sqlite_app.test_client()


@pytest.fixture
def path(sqlite_path: Path) -> Path:
    """The file in use."""
    return sqlite_path


@pytest.fixture
def other(make_app: MakeApp, tmp_path: Path) -> Path:
    """The file of another installation, with a row of its own."""
    folder = tmp_path / "other"
    app = make_app(DEPLOYSTACK_DATA_DIR=folder)
    add_routes(app)
    set_up(app, SQLITE)
    app.test_client().post("/rows/other")
    app.test_client().post("/rows/another")
    return folder / "database" / "deploystack.db"


def over_it(other: Path, path: Path) -> None:
    """Copy as ``cp`` does: into the file that is there."""
    shutil.copy(other, path)


def by_rename(other: Path, path: Path) -> None:
    other.rename(path)


def by_link(other: Path, path: Path) -> None:
    path.unlink()
    path.symlink_to(other)


@pytest.mark.parametrize("put", [over_it, by_rename, by_link])
def test_replaced_by_another_database(
    client: FlaskClient, path: Path, other: Path, put: Callable[[Path, Path], None]
) -> None:
    put(other, path)

    soon(client, ["another", "other"])
    assert client.post("/rows/new").status_code == 200
    soon(client, ["another", "new", "other"])


@pytest.mark.parametrize("put", [over_it, by_rename])
def test_replaced_by_an_older_database(
    make_app: MakeApp,
    data_dir: Path,
    revisions: Revisions,
    other: Path,
    put: Callable[[Path, Path], None],
) -> None:
    """It is migrated before anything is served from it."""
    newest = revisions.add(
        "op.add_column('users', sa.Column('shoe_size', sa.Integer()))\n"
        "op.execute(\"UPDATE global_setting_groups SET id = id || '-new' \"\n"
        "           \"WHERE id NOT IN ('global', 'smtp')\")"
    )
    app = make_app(revisions.config(data_dir))
    add_routes(app)
    set_up(app, SQLITE)
    assert rows(app.test_client()) == []
    path = data_dir / "database" / "deploystack.db"
    put(other, path)

    soon(app.test_client(), ["another-new", "other-new"])
    assert Direct(SQLITE, data_dir).revisions()[-1] == newest


def test_a_migration_at_the_start_is_no_replacement(
    make_app: MakeApp, sqlite_app: Flask, data_dir: Path, revisions: Revisions
) -> None:
    """Once it is done, no request meets what it changed."""
    revisions.add("op.add_column('users', sa.Column('shoe_size', sa.Integer()))")
    app = make_app(revisions.config(data_dir))
    add_routes(app)

    assert settled(app).phase == "ready"
    assert rows(app.test_client()) == ["first"]


def test_replaced_by_a_newer_database(
    client: FlaskClient, data_dir: Path, path: Path, other: Path
) -> None:
    Direct(SQLITE, other.parents[1]).execute("UPDATE alembic_version SET version_num = 'ffff'")
    other.rename(path)
    before = files(data_dir)

    refused(client, "db_newer")
    assert files(data_dir) == before


def garbage(path: Path) -> None:
    path.write_bytes(b"garbage" * 4000)


def half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def spoiled(path: Path) -> None:
    """What is looked at first is intact, but not the end."""
    with path.open("r+b") as file:
        file.seek(-3 * 4096, os.SEEK_END)
        file.write(b"\xff" * 3 * 4096)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def folder(path: Path) -> None:
    path.mkdir()


CODES = {"db_not_a_database", "db_corrupt", "db_empty", "db_not_empty", "db_unreachable"}


@pytest.mark.parametrize("damage", [garbage, half, spoiled, empty, folder])
def test_replaced_by_something_else(
    client: FlaskClient, data_dir: Path, path: Path, damage: Callable[[Path], Any]
) -> None:
    """Refused, left as it is; and what was there before can be put back."""
    path.rename(away := path.with_name("away.db"))
    if damage is not folder:
        shutil.copy(away, path)
    damage(path)
    before = files(data_dir)

    refused(client, *CODES)
    assert files(data_dir) == before
    away.replace(path) if path.is_file() else (path.rmdir(), away.rename(path))
    soon(client, ["first"])


@pytest.mark.parametrize("damage", [garbage, half, empty])
def test_damaged_where_it_is(
    client: FlaskClient, data_dir: Path, path: Path, damage: Callable[[Path], Any]
) -> None:
    shutil.copy(path, away := path.with_name("away.db"))
    damage(path)
    before = files(data_dir)

    refused(client, *CODES)
    assert files(data_dir) == before
    away.replace(path)
    soon(client, ["first"])


def test_a_file_without_tables_is_logged_once(
    client: FlaskClient, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """However often it is tried again, each time by beginning to bring it up to date."""
    shutil.copy(path, away := path.with_name("away.db"))
    with caplog.at_level("INFO", "deploystack.database.handle"):
        empty(path)
        refused(client, "db_empty")
        deadline = time.monotonic() + 3.5
        while time.monotonic() < deadline:
            client.get("/readyz")
            time.sleep(0.1)
        told = [record.getMessage().partition(":")[0] for record in caplog.records]
        away.replace(path)
        soon(client, ["first"])

    assert told.count("db_empty") == 1
    assert len(told) <= 3
    assert "is ready" in caplog.records[-1].getMessage()
