"""The SQLite file is deleted, moved away, restored or locked while the application runs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from deploystack.database import engines
from tests.conftest import MakeApp
from tests.support.applications import set_up
from tests.support.files import files
from tests.support.locks import locked_by_another_process
from tests.support.rows import add_routes
from tests.support.served import SQLITE_READY, refused, rows, soon

SQLITE = {"type": "sqlite"}


@pytest.fixture
def client(sqlite_app: Flask) -> FlaskClient:
    """A client of an application that uses the file."""
    return sqlite_app.test_client()


@pytest.fixture
def path(sqlite_path: Path) -> Path:
    """The file in use."""
    return sqlite_path


def test_deleted(client: FlaskClient, path: Path, tmp_path: Path) -> None:
    os.link(path, tmp_path / "witness")  # the deleted file, still to be seen
    before = files(tmp_path)["witness"]
    path.unlink()

    refused(client, "database_file_missing")
    assert not path.exists()
    assert files(tmp_path)["witness"] == before


def test_deleted_with_its_folder(client: FlaskClient, path: Path) -> None:
    shutil.rmtree(path.parent)

    refused(client, "database_file_missing")
    assert not path.parent.exists()


def test_deleted_then_restarted(client: FlaskClient, path: Path, make_app: MakeApp) -> None:
    """The documented reset."""
    path.unlink()
    refused(client, "database_file_missing")
    restarted = make_app()
    add_routes(restarted)

    soon(restarted.test_client(), [])
    soon(client, [])


def test_deleted_before_another_worker_has_looked(make_app: MakeApp, data_dir: Path) -> None:
    """It saw no database at its start, and is not to make one now."""
    one, other = make_app(), make_app()
    add_routes(other)
    set_up(one, SQLITE)
    (path := data_dir / "database" / "deploystack.db").unlink()

    refused(other.test_client(), "database_file_missing")
    assert not path.exists()


def test_setup_is_not_the_way_out(client: FlaskClient, path: Path) -> None:
    path.unlink()

    response = client.post("/api/db/setup", json=SQLITE)
    assert (response.status_code, response.json["code"]) == (409, "already_configured")
    refused(client, "database_file_missing")


@pytest.mark.parametrize("noticed", [False, True])
def test_moved_away_and_back(client: FlaskClient, path: Path, noticed: bool) -> None:
    path.rename(away := path.with_name("away.db"))
    if noticed:
        refused(client, "database_file_missing")
    away.rename(path)

    soon(client, ["first"])
    assert client.post("/rows/second").status_code == 200
    soon(client, ["first", "second"])


@pytest.mark.parametrize("noticed", [False, True])
def test_a_backup_restored(client: FlaskClient, path: Path, noticed: bool) -> None:
    shutil.copy(path, backup := path.with_name("backup.db"))
    client.post("/rows/after-the-backup")
    path.unlink()
    if noticed:
        refused(client, "database_file_missing")
    shutil.copy(backup, path)

    soon(client, ["first"])


def test_locked_by_another_process(
    make_app: MakeApp,
    client: FlaskClient,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.2)
    app = make_app()
    add_routes(app)
    impatient = app.test_client()
    assert rows(impatient) == ["first"]
    with locked_by_another_process(path):
        for response in (impatient.get("/rows"), impatient.get("/readyz")):
            assert (response.status_code, response.json["code"]) == (503, "db_locked")
            assert int(response.headers["Retry-After"]) > 0
        assert impatient.get("/api/db/status").json == SQLITE_READY
    assert rows(impatient) == ["first"]
