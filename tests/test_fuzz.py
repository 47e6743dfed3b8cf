"""Ten thousand bodies and a thousand connection strings: no 500, no file, nothing contacted."""

from __future__ import annotations

import contextlib
import json
import socket
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Serve
from tests.support.answers import CHECK, SETUP, SQLITE, assert_error
from tests.support.files import files
from tests.support.generator import Generator
from tests.support.loopback import loopback_only

BATCHES = 8
BODIES = 1_300  # in each batch
STRINGS = 150


def is_right(body: bytes) -> bool:
    """Return whether SQLite would rightly be set up; these go to the other route."""
    try:
        return bool(json.loads(body.decode()) == SQLITE)
    except (ValueError, RecursionError):
        return False


@pytest.fixture(params=range(BATCHES))
def generator(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Generator:
    """A source of requests, one for each batch."""
    monkeypatch.chdir(tmp_path)
    return Generator(request.param, tmp_path)


def test_bodies(
    client: FlaskClient, generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(tmp_path)
    seen = set()
    with loopback_only(monkeypatch):
        for number in range(BODIES):
            body = generator.body()
            route = CHECK if number % 2 or is_right(body) else SETUP
            response = client.post(
                route,
                data=body,
                headers=generator.headers(),
                environ_overrides=generator.environ(),
            )
            seen.add(response.status_code)
            if response.status_code != 200:
                assert_error(response, response.status_code)
            else:
                assert (route, is_right(body)) == (CHECK, True), body

    assert seen == {200, 400, 403, 413, 415, 422}
    assert files(tmp_path) == before


def test_connection_strings(
    client: FlaskClient, generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(tmp_path)
    seen = set()
    with loopback_only(monkeypatch) as used:
        for number in range(STRINGS):
            body = {"type": "postgres", "connectionString": generator.connection_string()}
            response = client.post(CHECK if number % 2 else SETUP, json=body)
            assert_error(response, response.status_code)
            seen.add(response.json["code"])

    assert {"invalid_connection_string", "db_unreachable"} <= seen
    refused = {"invalid_json", "invalid_connection_string", "validation_error"}
    assert seen <= refused | {"db_unreachable", "db_timeout"}
    assert {"127.0.0.1"} <= set(used), "some were good enough to be tried"
    assert files(tmp_path) == before


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("type"), inner),
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(JSON | st.fixed_dictionaries({"type": JSON, "connectionString": st.text(max_size=40)}))
def test_json_of_any_shape(client: FlaskClient, value: object) -> None:
    if value != SQLITE:
        response = client.post(SETUP, data=json.dumps(value), content_type="application/json")
        assert_error(response, 413 if len(json.dumps(value)) > 4096 else 400)


def test_anything_on_the_wire(serve: Serve, data_dir: Path, tmp_path: Path) -> None:
    """The real server survives it, with the same workers."""
    server = serve()
    before, workers = files(data_dir), {worker.pid for worker in server.workers()}
    made = Generator(0, tmp_path)
    seen = set()
    for number in range(200):
        body = made.body()
        head = f"POST {SETUP} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        length = f"Content-Length: {max(0, len(body) + number % 3 - 1)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            if is_right(body):
                continue
            answer = b""
            with contextlib.suppress(ConnectionError):  # it may hang up at any time
                connection.sendall((head + length).encode() + body if number % 2 else body)
                with contextlib.suppress(OSError):  # it already has
                    connection.shutdown(socket.SHUT_WR)
                answer = connection.makefile("rb").readline()
            seen.add(answer.partition(b" ")[2][:3])

    assert {b"400"} <= seen <= {b"", b"400", b"413", b"422", b"431"}
    assert server.get("/livez").status == 200
    assert {worker.pid for worker in server.workers()} == workers
    assert files(data_dir) == before
    assert '"ERROR"' not in server.log.read_text()
