"""Files that setup does not take: what it says, and that they are left as they were."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from deploystack.database import engines
from tests.support.files import entry, files
from tests.support.locks import locked_by_another_process

SETUP = "/api/db/setup"
CHECK = "/api/db/check"
SQLITE = {"type": "sqlite"}


@pytest.fixture
def path(data_dir: Path, client: FlaskClient) -> Path:
    """Where the database file belongs."""
    path = data_dir / "database" / "deploystack.db"
    path.parent.mkdir()
    return path


def other_file(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE users (id)")


def newer_file(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE schema_revisions (id)")
        connection.execute("CREATE TABLE alembic_version (version_num)")
        connection.execute("INSERT INTO alembic_version VALUES ('ffffffffffff')")
        connection.commit()


@pytest.mark.parametrize(
    ("put", "code"),
    [
        (other_file, "db_not_empty"),
        (newer_file, "db_newer"),
        (lambda path: path.write_bytes(b"no database" * 1000), "db_not_a_database"),
        (lambda path: path.mkdir(), "db_not_a_database"),
        (lambda path: path.symlink_to("nowhere"), "db_not_a_database"),
        (os.mkfifo, "db_not_a_database"),
    ],
    ids=["somebody-elses", "newer", "garbage", "folder", "dangling-link", "fifo"],
)
def test_something_in_place_of_the_file(
    client: FlaskClient, data_dir: Path, path: Path, put: Callable[[Path], None], code: str
) -> None:
    put(path)
    before = files(data_dir)
    for route in (CHECK, SETUP):
        response = client.post(route, json=SQLITE)
        assert (response.status_code, response.json["code"]) == (422, code)
    assert files(data_dir) == before

    moved = path.rename(data_dir / "moved-away")
    assert client.post(SETUP, json=SQLITE).status_code == 200
    assert entry(moved) == before["database/deploystack.db"]


@pytest.mark.parametrize("content", [b"", None])
def test_an_empty_file_or_none_will_do(
    client: FlaskClient, path: Path, content: bytes | None
) -> None:
    if content is not None:
        path.write_bytes(content)

    assert client.post(SETUP, json=SQLITE).status_code == 200
    assert client.get("/readyz").status_code == 200


def test_a_file_that_another_process_has_locked(
    client: FlaskClient, data_dir: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.2)
    other_file(path)
    before = files(data_dir)
    with locked_by_another_process(path):
        for route in (CHECK, SETUP):
            started = time.monotonic()
            response = client.post(route, json=SQLITE)
            assert (response.status_code, response.json["code"]) == (422, "db_locked")
            assert time.monotonic() - started < 3
    assert files(data_dir) == before

    path.unlink()

    assert client.post(SETUP, json=SQLITE).status_code == 200
