"""One JSON body for every failure, whatever failed and wherever, and no failure's own words."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploystack.database import get_database
from deploystack.database.claim import claim
from deploystack.errors import ApiError
from tests.conftest import MakeApp
from tests.support.answers import CHECK, SETUP, SQLITE, STATUS, assert_error, at_route
from tests.support.applications import set_up
from tests.support.postgres import Postgres

AWAY = {"X-Forwarded-For": "192.0.2.1"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid_json"),
        (b"", "invalid_json"),
        (b"[]", "invalid_body"),
        (b"{}", "validation_error"),
        (b'{"type": "mysql"}', "validation_error"),
        (b'{"type": "postgres", "connectionString": "x"}', "invalid_connection_string"),
    ],
)
def test_400(client: FlaskClient, body: bytes, code: str) -> None:
    assert_error(client.post(SETUP, data=body, content_type="application/json"), 400, code)


def test_401_says_how_to_prove_oneself(client: FlaskClient) -> None:
    response = client.post(SETUP, json=SQLITE, headers=AWAY)

    assert_error(response, 401, "setup_token_required")
    assert "X-Setup-Token" in response.headers["WWW-Authenticate"]


def test_403(client: FlaskClient) -> None:
    foreign = {"Origin": "https://evil.example"}

    assert_error(client.get(STATUS, headers={"Host": "evil.example"}), 403, "host_not_allowed")
    assert_error(client.post(SETUP, json=SQLITE, headers=foreign), 403, "cross_origin")


@pytest.mark.parametrize("path", ["/nope", "/api/db/", "/api/db/status/", "/%ff%00%0a", "/."])
def test_404(client: FlaskClient, path: str) -> None:
    assert_error(client.get(path), 404, "not_found")


def test_the_first_page_tells_a_program_where_setup_is(client: FlaskClient) -> None:
    details = assert_error(client.get("/"), 503, "not_configured")

    assert details == {"setup_url": "/api/db/setup"}
    assert client.get("/", headers={"Accept": "text/html"}).location == "/setup"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", SETUP, {"POST", "OPTIONS"}),
        ("DELETE", "/api/db/status", {"GET", "HEAD", "OPTIONS"}),
        ("FOO", "/livez", {"GET", "HEAD", "OPTIONS"}),
        ("TRACE", "/livez", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_405_says_what_is_allowed(
    client: FlaskClient, method: str, path: str, allowed: set[str]
) -> None:
    response = client.open(path, method=method)

    assert_error(response, 405, "method_not_allowed")
    assert set(response.headers["Allow"].split(", ")) == allowed


def test_409(app: Flask, client: FlaskClient) -> None:
    with claim(get_database(app).config):
        response = client.post(SETUP, json=SQLITE)
    assert_error(response, 409, "setup_in_progress")
    assert int(response.headers["Retry-After"]) > 0

    set_up(app, SQLITE)
    assert_error(client.post(SETUP, json=SQLITE), 409, "already_configured")


@pytest.mark.parametrize("size", [4097, 5000, 1_000_000])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_413(client: FlaskClient, size: int, is_chunked: bool) -> None:
    """Also where the part within the limit would be good by itself."""
    body = json.dumps(SQLITE).encode().ljust(size)
    environ = {"wsgi.input_terminated": True} | ({"CONTENT_LENGTH": ""} if is_chunked else {})
    response = client.post(
        SETUP, data=body, content_type="application/json", environ_overrides=environ
    )

    assert_error(response, 413, "body_too_large")
    assert not client.get("/api/db/status").json["configured"]


def test_the_largest_body_that_is_read(client: FlaskClient) -> None:
    body = json.dumps(SQLITE).encode().ljust(4096)

    assert client.post(SETUP, data=body, content_type="application/json").status_code == 200


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/jsonx", "text/json", "x"])
def test_415(client: FlaskClient, kind: str | None) -> None:
    response = client.post(SETUP, data=json.dumps(SQLITE), content_type=kind)

    assert_error(response, 415, "unsupported_media_type")


def test_422(client: FlaskClient, postgres: Postgres) -> None:
    uri = postgres.uri("no-such-database")
    response = client.post(SETUP, json={"type": "postgres", "connectionString": uri})

    assert "CREATE DATABASE" in str(assert_error(response, 422, "db_does_not_exist"))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 410, 418, 422, 429, 431, 501, 502])
def test_any_status_that_a_route_aborts_with(app: Flask, status: int) -> None:
    assert_error(at_route(app, lambda: abort(status)).get("/test"), status)


@pytest.mark.parametrize("setting", ["TESTING", "DEBUG", "PROPAGATE_EXCEPTIONS"])
def test_500_tells_the_log_and_not_the_caller(
    make_app: MakeApp, setting: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise LookupError("kanari\nsecond line")

    response = at_route(make_app(**{setting: True}), fail).get("/test")

    assert_error(response, 500, "internal_error")
    assert [w for w in ("kanari", "LookupError", "Traceback", ".py") if w in response.text] == []
    [line] = [line for line in capsys.readouterr().err.splitlines() if "kanari" in line]
    assert [w for w in ("GET /test", "LookupError", "test_errors.py:") if w not in line] == []
    assert response.headers["X-Request-ID"] in line


@pytest.mark.parametrize("path", ["/livez", "/nope", SETUP])
def test_head_has_headers_and_no_body(client: FlaskClient, path: str) -> None:
    response = client.head(path)
    same = client.get(path)

    assert (response.status_code, response.data) == (same.status_code, b"")
    assert response.headers["Content-Length"] == same.headers["Content-Length"]


def test_options_tell_the_methods(client: FlaskClient) -> None:
    response = client.options(SETUP)

    assert response.status_code == 200
    assert set(response.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}
    assert "Access-Control-Allow-Origin" not in response.headers


def test_redirects_stay_what_they_are(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/folder/", view_func=lambda: "there", endpoint="folder")
    response = client.get("/folder?x=1")

    assert response.status_code == 308
    assert response.headers["Location"].endswith("/folder/?x=1")


def test_headers_of_an_error_reach_the_caller(app: Flask) -> None:
    def fail() -> None:
        raise ApiError(429, "slow_down", "Wait.", {"a": [1]}, {"Retry-After": "7"})

    response = at_route(app, fail).get("/test")

    assert assert_error(response, 429, "slow_down") == {"a": [1]}
    assert response.headers["Retry-After"] == "7"


@pytest.mark.parametrize("query", ["\n", "a\r\nX: y"])
def test_a_redirect_that_no_header_can_hold(client: FlaskClient, query: str) -> None:
    answer = client.get("/", environ_overrides={"PATH_INFO": "", "QUERY_STRING": query})

    assert_error(answer, 400, "bad_request")


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    path=st.binary().map(lambda rest: b"/" + rest)
    | st.sampled_from([b"", b"/livez", b"/readyz", *(p.encode() for p in (SETUP, STATUS, CHECK))]),
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE", "PATCH", "CONNECT"])
    | st.from_regex(r"[A-Z!#$%&'*+.^_`|~0-9-]{1,9}", fullmatch=True),
    query=st.binary(max_size=20),
)
def test_any_path_and_method(client: FlaskClient, path: bytes, method: str, query: bytes) -> None:
    environ = {"PATH_INFO": path.decode("latin-1"), "QUERY_STRING": query.decode("latin-1")}
    response = client.open("/", method=method, environ_overrides=environ)

    assert response.status_code in {200, 302, 308, 400, 404, 405, 415, 503}
    if response.status_code in {302, 308}:  # from one page to another, and nowhere else
        assert not path.startswith((b"/api", b"/livez", b"/readyz"))
        assert urlsplit(response.location).netloc in {"", "localhost"}
    if response.status_code >= 400 and method != "HEAD":
        assert_error(response, response.status_code)
