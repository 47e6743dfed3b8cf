"""``POST /api/db/check``: what setup would meet and do; it changes nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import MakeApp
from tests.support.applications import set_up
from tests.support.direct import Direct
from tests.support.files import files
from tests.support.postgres import Postgres
from tests.support.revisions import Revisions

CHECK = "/api/db/check"


def version(dialect: str, postgres: Postgres) -> str:
    if dialect == "sqlite":
        return sqlite3.sqlite_version
    return str(postgres.execute("SHOW server_version")[0][0]).split()[0]


def everything(body: dict[str, str], data_dir: Path) -> object:
    """Return all there is: to look into a SQLite file that is not there would make it."""
    direct = Direct(body, data_dir)
    exists = body["type"] == "postgres" or direct.file.exists()
    return files(data_dir), direct.everything() if exists else None


def forget(app: Flask, data_dir: Path, body: dict[str, str]) -> None:
    """Set up, and lose everything but the database."""
    set_up(app, body)
    (data_dir / "db.selection.json").unlink()


def test_an_empty_database(
    client: FlaskClient, data_dir: Path, dialect: str, body: dict[str, str], postgres: Postgres
) -> None:
    before = everything(body, data_dir)
    for _ in range(2):
        response = client.post(CHECK, json=body)
        assert response.status_code == 200
        assert response.json == {
            "success": True,
            "type": dialect,
            "server_version": version(dialect, postgres),
            "database": "empty",
            "action": "create",
        }

    assert everything(body, data_dir) == before
    assert client.get("/api/db/status").json["configured"] is False


def test_a_database_of_ours(
    app: Flask, client: FlaskClient, data_dir: Path, dialect: str, body: dict[str, str]
) -> None:
    forget(app, data_dir, body)
    before = everything(body, data_dir)
    answer = client.post(CHECK, json=body).json

    assert (answer["type"], answer["database"], answer["action"]) == (dialect, "ours", "adopt")
    assert everything(body, data_dir) == before


def test_an_older_database_of_ours(
    app: Flask, make_app: MakeApp, data_dir: Path, tmp_path: Path, body: dict[str, str]
) -> None:
    forget(app, data_dir, body)
    revisions = Revisions(tmp_path / "revisions")
    revisions.add("op.add_column('users', sa.Column('shoe_size', sa.Integer()))")
    newer = make_app(revisions.config(data_dir)).test_client()
    before = everything(body, data_dir)
    answer = newer.post(CHECK, json=body).json

    assert (answer["database"], answer["action"]) == ("ours", "upgrade")
    assert everything(body, data_dir) == before


def test_a_newer_database(
    app: Flask, client: FlaskClient, data_dir: Path, body: dict[str, str]
) -> None:
    forget(app, data_dir, body)
    Direct(body, data_dir).execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    before = everything(body, data_dir)
    response = client.post(CHECK, json=body)

    assert (response.status_code, response.json["code"]) == (422, "db_newer")
    assert everything(body, data_dir) == before


def test_a_database_of_somebody_elses(
    client: FlaskClient, data_dir: Path, body: dict[str, str]
) -> None:
    (data_dir / "database").mkdir()
    Direct(body, data_dir).execute("CREATE TABLE invoices (id INTEGER)")
    before = everything(body, data_dir)
    response = client.post(CHECK, json=body)

    assert (response.status_code, response.json["code"]) == (422, "db_not_empty")
    assert everything(body, data_dir) == before


def test_it_says_what_setup_then_does(
    app: Flask, client: FlaskClient, data_dir: Path, body: dict[str, str]
) -> None:
    assert client.post(CHECK, json=body).json["action"] == "create"
    set_up(app, body)
    assert client.post(CHECK, json=body).status_code == 409
    (data_dir / "db.selection.json").unlink()
    assert client.post(CHECK, json=body).json["action"] == "adopt"


def test_nothing_about_the_place(client: FlaskClient, data_dir: Path, postgres: Postgres) -> None:
    uri = postgres.create_database()
    text = client.post(CHECK, json={"type": "postgres", "connectionString": uri}).text

    for secret in (uri, postgres.admin.password, postgres.admin.name + "@", str(data_dir)):
        assert secret not in text
