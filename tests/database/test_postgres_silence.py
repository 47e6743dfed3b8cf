"""A server that falls silent while requests wait for it: frozen, or behind a dead firewall."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from deploystack.database import probe
from tests.support.postgres import PostgresServer
from tests.support.rows import add_routes
from tests.support.waiting import until


def test_what_waits_for_a_silent_server_is_released(
    app: Flask, own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "GIVE_UP_SECONDS", 3.0)
    add_routes(app)
    body = {"type": "postgres", "connectionString": own_postgres.create_database()}
    client = app.test_client()
    assert client.post("/api/db/setup", json=body).status_code == 200
    assert client.get("/rows").status_code == 200

    with ThreadPoolExecutor() as pool:
        with own_postgres.frozen():
            waiting = pool.submit(lambda: app.test_client().get("/rows"))
            assert client.get("/readyz").json["code"] == "db_timeout"
            # Only the timer is left to act, as where every thread waits. Then the pool tries a
            # new connection, which has ten seconds.
            assert waiting.result(16).status_code == 503
            assert client.get("/rows").status_code == 503
        until(lambda: client.get("/readyz").status_code == 200, 5)
    assert client.get("/rows").status_code == 200
