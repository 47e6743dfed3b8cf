"""``/livez`` answers whatever the database does; ``/readyz`` only when the database answers."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from deploystack.database import get_database
from deploystack.testing.ports import free_port
from tests.conftest import MakeApp
from tests.support.answers import SQLITE, assert_error
from tests.support.applications import set_up, settled
from tests.support.postgres import PostgresServer
from tests.support.revisions import Revisions
from tests.support.waiting import until

ALIVE = {"status": "alive"}
READY = {"status": "ready"}


def not_ready(client: FlaskClient, code: str) -> None:
    """See readyz refuse, and livez answer all the same."""
    response = client.get("/readyz")

    assert_error(response, 503, code)
    assert int(response.headers["Retry-After"]) > 0
    assert (client.get("/livez").status_code, client.get("/livez").json) == (200, ALIVE)


def test_unconfigured(client: FlaskClient) -> None:
    not_ready(client, "not_configured")


def test_unreadable(client: FlaskClient, data_dir: Path) -> None:
    (data_dir / "db.selection.json").write_text("{")

    not_ready(client, "selection_unreadable")


def test_ready(app: Flask, client: FlaskClient, body: dict[str, str]) -> None:
    set_up(app, body)
    response = client.get("/readyz")

    assert (response.status_code, response.json) == (200, READY)
    assert client.head("/readyz").status_code == 200
    assert_error(client.post("/readyz"), 405)


def test_file_missing_and_put_back(app: Flask, client: FlaskClient, data_dir: Path) -> None:
    set_up(app, SQLITE)
    file = data_dir / "database" / "deploystack.db"
    file.rename(data_dir / "elsewhere")
    not_ready(client, "database_file_missing")

    (data_dir / "elsewhere").rename(file)
    until(lambda: client.get("/readyz").status_code == 200, 5)


def test_unreachable(make_app: MakeApp) -> None:
    app = make_app(DEPLOYSTACK_DATABASE_URL=f"postgresql://u@127.0.0.1:{free_port()}/d")
    settled(app)

    not_ready(app.test_client(), "db_unreachable")


def test_revision_that_fails(app: Flask, make_app: MakeApp, data_dir: Path, tmp_path: Path) -> None:
    set_up(app, SQLITE)
    revisions = Revisions(tmp_path / "revisions")
    revisions.add("op.execute('SELECT * FROM nothing')")
    newer = make_app(revisions.config(data_dir))
    settled(newer)

    not_ready(newer.test_client(), "migration_failed")


def test_database_newer_than_the_code(make_app: MakeApp, data_dir: Path, tmp_path: Path) -> None:
    revisions = Revisions(tmp_path / "revisions")
    revisions.add("op.execute('SELECT 1')")
    set_up(make_app(revisions.config(data_dir)), SQLITE)
    older = make_app()
    settled(older)

    not_ready(older.test_client(), "db_newer")


def test_hanging_server_costs_two_seconds_and_no_more(
    app: Flask, client: FlaskClient, own_postgres: PostgresServer
) -> None:
    set_up(app, {"type": "postgres", "connectionString": own_postgres.create_database()})

    def ask() -> tuple[int, float]:
        started = time.monotonic()
        return app.test_client().get("/readyz").status_code, time.monotonic() - started

    with own_postgres.frozen(), ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask) for _ in range(8)]
        started = time.monotonic()
        assert client.get("/livez").json == ALIVE
        assert time.monotonic() - started < 0.5
        answers = [future.result() for future in asked]
        not_ready(client, "db_timeout")

    assert {status for status, _ in answers} == {503}
    assert max(seconds for _, seconds in answers) < 3
    until(lambda: client.get("/readyz").status_code == 200, 5)


def test_livez_does_not_look_for_a_database(
    client: FlaskClient, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever looks reads the selection, and says that it cannot be read."""
    (data_dir / "db.selection.json").write_text("{")
    assert client.get("/livez").json == ALIVE
    assert "selection_unreadable" not in capsys.readouterr().err

    client.get("/readyz")
    assert "selection_unreadable" in capsys.readouterr().err


def test_livez_takes_no_connection_and_no_lease(
    app: Flask, client: FlaskClient, body: dict[str, str]
) -> None:
    set_up(app, body)
    database = get_database(app)
    binding = database.current().binding
    assert binding
    taken: list[str] = []
    sa.event.listen(binding.engine, "checkout", lambda *_: taken.append("connection"))
    lease = binding.lease
    binding.lease = lambda: bool(taken.append("lease")) or lease()  # type: ignore[method-assign]

    assert client.get("/livez").json == ALIVE
    assert taken == []
    assert client.get("/readyz").json == READY
    assert set(taken) == {"connection", "lease"}, "the probe of this test works"
