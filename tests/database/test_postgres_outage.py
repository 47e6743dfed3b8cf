"""A PostgreSQL server that is down, goes down, restarts or hangs, seen through the real server."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from deploystack.database.handle import FRESH_SECONDS
from tests.support.ask import at_once, every_worker
from tests.support.postgres import PostgresServer
from tests.support.rows import SERVER
from tests.support.server import Server

WAITING = {"configured": True, "initialized": False, "dialect": "postgres"}
READY = WAITING | {"initialized": True}
WORKERS = 2
RECOVERY_SECONDS = 5.0


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server to mistreat. Each test leaves it, and the other, as they were."""
    with PostgresServer() as postgres:
        yield postgres


@pytest.fixture(scope="module")
def server(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two workers, both of which have connections to their database."""
    variables = {"WEB_CONCURRENCY": str(WORKERS)}
    server = Server(tmp_path_factory.mktemp("outage") / "data", variables, SERVER)
    server.start()
    try:
        body = {"type": "postgres", "connectionString": postgres.create_database()}
        assert server.post("/api/db/setup", body).status == 200
        assert server.request("POST", "/rows/first").status == 200
        postgres.execute("CHECKPOINT")  # commits need not wait for the disk here; this one must
        every_worker(server)
        yield server
    finally:
        server.kill()


def away(server: Server) -> None:
    """See the database missed by whoever needs it, in every worker, and by nobody else."""
    time.sleep(1.5 * FRESH_SECONDS)
    for _ in range(4 * WORKERS):
        assert server.status() == WAITING
        assert server.get("/livez").status == 200
        for answer in (
            server.get("/readyz"),
            server.get("/rows"),
            server.request("POST", "/rows/lost"),
        ):
            assert answer.status == 503
            assert answer.json["code"] in {"db_unreachable", "db_shutting_down"}
            assert int(answer.headers["Retry-After"]) in range(1, 6)
    assert server.post("/api/db/setup", {"type": "sqlite"}).status == 409


def back(server: Server) -> None:
    """See every worker serve what was there, soon."""
    taken = server.until(lambda: all(server.status() == READY for _ in range(4 * WORKERS)))
    assert taken < RECOVERY_SECONDS
    assert {tuple(answer.json["rows"]) for answer in every_worker(server)} == {("first",)}
    assert server.get("/readyz").status == 200


def test_down_at_the_start(server: Server, postgres: PostgresServer) -> None:
    server.stop()
    postgres.stop()
    server.start()

    away(server)
    assert len(server.workers()) == WORKERS
    postgres.start()
    back(server)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_down_later(server: Server, postgres: PostgresServer, mode: str) -> None:
    workers = server.workers()
    postgres.stop(mode)

    away(server)
    postgres.start()
    back(server)
    assert server.workers() == workers


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_restarted_between_two_requests(
    server: Server, postgres: PostgresServer, mode: str
) -> None:
    """Each worker finds its connections broken, and nobody notices."""
    every_thread = [lambda: server.get("/rows")] * 16
    at_once(every_thread)
    postgres.restart(mode)

    answers = at_once(every_thread) + every_worker(server)
    assert [answer.text for answer in answers if answer.status != 200] == []
    assert server.status() == READY


def test_a_connection_is_cut(server: Server, postgres: PostgresServer) -> None:
    """As by a firewall that forgets, or an administrator."""
    postgres.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE application_name = 'deploystack'"
    )

    assert every_worker(server)
    assert server.status() == READY


def test_hanging(server: Server, postgres: PostgresServer) -> None:
    with postgres.frozen():
        started = time.monotonic()
        answers = at_once([lambda: server.get("/readyz")] * 6)
        taken = time.monotonic() - started
        assert {(answer.status, answer.json["code"]) for answer in answers} == {(503, "db_timeout")}
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in answers)
        assert taken < 2.5
        assert server.status() == WAITING
        assert server.get("/livez").status == 200

    back(server)


def test_hanging_at_the_start(server: Server, postgres: PostgresServer) -> None:
    server.stop()
    with postgres.frozen():
        server.start()
        started = time.monotonic()
        answers = at_once([lambda: server.get("/readyz"), lambda: server.get("/api/db/status")])
        assert time.monotonic() - started < 2.5
        assert answers[0].status == 503
        assert answers[1].json == WAITING

    back(server)
