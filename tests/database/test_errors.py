"""A database that fails in the middle of a request: 503 if it is away, 500 if we are wrong."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from deploystack.database import db
from deploystack.models import Role
from tests.support.answers import SQLITE, assert_error, at_route
from tests.support.applications import set_up
from tests.support.postgres import Postgres
from tests.support.waiting import until


def test_no_database_yet(app: Flask) -> None:
    response = at_route(app, lambda: db.session.get(Role, "x")).get("/test")

    assert assert_error(response, 503, "not_configured") == {"setup_url": "/api/db/setup"}
    assert int(response.headers["Retry-After"]) > 0


def test_statement_that_is_wrong_is_our_fault(
    app: Flask, body: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    def repeat() -> None:
        db.session.add(Role(id="kanari", name="Global Administrator"))
        db.session.commit()

    client = at_route(app, repeat)
    set_up(app, body)
    response = client.get("/test")

    assert_error(response, 500, "internal_error")
    lines = [line for line in capsys.readouterr().err.splitlines() if "GET /test" in line]
    assert [line for line in lines if "IntegrityError" in line or "UniqueViolation" in line]
    assert "kanari" not in response.text + str(lines)
    assert client.get("/api/db/status").json["initialized"]


@pytest.mark.parametrize(
    "statements",
    [
        ["SELECT * FROM nothing"],
        ["SELECT nothing FROM roles"],
        ["SELEC 1"],
        ["INSERT INTO users (id) VALUES ('x')"],
        ["SELECT * FROM nothing", "SELECT 1"],  # the second in a transaction that has failed
    ],
)
def test_statement_that_is_wrong_takes_nothing_down(
    app: Flask, body: dict[str, str], statements: list[str]
) -> None:
    """Which of these is an *operational* error depends on the driver."""

    def use() -> None:
        for statement in statements[:-1]:
            with contextlib.suppress(sa.exc.DBAPIError):
                db.session.connection().exec_driver_sql(statement)
        db.session.connection().exec_driver_sql(statements[-1])
        raise LookupError  # where SQLite's transaction was not hurt

    client = at_route(app, use)
    set_up(app, body)

    assert_error(client.get("/test"), 500, "internal_error")
    assert client.get("/api/db/status").json["initialized"]
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("is_in_use", [False, True])
def test_server_that_goes_away(
    app: Flask, new_body: Callable[[str], dict[str, str]], postgres: Postgres, is_in_use: bool
) -> None:
    body = new_body("postgres")

    def use() -> dict[str, str]:
        if is_in_use:
            db.session.execute(sa.select(1))
            postgres.drop_database(body["connectionString"])
        db.session.execute(sa.select(1))
        return {}

    client = at_route(app, use)
    set_up(app, body)
    if not is_in_use:
        postgres.drop_database(body["connectionString"])
    response = client.get("/test")

    assert_error(response, 503)
    assert response.json["code"].startswith("db_")
    assert int(response.headers["Retry-After"]) > 0
    assert not client.get("/api/db/status").json["initialized"]


def test_connection_that_breaks_while_it_is_used(
    app: Flask, new_body: Callable[[str], dict[str, str]]
) -> None:
    """The request that held it fails; soon after, there are new ones."""
    end = sa.text("SELECT pg_terminate_backend(pg_backend_pid())")
    client = at_route(app, lambda: db.session.execute(end))
    set_up(app, new_body("postgres"))
    response = client.get("/test")

    assert_error(response, 503)
    assert int(response.headers["Retry-After"]) > 0
    until(lambda: client.get("/readyz").status_code == 200, seconds=2)


def test_no_connection_is_free(app: Flask, data_dir: Path) -> None:
    def use() -> None:
        engine = sa.create_engine(
            f"sqlite:///{data_dir / 'database' / 'deploystack.db'}",
            poolclass=sa.QueuePool,
            pool_size=1,
            max_overflow=0,
            pool_timeout=0.01,
        )
        try:
            with engine.connect():
                engine.connect()
        finally:
            engine.dispose()

    client = at_route(app, use)
    set_up(app, SQLITE)
    response = client.get("/test")

    assert_error(response, 503, "db_busy")
    assert int(response.headers["Retry-After"]) > 0
    assert client.get("/readyz").status_code == 200
