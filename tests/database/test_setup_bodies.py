"""Bodies that setup and check do not accept, and what is said of each."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from deploystack import create_app
from deploystack.database import get_database
from tests.conftest import Serve
from tests.support.files import files
from tests.support.server import Answer, Server

SQLITE = {"type": "sqlite"}
URI = "postgresql://u:c4nary@127.0.0.1:1/d"
MAX_BYTES = 4096


@pytest.fixture(params=["/api/db/setup", "/api/db/check"])
def route(request: pytest.FixtureRequest) -> str:
    """Each route that takes a database."""
    return str(request.param)


@pytest.fixture(scope="module")
def unconfigured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """One application for all bodies; after all that was refused, the right call works."""
    app = create_app({"DEPLOYSTACK_DATA_DIR": tmp_path_factory.mktemp("bodies") / "data"})
    yield app
    assert app.test_client().post("/api/db/setup", json=SQLITE).status_code == 200
    get_database(app).close()


@pytest.fixture
def client(unconfigured: Flask) -> Iterator[FlaskClient]:
    """A client of it. Whatever was refused changed nothing."""
    data_dir = get_database(unconfigured).config.data_dir
    client = unconfigured.test_client()
    before = files(data_dir)
    yield client
    assert files(data_dir) == before
    assert client.get("/api/db/status").json["configured"] is False


def refused(client: FlaskClient, route: str, body: str | bytes) -> dict[str, Any]:
    """Send a body, see it refused with 400, and return the answer's body."""
    response = client.post(route, data=body, content_type="application/json")
    assert response.status_code == 400, response.text
    answer: dict[str, Any] = response.get_json()
    assert set(answer) == {"success", "error", "code", "details"}
    assert answer["success"] is False
    assert answer["error"].endswith(".")
    assert "c4nary" not in response.text
    return answer


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"type"}),
        ({"type": None}, {"type"}),
        ({"type": 1}, {"type"}),
        ({"type": True}, {"type"}),
        ({"type": ["sqlite"]}, {"type"}),
        ({"type": {"sqlite": "sqlite"}}, {"type"}),
        ({"type": ""}, {"type"}),
        ({"type": "mysql"}, {"type"}),
        ({"type": "SQLite"}, {"type"}),
        ({"type": "sqlite\n"}, {"type"}),
        ({"Type": "sqlite"}, {"type", "Type"}),
        ({"type": "sqlite", "path": "/etc/passwd"}, {"path"}),
        ({"type": "sqlite", "": 1, "constructor": 2}, {"", "constructor"}),
        ({"type": "sqlite", "connectionString": URI}, {"connectionString"}),
        ({"type": "sqlite", "connectionString": ""}, {"connectionString"}),
        ({"type": "sqlite", "connectionString": None}, {"connectionString"}),
        ({"type": "postgres"}, {"connectionString"}),
        ({"type": "postgres", "connectionString": None}, {"connectionString"}),
        ({"type": "postgres", "connectionString": 5432}, {"connectionString"}),
        ({"type": "postgres", "connectionString": [URI]}, {"connectionString"}),
        ({"type": "postgres", "connectionString": {"host": "h"}}, {"connectionString"}),
        ({"type": "postgres", "connectionString": URI, "sslmode": "x"}, {"sslmode"}),
        ({"type": "postgres", "connection_string": URI}, {"connection_string"}),
        ({"connectionString": URI}, {"type"}),
    ],
    ids=lambda value: repr(value) if isinstance(value, dict) else "",
)
def test_wrong_fields_are_named(
    client: FlaskClient, route: str, body: dict[str, Any], fields: set[str]
) -> None:
    answer = refused(client, route, json.dumps(body))

    assert answer["code"] == "validation_error"
    assert set(answer["details"]) == fields
    for sentences in answer["details"].values():
        assert sentences
        assert all(isinstance(sentence, str) for sentence in sentences)


