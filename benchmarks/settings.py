"""What settings cost: reading them in code, and listing them over HTTP."""

from __future__ import annotations

import http.client
import tempfile
import timeit
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.figures import Figure, repeat
from deploystack import create_app
from deploystack.database import get_database
from deploystack.settings import get_settings, settings
from deploystack.settings.audit import Actor
from tests.support.opened import SERVER
from tests.support.server import Server

COUNTS = (10, 100, 1000)


def reads() -> Iterator[Figure]:
    """Yield microseconds for a read in code, on SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        app = create_app({"DEPLOYSTACK_DATA_DIR": data, "DEPLOYSTACK_LOG_LEVEL": "ERROR"})
        assert app.test_client().post("/api/db/setup", json={"type": "sqlite"}).status_code == 200
        with app.app_context():
            add(100)

            def read() -> object:
                return settings.get("smtp.port")

            def ask() -> None:
                get_settings(app).forget()
                read()

            def load() -> None:
                found = get_settings(app).current()
                found.version = -1
                ask()

            yield Figure("read a setting: from memory", "µs", _microseconds(read, 10_000), "< 5")
            yield Figure("read a setting: the database is asked", "µs", _microseconds(ask, 200))
            yield Figure("read a setting: all 112 are loaded", "µs", _microseconds(load, 50))
        get_database(app).close()


def lists() -> Iterator[Figure]:
    """Yield milliseconds for a list of settings, from request to answer."""
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "data"
            app = create_app({"DEPLOYSTACK_DATA_DIR": data, "DEPLOYSTACK_LOG_LEVEL": "ERROR"})
            client = app.test_client()
            assert client.post("/api/db/setup", json={"type": "sqlite"}).status_code == 200
            with app.app_context():
                add(max(0, count - len(settings.current().values)))
            get_database(app).close()
            server = Server(data, {"DEPLOYSTACK_LOG_LEVEL": "ERROR"}, SERVER)
            server.start()
            try:
                yield Figure(
                    f"GET /api/settings with {max(count, 12):,} settings", "ms", _requests(server)
                )
            finally:
                server.stop()


def add(count: int) -> None:
    """Make so many settings."""
    with settings.changing(Actor("benchmark")) as store:
        for number in range(count):
            store.create(f"bench.s{number:04}", f"value {number}", description="One of many.")


def _requests(server: Server) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)

    def ask() -> None:
        connection.request("GET", "/api/settings")
        response = connection.getresponse()
        response.read()
        assert response.status == 200

    server.until(lambda: server.get("/readyz").status == 200)
    try:
        return repeat(lambda: timeit.timeit(ask, number=20) / 20 * 1000)
    finally:
        connection.close()


def _microseconds(call: Callable[[], object], number: int) -> list[float]:
    return repeat(lambda: timeit.timeit(call, number=number) / number * 1e6)
