"""The real server: how it starts, where it listens, and what its workers are like."""

from __future__ import annotations

import http.client
import json
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from deploystack.testing.ports import free_port
from tests.conftest import Serve
from tests.support.answers import SETUP, SQLITE, STATUS
from tests.support.ask import every_worker
from tests.support.programs import run
from tests.support.rows import SERVER
from tests.support.server import Server
from tests.support.waiting import until
from tests.support.workers import serving

UNCONFIGURED = {
    "configured": False,
    "initialized": False,
    "dialect": None,
    "setup_token_required": False,
}
MAX_BYTES = (100 if sys.version_info < (3, 13) else 115) * 10**6
"""Of memory, in a worker: 91 MB on Python 3.11, up to 105 on Python 3.13."""


def processes(server: Server) -> list[psutil.Process]:
    return [psutil.Process(server.pid), *server.workers()]


def listening(server: Server) -> set[tuple[str, int]]:
    """Return the addresses that the server's processes listen on."""
    return {
        (connection.laddr.ip, connection.laddr.port)
        for process in processes(server)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }


def test_listens_where_it_is_told_and_nowhere_else(serve: Serve) -> None:
    server = serve(WEB_CONCURRENCY="3")
    until(lambda: serving(server.workers(), 3))

    assert listening(server) == {("127.0.0.1", server.port)}


def test_every_worker_serves(serve: Serve) -> None:
    server = serve(command=SERVER, WEB_CONCURRENCY="3")
    until(lambda: serving(server.workers(), 3))
    assert server.post(SETUP, SQLITE).status == 200

    assert len({answer.json["pid"] for answer in every_worker(server)}) == 3


def test_start_tells_what_to_do_next(serve: Serve, data_dir: Path) -> None:
    server = serve(DEPLOYSTACK_LOG_FORMAT="human", DEPLOYSTACK_LOG_LEVEL="INFO")
    log = server.log.read_text()

    assert f"http://127.0.0.1:{server.port}" in log
    assert "2 workers" in log
    for hint in ("open /setup in a browser", "flask db setup", str(data_dir / "setup.token")):
        assert hint in log
    server.post(SETUP, SQLITE)
    assert server.stop() == 0

    before = len(server.log.read_text())
    server.start()
    assert "setup" not in server.log.read_text()[before:]


@pytest.mark.parametrize("host", ["localhost", "::1"])
def test_other_ways_to_name_this_machine(serve: Serve, host: str) -> None:
    server = serve(wait=False, HOST=host)
    until(lambda: serving(server.workers()))
    connection = http.client.HTTPConnection(host, server.port, timeout=10)
    connection.request("GET", STATUS)
    assert json.loads(connection.getresponse().read()) == UNCONFIGURED
    connection.close()
    shown = f"[{host}]" if ":" in host else host
    assert f"http://{shown}:{server.port}" in server.log.read_text()
    assert server.stop() == 0


def start_in_vain(**variables: str) -> str:
    """Start a server that cannot; return the one line it says."""
    result = run(["deploystack"], **variables)

    assert (result.returncode, result.stdout) == (1, "")
    [line] = result.stderr.splitlines()
    assert line.endswith(".")
    return line


def test_port_that_somebody_else_has(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        line = start_in_vain(PORT=port, DEPLOYSTACK_DATA_DIR=str(data_dir))

    assert f"HOST and PORT cannot be used: 127.0.0.1:{port}" in line


def test_port_that_another_server_of_ours_has(serve: Serve, tmp_path: Path) -> None:
    """The operating system would let both have it, and share the requests out."""
    server = serve()
    line = start_in_vain(PORT=str(server.port), DEPLOYSTACK_DATA_DIR=str(tmp_path / "other"))

    assert "HOST and PORT" in line
    assert server.status() == UNCONFIGURED


@pytest.mark.parametrize("host", ["192.0.2.1", "a..b"])
def test_address_that_is_not_this_machine_s(data_dir: Path, host: str) -> None:
    line = start_in_vain(HOST=host, PORT=str(free_port()), DEPLOYSTACK_DATA_DIR=str(data_dir))

    assert "HOST" in line


@pytest.mark.both
def test_nothing_is_connected_before_the_workers_are_made(
    serve: Serve, body: dict[str, str], new_body: Callable[[str], dict[str, str]]
) -> None:
    """Two processes on one connection, or one SQLite handle, would corrupt each other's data."""
    server = serve()
    assert server.post(SETUP, body).status == 200
    assert server.stop() == 0
    server.start()
    until(lambda: serving(server.workers()))
    for _ in range(40):
        assert server.get("/readyz").status == 200
    main, *workers = processes(server)

    def databases(process: psutil.Process) -> list[object]:
        files = [f.path for f in process.open_files() if f.path.endswith(".db")]
        return files + [c.laddr.port for c in process.net_connections("tcp") if c.raddr]

    assert databases(main) == []
    assert main.num_threads() <= 1 + len(workers), "one that watches each worker"
    if body["type"] == "postgres":
        ports = [port for worker in workers for port in databases(worker)]
        assert len(ports) == len(set(ports)) >= 1


def test_memory(serve: Serve, body: dict[str, str]) -> None:
    server = serve()
    assert server.post(SETUP, body).status == 200
    for _ in range(50):
        assert server.status()["initialized"]

    resident = [worker.memory_info().rss for worker in server.workers()]
    assert max(resident) < MAX_BYTES


def test_body_that_comes_in_pieces_is_bounded_too(serve: Serve) -> None:
    """Without a Content-Length, and with a good beginning."""
    server = serve()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    pieces = iter([json.dumps(SQLITE).encode(), b" " * 4096, b"and more"])
    connection.request(
        "POST", SETUP, pieces, {"Content-Type": "application/json"}, encode_chunked=True
    )
    response = connection.getresponse()

    assert (response.status, json.loads(response.read())["code"]) == (413, "body_too_large")
    connection.close()
    assert server.status() == UNCONFIGURED


def test_flask_command_works_from_any_folder(data_dir: Path, tmp_path: Path) -> None:
    flask = ["flask", "--app", "wsgi"]
    variables = {"DEPLOYSTACK_DATA_DIR": str(data_dir)}
    made = run([*flask, "db", "setup", "--type", "sqlite"], folder=tmp_path, **variables)
    seen = run([*flask, "db", "status", "--json"], folder=Path("/"), **variables)

    assert (made.returncode, seen.returncode) == (0, 0), made.stderr + seen.stderr
    assert json.loads(seen.stdout)["initialized"]
    assert re.fullmatch("[0-9a-f]+", json.loads(seen.stdout)["revision"])
    assert list(tmp_path.iterdir()) == [data_dir]
