"""Workers of the real server that are killed in the middle of a setup, under load."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.commands import copy_project
from tests.support.crashes import OWN_REVISIONS
from tests.support.direct import Direct
from tests.support.revisions import Revisions
from tests.support.server import Server
from tests.support.waiting import until

UNCONFIGURED = {"configured": False, "initialized": False, "dialect": None}
RETRY_SECONDS = 5.0
DIED = (OSError, HTTPException)  # what comes instead of an answer from a worker that is killed


class Load:
    """Threads that ask for the status until they are told to stop."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.seen: list[list[dict[str, Any]]] = []
        self._stop = threading.Event()

    def ask(self) -> None:
        answers: list[dict[str, Any]] = []
        self.seen.append(answers)
        while not self._stop.is_set():
            with contextlib.suppress(*DIED):
                answers.append(self.server.status())

    @contextlib.contextmanager
    def running(self, threads: int = 3) -> Iterator[None]:
        with ThreadPoolExecutor(threads) as pool:
            asking = [pool.submit(self.ask) for _ in range(threads)]
            try:
                yield
            finally:
                self._stop.set()
        for future in asking:
            future.result()


@pytest.fixture
def server(data_dir: Path, tmp_path: Path) -> Iterator[Server]:
    """The real server, with a revision during which there is time to kill it."""
    project = copy_project(tmp_path / "project")
    shutil.rmtree(project / "migrations")
    Revisions(project / "migrations").add(
        "import time\nop.create_table('slow', sa.Column('id', sa.Integer))\ntime.sleep(0.7)"
    )
    server = Server(data_dir, {"WEB_CONCURRENCY": "2"}, root=project)
    try:
        server.start()
        until(lambda: started(server) == 2)
        yield server
    finally:
        server.kill()


def started(server: Server) -> int:
    """Return how many workers have begun to serve so far."""
    return server.log.read_text().count('"Started worker-')


def in_the_middle(direct: Direct) -> Callable[[], object]:
    """Return what tells that a setup has begun to write, and has not committed."""
    if direct.dialect == "sqlite":
        return direct.file.with_name(f"{direct.file.name}-journal").exists
    return lambda: direct.rows("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted")


def kill_workers_during_setup(server: Server, body: dict[str, str], direct: Direct) -> None:
    """Begin a setup, and kill every worker once it has begun to write."""
    begun = in_the_middle(direct)
    with ThreadPoolExecutor(1) as pool:
        setup = pool.submit(server.post, "/api/db/setup", body)
        until(lambda: begun() or setup.done(), 20)
        assert not setup.done(), setup.result()
        for worker in server.workers():
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.kill()
        with pytest.raises(DIED):
            setup.result(timeout=20)


def test_the_workers_that_replace_them_serve(
    body: dict[str, str], dialect: str, server: Server, data_dir: Path
) -> None:
    direct = Direct(body, data_dir)
    load = Load(server)
    with load.running():
        kill_workers_during_setup(server, body, direct)
        killed_at = time.monotonic()
        server.until(lambda: started(server) == 4)
        assert server.status() == {**UNCONFIGURED, "setup_token_required": False}
        assert server.post("/api/db/setup", body).status == 200
        assert time.monotonic() - killed_at < RETRY_SECONDS
        server.until(lambda: all(server.get("/readyz").status == 200 for _ in range(20)), 2)

    ready = {"configured": True, "initialized": True, "dialect": dialect}
    assert server.status() == ready
    assert direct.rows("SELECT count(*) FROM roles") == [2]
    assert direct.revisions() == [*OWN_REVISIONS, "test0001"]
    for answers in load.seen:
        configured = [answer["configured"] for answer in answers]
        assert configured == sorted(configured)  # once, and not back again
        assert answers[-1] == ready
    assert server.stop() == 0