@pytest.mark.parametrize("body", ["[]", "null", "true", "1", '"sqlite"', '[{"type": "sqlite"}]'])
def test_it_must_be_an_object(client: FlaskClient, route: str, body: str) -> None:
    assert refused(client, route, body)["code"] == "invalid_body"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"type=sqlite",
        b"{'type': 'sqlite'}",
        b'{"type": "sqlite",}',
        b'{"type": "sqlite"} x',
        b'{"type": "sqlite"}{"type": "sqlite"}',
        b'{"type": "sqlite"}\0',
        b'{"type": "sq\nlite"}',
        b'\xef\xbb\xbf{"type": "sqlite"}',
        '{"type": "sqlite"}'.encode("utf-16"),
        b'{"type": "\xff"}',
        b'{"type": "\xed\xa0\x80"}',
        b'{"type": "sqlite", "type": "sqlite"}',
        b'{"type": "mysql", "type": "sqlite"}',
        b'{"type": "sqlite", "x": {"a": 1, "a": 1}}',
        b'{"type": NaN}',
        rb'{"type": "\ud800"}',  # half of a surrogate pair
        rb'{"type": "sqlite", "\udfff": 1}',
        rb'{"type": "postgres", "connectionString": "postgresql://u:c4nary\ud800@127.0.0.1/d"}',
        b'{"type": "sqlite", "x": Infinity}',
        b'{"type": "sqlite", "x": [-Infinity]}',
        b"[" * MAX_BYTES,
        b'{"type":' * (MAX_BYTES // 8),
    ],
    ids=lambda body: repr(body[:40]),
)
def test_it_must_be_json(client: FlaskClient, route: str, body: bytes) -> None:
    assert refused(client, route, body)["code"] == "invalid_json"


def test_it_is_read_as_deep_as_python_reads(client: FlaskClient, route: str) -> None:
    """Python 3.13 reads this list, and earlier ones do not."""
    body = b"[" * (MAX_BYTES // 2) + b"]" * (MAX_BYTES // 2)
    code = "invalid_json" if sys.version_info < (3, 13) else "invalid_body"

    assert refused(client, route, body)["code"] == code


@pytest.mark.parametrize("number", [b"1e999", b"9" * 4000, b"-0.0", b"1E400"])
def test_a_number_of_any_size_is_just_not_a_type(
    client: FlaskClient, route: str, number: bytes
) -> None:
    assert set(refused(client, route, b'{"type": %s}' % number)["details"]) == {"type"}


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "c4nary",
        "postgresql://",
        "mysql://u:c4nary@127.0.0.1/d",
        "postgresql://u:c4nary@127.0.0.1",
        "postgresql://u:c4nary@/d",
        "postgresql://u:c4nary@127.0.0.1:0/d",
        "postgresql://u:c4nary@127.0.0.1/d?host=/tmp",
        "postgresql://u:c4nary@127.0.0.1/d?sslkeylogfile=/tmp/x",
        "postgresql://u:c4nary@127.0.0.1,127.0.0.2/d",
        "postgresql://u:c4n%00ary@127.0.0.1/d",
        "host=127.0.0.1 dbname=d password=c4nary",
    ],
)
def test_a_bad_connection_string(client: FlaskClient, route: str, uri: str) -> None:
    body = {"type": "postgres", "connectionString": uri}
    answer = refused(client, route, json.dumps(body))

    assert answer["code"] == "invalid_connection_string"
    assert answer["details"] == {"connectionString": [answer["error"]]}


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "text/json", "application/x-www-form-urlencoded", "application/jsonp"],
)
def test_another_content_type(client: FlaskClient, route: str, content_type: str) -> None:
    response = client.post(route, data=json.dumps(SQLITE), content_type=content_type)

    assert (response.status_code, response.json["code"]) == (415, "unsupported_media_type")
    assert "application/json" in response.json["error"]


def test_json_may_say_its_charset(client: FlaskClient) -> None:
    response = client.post(
        "/api/db/check", data=json.dumps(SQLITE), content_type="application/json; charset=utf-8"
    )

    assert response.status_code == 200


def test_a_body_of_the_largest_size(client: FlaskClient) -> None:
    body = json.dumps(SQLITE).ljust(MAX_BYTES)

    assert client.post("/api/db/check", data=body, content_type="application/json").json["success"]


def test_a_body_too_large(client: FlaskClient, route: str) -> None:
    body = json.dumps(SQLITE).ljust(MAX_BYTES + 1)
    response = client.post(route, data=body, content_type="application/json")

    assert (response.status_code, response.json["code"]) == (413, "body_too_large")


def send_chunked(server: Server, route: str, chunks: list[bytes]) -> Answer:
    return server.request("POST", route, iter(chunks), {"Content-Type": "application/json"})


def test_a_body_in_chunks(serve: Serve, route: str) -> None:
    server = serve(WEB_CONCURRENCY="1")

    small = send_chunked(server, "/api/db/check", [b'{"type": ', b'"sqlite"}'])
    assert small.status == 200, small.text
    for size in (MAX_BYTES + 1, 2**20):
        large = send_chunked(server, route, [b" " * 1024] * (size // 1024) + [b" " * 1024])
        assert (large.status, large.json["code"]) == (413, "body_too_large")
    assert server.status()["configured"] is False
