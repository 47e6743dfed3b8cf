"""What accounts cost: hashing a password, logging in, and a request with a session."""

from __future__ import annotations

import tempfile
import timeit
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.figures import Figure, repeat
from deploystack import create_app
from deploystack.auth import passwords
from deploystack.database import get_database
from tests.support.people import LOGIN, ME, PASSWORD, administrator


def accounts() -> Iterator[Figure]:
    """Yield milliseconds, in one process on SQLite, without a server."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        app = create_app({"DEPLOYSTACK_DATA_DIR": data, "DEPLOYSTACK_LOG_LEVEL": "ERROR"})
        assert app.test_client().post("/api/db/setup", json={"type": "sqlite"}).status_code == 200
        client = administrator(app)
        body = {"login": "alice", "password": PASSWORD}
        kept = passwords.hashed(PASSWORD)

        def log_in() -> None:
            assert client.post(LOGIN, json=body).status_code == 200

        def ask() -> None:
            assert client.get(ME).status_code == 200

        yield Figure(
            "login: comparing the password (Argon2id, 19 MiB, two passes)",
            "ms",
            _milliseconds(lambda: passwords.matches(PASSWORD, kept), 10),
        )
        yield Figure("login: the whole request", "ms", _milliseconds(log_in, 10))
        yield Figure("a request with a session", "ms", _milliseconds(ask, 200))
        get_database(app).close()


def _milliseconds(call: Callable[[], object], number: int) -> list[float]:
    return repeat(lambda: timeit.timeit(call, number=number) / number * 1000)
