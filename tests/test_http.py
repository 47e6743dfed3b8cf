"""What every request goes through: its id, its Host, the headers of every answer, proxies."""

from __future__ import annotations

import json
import re
import socket

import pytest
from flask import Flask, Response, request
from flask.testing import FlaskClient
from marshmallow import ValidationError

from deploystack.http import Whole
from tests.conftest import MakeApp, Serve
from tests.support.answers import CHECK, SETUP, SQLITE, STATUS, assert_error, at_route
from tests.support.server import Server

MADE_UP = re.compile(r"[0-9a-f]{16}")
NOT_SANE = ["", "x" * 129, "a b", "a;b", "é", "a/b", "<script>", '"', "a\tb", "%0a", "${jndi:ldap}"]


@pytest.mark.parametrize(
    "given", ["a", "x" * 128, "A.b_c-9", "6f1b9f9e-7d1c-4a52-9d0e-3f6a2b1c0d9e"]
)
def test_sane_request_id_is_taken_over(app: Flask, given: str) -> None:
    client = at_route(app, lambda: 1 / 0)

    for path in ("/livez", "/nope", "/test"):
        assert client.get(path, headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", NOT_SANE)
def test_any_other_request_id_is_replaced(client: FlaskClient, given: str) -> None:
    answers = [client.get("/livez", headers={"X-Request-ID": given}) for _ in range(2)]
    ids = [answer.headers["X-Request-ID"] for answer in answers]

    assert all(MADE_UP.fullmatch(text) for text in ids)
    assert ids[0] != ids[1]


@pytest.mark.parametrize("given", [None, "from-the-proxy", "not sane"])
def test_request_id_is_in_the_log(
    app: Flask, given: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    response = at_route(app, lambda: 1 / 0).get(
        "/test", headers={"X-Request-ID": given} if given else {}
    )

    [line] = [line for line in capsys.readouterr().err.splitlines() if "ZeroDivision" in line]
    assert json.loads(line)["request_id"] == response.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("allowed", "hosts"),
    [
        ("", ["localhost", "LocalHost", "localhost:3000", "127.0.0.1", "127.0.0.1:65535"]),
        ("", ["[::1]", "[::1]:3000"]),
        ("console.example", ["console.example", "CONSOLE.example:443", "localhost"]),
        ("Console.Example, other", ["console.example", "other", "Other:1"]),
        (".example", ["a.example", "a.b.example:80", "A.Example"]),
        ("[2001:DB8::2]", ["[2001:db8::2]", "[2001:DB8::2]:80"]),
        ("10.0.0.1", ["10.0.0.1:3000"]),
        ("*", ["evil.example", "[2001:db8::9]", "x:1", "", "???"]),
    ],
)
def test_host_that_is_allowed(make_app: MakeApp, allowed: str, hosts: list[str]) -> None:
    client = make_app(DEPLOYSTACK_ALLOWED_HOSTS=allowed).test_client()

    answers = {host: client.get(STATUS, headers={"Host": host}).status_code for host in hosts}
    assert answers == dict.fromkeys(hosts, 200)


@pytest.mark.parametrize(
    ("allowed", "hosts"),
    [
        ("", ["evil.example", "evil.example:3000", "192.0.2.1", "[::2]", "0.0.0.0", "127.0.0.2"]),
        ("", ["localhost.evil.example", "evil-localhost", "127.0.0.1.evil.example", "localhost."]),
        (
            "",
            [
                "",
                ":",
                ":80",
                "[",
                "[]",
                "[::1",
                "::1",
                "[::1]x",
                "[::1]:x",
                "localhost:",
                "x" * 9999,
            ],
        ),
        ("", ["localhost:80:80", "localhost:a", "localhost:80@evil.example", "a@localhost"]),
        (
            "",
            [
                "localhost/",
                "http://localhost",
                "localhost,localhost",
                "local host",
                "é",
                "localhost\t",
            ],
        ),
        ("console.example", ["a.console.example", "xconsole.example", "console.example.evil"]),
        (".example", ["example", "evilexample", ".example.evil", "[a.example]"]),
    ],
)
def test_host_that_is_refused(make_app: MakeApp, allowed: str, hosts: list[str]) -> None:
    client = make_app(DEPLOYSTACK_ALLOWED_HOSTS=allowed).test_client()

    for path in (STATUS, "/nope", "/"):
        for host in hosts:
            response = client.get(path, headers={"Host": host})
            assert_error(response, 403, "host_not_allowed")
    assert_error(client.post(SETUP, json=SQLITE, headers={"Host": hosts[0]}), 403)


@pytest.mark.parametrize("host", ["10.1.2.3:3000", "evil.example", "", "???"])
def test_whoever_watches_the_process_may_use_any_host(client: FlaskClient, host: str) -> None:
    """A load balancer asks by address."""
    assert client.get("/livez", headers={"Host": host}).status_code == 200
    assert_error(client.get("/readyz", headers={"Host": host}), 503, "not_configured")
    assert_error(client.get("/livez/", headers={"Host": host}), 403, "host_not_allowed")


def test_host_is_never_repeated(client: FlaskClient) -> None:
    response = client.get(STATUS, headers={"Host": "kanari.example"})

    assert "kanari" not in f"{response.headers}{response.text}"


def raw(server: Server, head: str) -> str:
    """Send a request head as it is, and return the first line of the answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n")
        return connection.makefile().readline().strip()


def test_odd_requests_to_the_real_server(serve: Serve) -> None:
    server = serve()
    status = {
        head: raw(server, head).split()[1]
        for head in (
            "GET /api/db/status HTTP/1.1\nHost: localhost",
            "GET /api/db/status HTTP/1.0\nHost: localhost",
            "GET /api/db/status HTTP/1.1",
            "GET /api/db/status HTTP/1.0",
            "GET /api/db/status HTTP/1.1\nHost:",
            "GET /api/db/status HTTP/1.1\nHost: evil.example",
            "GET /api/db/status HTTP/1.1\nHost: localhost\nHost: evil.example",
            "GET /api/db/status HTTP/1.1\nHost: evil.example\nHost: localhost",
            "GET http://evil.example/api/db/status HTTP/1.1\nHost: evil.example",
        )
    }

    assert list(status.values())[:2] == ["200", "200"]
    assert [head for head in list(status)[2:] if status[head] not in {"400", "403"}] == []


def test_every_answer_has_the_headers(app: Flask) -> None:
    client = at_route(app, lambda: 1 / 0)
    answers = [
        client.get("/livez"),
        client.get(STATUS),
        client.get("/nope"),
        client.get("/test"),
        client.get(SETUP),
        client.options(SETUP),
        client.get(STATUS, headers={"Host": "evil.example"}),
        client.post(SETUP, json=SQLITE),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 404, 500, 405, 200, 403, 200]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Request-ID"]
        assert "Set-Cookie" not in answer.headers


def who() -> Response:
    """Answer how the application sees the request."""
    return Response(f"{request.remote_addr} {request.url}")


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        (0, {}, "127.0.0.1 http://localhost/test"),
        (
            0,
            {"For": "192.0.2.7", "Host": "console.example", "Proto": "https", "Port": "444"},
            "127.0.0.1 http://localhost/test",
        ),
        (1, {"For": "192.0.2.7"}, "192.0.2.7 http://localhost/test"),
        (1, {"For": "203.0.113.1, 192.0.2.7"}, "192.0.2.7 http://localhost/test"),
        (2, {"For": "203.0.113.1, 192.0.2.7"}, "203.0.113.1 http://localhost/test"),
        (2, {"For": "192.0.2.7"}, "127.0.0.1 http://localhost/test"),
        (
            2,
            {"For": "192.0.2.7, 127.0.0.1", "Host": ", console.example", "Proto": "https, http"},
            "192.0.2.7 https://localhost/test",
        ),
        (
            1,
            {"For": "192.0.2.7", "Host": "console.example", "Proto": "https"},
            "192.0.2.7 https://console.example/test",
        ),
        (
            1,
            {"Host": "console.example", "Port": "444"},
            "127.0.0.1 http://console.example:444/test",
        ),
        (1, {"Prefix": "/evil"}, "127.0.0.1 http://localhost/test"),
    ],
)
def test_forwarding_headers_are_believed_as_far_as_configured(
    make_app: MakeApp, proxies: int, forwarded: dict[str, str], seen: str
) -> None:
    app = make_app(DEPLOYSTACK_TRUSTED_PROXIES=proxies, DEPLOYSTACK_ALLOWED_HOSTS="console.example")
    headers = {f"X-Forwarded-{name}": value for name, value in forwarded.items()}

    assert at_route(app, who).get("/test", headers=headers).text == seen


def test_forwarded_host_is_checked_like_any_other(make_app: MakeApp) -> None:
    client = make_app(DEPLOYSTACK_TRUSTED_PROXIES=1).test_client()
    headers = {"Host": "localhost", "X-Forwarded-Host": "evil.example"}

    assert_error(client.get(STATUS, headers=headers), 403, "host_not_allowed")


def test_origin_is_compared_with_what_the_proxy_says(make_app: MakeApp, serve: Serve) -> None:
    """TLS ends at the proxy; the browser's origin is https all the same."""
    browser = {
        "Origin": "https://console.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "console.example",
        "X-Forwarded-For": "192.0.2.7",
    }
    given = {
        "DEPLOYSTACK_ALLOWED_HOSTS": "console.example",
        "DEPLOYSTACK_SETUP_TOKEN_MODE": "never",
    }
    behind = make_app(**given, DEPLOYSTACK_TRUSTED_PROXIES=1).test_client()
    direct = make_app(**given).test_client()

    assert behind.post(CHECK, json=SQLITE, headers=browser).status_code == 200
    assert_error(direct.post(CHECK, json=SQLITE, headers=browser), 403, "cross_origin")


@pytest.mark.parametrize(("given", "whole"), [(5, 5), (5.0, 5), (-0.0, 0), (1e20, 10**20)])
def test_a_whole_number_may_have_a_point(given: float, whole: int) -> None:
    loaded = Whole().deserialize(given)

    assert (loaded, type(loaded)) == (whole, int)


@pytest.mark.parametrize("given", [5.5, "5", True, None, float("inf"), float("nan"), [5]])
def test_what_is_no_whole_number_is_refused(given: object) -> None:
    with pytest.raises(ValidationError):
        Whole().deserialize(given)
