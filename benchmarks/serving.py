"""How fast it answers: the status route under load, and the check that each request makes."""

from __future__ import annotations

import re
import subprocess
import tempfile
import timeit
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import RUNS, Figure, repeat
from benchmarks.starting import server
from deploystack import create_app
from deploystack.database import get_database
from tests.support.server import Server

SECONDS = 3
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def status_under_load() -> Iterator[Figure]:
    """Yield requests per second and the slowest of a hundred, on SQLite, set up."""
    with server() as running:
        assert running.post("/api/db/setup", {"type": "sqlite"}).status == 200
        for connections, goal in ((1, ""), (16, "≥ 10,000"), (64, "")):
            _load(running, connections)
            results = [_load(running, connections) for _ in range(RUNS)]
            name = f"status, {connections} connection{'s' if connections > 1 else ''}"
            yield Figure(f"{name}: rate", "requests/s", [rate for rate, _ in results], goal)
            yield Figure(f"{name}: p99", "ms", [p99 for _, p99 in results])


def per_request_check() -> Iterator[Figure]:
    """Yield what it costs to ask which database, as each request does."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        app = create_app({"DEPLOYSTACK_DATA_DIR": data, "DEPLOYSTACK_LOG_LEVEL": "ERROR"})
        assert app.test_client().post("/api/db/setup", json={"type": "sqlite"}).status_code == 200
        database = get_database(app)
        calls = 20_000
        values = repeat(lambda: timeit.timeit(database.current, number=calls) / calls * 1e6)
        database.close()
    yield Figure("the check that each request makes", "µs", values, "< 10")


def _load(running: Server, connections: int) -> tuple[float, float]:
    url = f"http://127.0.0.1:{running.port}/api/db/status"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}", "--latency", url]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in out, out
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", out)
    assert rate, out
    assert p99, out
    return float(rate[1]), float(p99[1]) * UNITS[p99[2]]
