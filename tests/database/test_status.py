"""``GET /api/db/status``: one body for each state, and nothing in it that helps an attacker."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.conftest import MakeApp
from tests.support.applications import set_up, settled
from tests.support.direct import Direct
from tests.support.files import files
from tests.support.postgres import Postgres
from tests.support.revisions import Revisions

STATUS = "/api/db/status"
UNCONFIGURED = {
    "configured": False,
    "initialized": False,
    "dialect": None,
    "setup_token_required": False,
}


def ready(dialect: str) -> dict[str, object]:
    return {"configured": True, "initialized": True, "dialect": dialect}


def waiting(dialect: str | None) -> dict[str, object]:
    return {"configured": True, "initialized": False, "dialect": dialect}


def lose(body: dict[str, str], data_dir: Path, postgres: Postgres) -> None:
    """Take the database away."""
    if body["type"] == "sqlite":
        (data_dir / "database" / "deploystack.db").unlink()
    else:
        postgres.drop_database(body["connectionString"])


def test_unconfigured(client: FlaskClient) -> None:
    response = client.get(STATUS)

    assert (response.status_code, response.mimetype) == (200, "application/json")
    assert response.json == UNCONFIGURED
    assert response.headers["Cache-Control"] == "no-store"


def test_ready(app: Flask, client: FlaskClient, dialect: str, body: dict[str, str]) -> None:
    set_up(app, body)

    assert client.get(STATUS).json == ready(dialect)


def test_ready_at_once_in_the_next_process(
    app: Flask, make_app: MakeApp, dialect: str, body: dict[str, str]
) -> None:
    set_up(app, body)

    assert make_app().test_client().get(STATUS).json == ready(dialect)


def test_unreadable(client: FlaskClient, data_dir: Path) -> None:
    (data_dir / "db.selection.json").write_text("{")

    assert client.get(STATUS).json == waiting(None)


def test_waiting_for_a_database_that_is_gone(
    app: Flask,
    client: FlaskClient,
    data_dir: Path,
    postgres: Postgres,
    dialect: str,
    body: dict[str, str],
) -> None:
    set_up(app, body)
    lose(body, data_dir, postgres)

    assert client.get(STATUS).json == waiting(dialect)


def test_waiting_for_a_migration_that_fails(
    app: Flask,
    make_app: MakeApp,
    data_dir: Path,
    tmp_path: Path,
    dialect: str,
    body: dict[str, str],
) -> None:
    set_up(app, body)
    revisions = Revisions(tmp_path / "revisions")
    revisions.add("op.execute('SELECT * FROM nothing')")
    newer = make_app(revisions.config(data_dir))
    settled(newer)

    assert newer.test_client().get(STATUS).json == waiting(dialect)


@pytest.mark.parametrize(
    ("mode", "headers", "peer", "required"),
    [
        ("auto", {}, "127.0.0.1", False),
        ("auto", {}, "::1", False),
        ("auto", {}, "192.168.0.7", True),
        ("auto", {"X-Forwarded-For": "127.0.0.1"}, "127.0.0.1", True),
        ("auto", {"Host": "console.example"}, "127.0.0.1", True),
        ("always", {}, "127.0.0.1", True),
        ("never", {}, "192.168.0.7", False),
    ],
)
def test_whether_setup_asks_for_the_token(
    make_app: MakeApp, mode: str, headers: dict[str, str], peer: str, required: bool
) -> None:
    app = make_app(DEPLOYSTACK_SETUP_TOKEN_MODE=mode, DEPLOYSTACK_ALLOWED_HOSTS="console.example")
    response = app.test_client().get(
        STATUS, headers=headers, environ_overrides={"REMOTE_ADDR": peer}
    )

    assert response.json == UNCONFIGURED | {"setup_token_required": required}


def test_no_word_about_the_token_once_configured(make_app: MakeApp, data_dir: Path) -> None:
    client = make_app(DEPLOYSTACK_SETUP_TOKEN_MODE="always").test_client()
    client.get(STATUS)
    token = (data_dir / "setup.token").read_text().strip()
    done = client.post("/api/db/setup", json={"type": "sqlite"}, headers={"X-Setup-Token": token})

    assert done.status_code == 200
    assert client.get(STATUS).json == ready("sqlite")
    (data_dir / "setup.token").unlink()
    assert client.get(STATUS).json == ready("sqlite")
    assert not (data_dir / "setup.token").exists()


@pytest.mark.parametrize("is_lost", [False, True])
def test_nothing_about_host_path_or_version(
    app: Flask,
    client: FlaskClient,
    data_dir: Path,
    postgres: Postgres,
    dialect: str,
    body: dict[str, str],
    is_lost: bool,
) -> None:
    set_up(app, body)
    if is_lost:
        lose(body, data_dir, postgres)
    answers = [client.get(STATUS), client.get("/readyz")]
    told = "".join(f"{answer.headers}{answer.text}" for answer in answers)

    assert {answer.status_code for answer in answers} == {200, 503 if is_lost else 200}
    version = postgres.execute("SHOW server_version")[0][0].split()[0]
    secrets = [str(data_dir), "deploystack.db", str(postgres.port), version]
    if dialect == "postgres":
        secrets += [body["connectionString"].rpartition("/")[2], postgres.admin.password]
    assert [secret for secret in secrets if secret in told] == []


def test_asking_changes_nothing(client: FlaskClient, data_dir: Path) -> None:
    before = files(data_dir)
    for _ in range(3):
        client.get(STATUS)

    assert files(data_dir) == before


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_it_is_only_read(client: FlaskClient, method: str) -> None:
    response = client.open(STATUS, method=method)

    assert response.status_code == 405
    assert {"GET", "HEAD"} <= set(response.headers["Allow"].split(", "))


def test_two_applications_in_one_process_do_not_disturb_each_other(
    make_app: MakeApp, data_dir: Path, tmp_path: Path
) -> None:
    one = make_app()
    other = make_app(DEPLOYSTACK_DATA_DIR=tmp_path / "other")
    body = {"type": "sqlite"}
    set_up(one, body)

    assert one.test_client().get(STATUS).json == ready("sqlite")
    assert other.test_client().get(STATUS).json == UNCONFIGURED
    set_up(other, body)
    Direct(body, tmp_path / "other").execute("DELETE FROM roles")
    assert Direct(body, data_dir).rows("SELECT count(*) FROM roles") == [2]
