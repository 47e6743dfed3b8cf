"""How long the program takes to be there: import, first answer, setup, memory."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.figures import Figure, repeat
from tests.support.postgres import Postgres, external_or_private
from tests.support.server import ROOT, Server

IMPORT = """
import time
started = time.perf_counter()
from deploystack import create_app
create_app({"DEPLOYSTACK_DATA_DIR": %r, "DEPLOYSTACK_LOG_LEVEL": "ERROR"})
print((time.perf_counter() - started) * 1000)
"""


@contextmanager
def server(**variables: str) -> Iterator[Server]:
    """Start a server in an empty data folder."""
    with tempfile.TemporaryDirectory() as folder:
        started = Server(Path(folder) / "data", {"DEPLOYSTACK_LOG_LEVEL": "ERROR", **variables})
        started.start()
        try:
            yield started
        finally:
            started.stop()


def imports() -> Iterator[Figure]:
    """Yield the time to import the package and build the application."""

    def measure() -> float:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-c", IMPORT % folder]
            result = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        return float(result.stdout)

    yield Figure("import deploystack and create_app()", "ms", repeat(measure), "< 500")


def first_answer() -> Iterator[Figure]:
    """Yield the time from starting the process to the first answer of the status route."""

    def measure() -> float:
        with tempfile.TemporaryDirectory() as folder:
            cold = Server(Path(folder) / "data", {"DEPLOYSTACK_LOG_LEVEL": "ERROR"})
            started = time.perf_counter()
            cold.start(wait=False)
            while True:
                try:
                    cold.get("/api/db/status")
                    break
                except OSError:
                    time.sleep(0.002)
            took = time.perf_counter() - started
            cold.stop()
        return took * 1000

    yield Figure("start to first status answer", "ms", repeat(measure), "< 600")


def setups() -> Iterator[Figure]:
    """Yield the time of the setup call in a running server, and what a worker weighs then."""
    memory: list[float] = []

    def measure(body: dict[str, str]) -> float:
        with server() as running:
            time.sleep(1)  # a person reads the page before choosing
            started = time.perf_counter()
            answer = running.post("/api/db/setup", body)
            took = time.perf_counter() - started
            assert answer.status == 200, answer
            for _ in range(200):
                running.get("/readyz")
            memory.extend(w.memory_info().rss / 2**20 for w in running.workers())
        return took * 1000

    yield Figure("setup on SQLite", "ms", repeat(lambda: measure({"type": "sqlite"})), "< 150")
    with external_or_private() as postgres:
        yield Figure("setup on PostgreSQL", "ms", repeat(lambda: _on(postgres, measure)))
    yield Figure("resident memory of a worker, set up", "MiB", memory, "< 100")


def _on(postgres: Postgres, measure: Callable[[dict[str, str]], float]) -> float:
    uri = postgres.create_database()
    try:
        return measure({"type": "postgres", "connectionString": uri})
    finally:
        postgres.drop_database(uri)
