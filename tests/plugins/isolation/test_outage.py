"""A database that goes away while a plugin uses it is not the plugin's fault."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from deploystack.database import get_database
from tests.plugins.isolation.catalogue import ROUTES, THING, UNUSUAL, seeding
from tests.plugins.isolation.conftest import Start
from tests.plugins.isolation.test_requests import around, view
from tests.support.applications import settled
from tests.support.plugins import Folder, ask, assert_others_work, states, told
from tests.support.postgres import PostgresServer
from tests.support.waiting import until

PLUGIN = UNUSUAL + THING + ROUTES


@pytest.mark.parametrize(
    "text",
    [
        view("db.session.scalar(sa.select(sa.func.count(Thing.id)))", "return {}"),
        around("before_request", "", "db.session.execute(sa.text('SELECT 1'))"),
        around(
            "after_request",
            "response",
            "db.session.execute(sa.text('SELECT 1'))",
            "return response",
        ),
        around("teardown_request", "error", "db.session.execute(sa.text('SELECT 1'))"),
    ],
    ids=["view", "before", "after", "teardown"],
)
def test_a_database_that_is_away_is_not_its_fault(
    folder: Folder, start: Start, outage: PostgresServer, text: str
) -> None:
    folder.add("bad", PLUGIN + text)
    app = start()
    body = {"type": "postgres", "connectionString": outage.create_database()}
    assert app.test_client().post("/api/db/setup", json=body).status_code == 200
    outage.execute("CHECKPOINT")
    if "teardown" not in text:
        assert ask(app, "fail").status_code == 200

    outage.stop("immediate")
    try:
        for _ in range(3):
            answer = ask(app, "fail")
            assert answer.status_code in ({200, 503} if "teardown" in text else {503}), answer.text
            assert answer.json.get("code", "db_").startswith("db_")
            assert told(app)["bad"]["code"] is None
    finally:
        outage.start()

    until(lambda: ask(app, "fail").status_code == 200)
    settled(app)
    assert states(app)["bad"] == "active"
    assert_others_work(app)
    get_database(app).close()


@pytest.fixture(scope="module")
def outage() -> Iterator[PostgresServer]:
    """A server to stop, which each test leaves running."""
    with PostgresServer() as server:
        yield server


def test_a_restart_of_the_server_while_a_plugin_seeds(
    folder: Folder, start: Start, outage: PostgresServer
) -> None:
    """Setup fails, because the database does; the same call works, with every plugin."""
    folder.add("bad", seeding("session.execute(sa.text('SELECT pg_sleep(1)'))"))
    app = start()
    body = {"type": "postgres", "connectionString": outage.create_database()}
    outage.execute("CHECKPOINT")

    def restart() -> None:
        sleeping = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
        until(lambda: outage.execute(sleeping))
        outage.restart()

    restarting = threading.Thread(target=restart)
    restarting.start()
    client = app.test_client()
    answer = client.post("/api/db/setup", json=body)
    restarting.join()
    assert answer.status_code == 422
    assert told(app)["bad"]["code"] is None

    until(lambda: client.post("/api/db/setup", json=body).status_code == 200)
    assert set(states(app).values()) == {"active"}
    assert_others_work(app)
    get_database(app).close()
