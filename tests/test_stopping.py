"""The real server: how it stops, and what becomes of its workers."""

from __future__ import annotations

import signal
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.conftest import Serve
from tests.support.answers import CHECK, SETUP, SQLITE
from tests.support.containers.sandbox import others
from tests.support.hostile import HostileServer, stay_silent
from tests.support.waiting import until
from tests.support.workers import entries, serving


@pytest.mark.parametrize(
    ("sig", "reaches"),
    [
        (signal.SIGTERM, "the main process"),
        (signal.SIGINT, "the main process"),
        (signal.SIGINT, "every process"),  # Ctrl-C does
    ],
)
def test_stops_cleanly(serve: Serve, sig: signal.Signals, reaches: str) -> None:
    server = serve(WEB_CONCURRENCY="3", DEPLOYSTACK_LOG_LEVEL="INFO")
    until(lambda: serving(server.workers(), 3))
    server.post(SETUP, SQLITE)
    if reaches == "every process":
        for worker in server.workers():
            worker.send_signal(sig)
    started = time.monotonic()

    assert server.stop(sig) == 0
    assert time.monotonic() - started < 8, "no worker had to be killed"
    assert {e["level"] for e in entries(server)} == {"INFO"}
    assert "Stopped." in {e["message"] for e in entries(server)}
    with socket.create_server(("127.0.0.1", server.port)):
        pass


def test_process_1_hears_that_it_shall_stop_before_there_is_a_server(
    serve: Serve, tmp_path: Path
) -> None:
    """In a container, where the kernel keeps from it each signal that it does not listen to."""
    slow = tmp_path / "granian" / "__init__.py"  # is imported in place of the server
    slow.parent.mkdir()
    slow.write_text(
        "import pathlib, time\npathlib.Path(__file__).with_name('here').touch()\ntime.sleep(60)\n"
    )
    command = ["unshare", *others(), "--pid", "--fork", "--", sys.executable, "-m", "deploystack"]
    server = serve(wait=False, command=command, PYTHONPATH=str(tmp_path))
    until(slow.with_name("here").exists)
    [first] = server.workers()
    first.send_signal(signal.SIGTERM)

    assert psutil.wait_procs([first], timeout=5)[1] == []


def test_workers_leave_ctrl_c_to_the_main_process(serve: Serve) -> None:
    """One that gets SIGINT and SIGTERM at once may heed neither, and has to be killed."""
    server = serve()
    until(lambda: serving(server.workers()))
    workers = server.workers()
    for worker in workers:
        worker.send_signal(signal.SIGINT)
    time.sleep(0.5)

    assert server.workers() == workers
    assert all(server.get("/livez").status == 200 for _ in range(10))


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_requests_in_flight_finish(serve: Serve, sig: signal.Signals) -> None:
    server = serve()
    reached = threading.Event()

    def hang(client: socket.socket) -> None:
        reached.set()
        stay_silent(client)

    with HostileServer(hang) as silent, ThreadPoolExecutor(1) as pool:
        uri = f"postgresql://u@127.0.0.1:{silent.port}/d?connect_timeout=2"
        request = pool.submit(server.post, CHECK, {"type": "postgres", "connectionString": uri})
        assert reached.wait(10)
        time.sleep(0.3)
        assert not request.done()
        assert server.stop(sig) == 0

        assert (request.result(0.5).status, request.result().json["code"]) == (422, "db_timeout")


def test_worker_that_dies_is_replaced(serve: Serve, body: dict[str, str]) -> None:
    server = serve()
    until(lambda: serving(server.workers()))
    assert server.post(SETUP, body).status == 200
    killed, other = server.workers()
    killed.kill()
    until(lambda: killed not in server.workers() and serving(server.workers()))

    assert other in server.workers()
    ready = {"configured": True, "initialized": True, "dialect": body["type"]}
    until(lambda: [server.status() for _ in range(20)] == [ready] * 20)
    assert server.stop() == 0


def test_workers_end_with_a_main_process_that_is_killed(serve: Serve) -> None:
    """Left alone, they would keep the port, and nobody would stop or replace them."""
    server = serve(WEB_CONCURRENCY="3")
    until(lambda: serving(server.workers(), 3))
    workers = server.workers()
    psutil.Process(server.pid).kill()

    assert psutil.wait_procs(workers, 5)[1] == []


def test_sighup_replaces_the_workers_without_a_pause(serve: Serve) -> None:
    server = serve(WEB_CONCURRENCY="1")
    until(lambda: serving(server.workers(), 1))
    server.post(SETUP, SQLITE)
    old = server.workers()
    answers = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            answers.append(server.get("/readyz").status)
            time.sleep(0.01)

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        psutil.Process(server.pid).send_signal(signal.SIGHUP)
        try:
            until(lambda: not set(old) & set(server.workers()) and serving(server.workers(), 1), 30)
        finally:
            done.set()
        asking.result(10)

    assert set(answers) == {200}
    assert server.stop() == 0
