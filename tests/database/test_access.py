"""Who may set up: whoever sits at the machine or holds the token, and no other site's page."""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from deploystack.database import get_database
from deploystack.database.setup_token import ensure_token
from tests.conftest import MakeApp, Serve
from tests.support.answers import CHECK, SETUP, SQLITE, STATUS, assert_error
from tests.support.files import files
from tests.support.people import PERSON, REGISTER

HOST = "console.example"
FORWARDED = [
    "Forwarded",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Server",
    "X-Real-IP",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "Fastly-Client-IP",
]
AWAY = {"X-Forwarded-For": "127.0.0.1"}


@pytest.fixture(params=[SETUP, CHECK])
def path(request: pytest.FixtureRequest) -> str:
    """Each of the two guarded routes."""
    return str(request.param)


@pytest.fixture
def token(app: Flask) -> str:
    """The setup token of ``app``."""
    return ensure_token(get_database(app).config)


def post(
    client: FlaskClient, path: str, headers: Mapping[str, str], peer: str = "127.0.0.1"
) -> TestResponse:
    return client.post(
        path, json=SQLITE, headers=dict(headers), environ_overrides={"REMOTE_ADDR": peer}
    )


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:3000", "127.0.0.1:3000", "[::1]:3000"])
@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1"])
def test_at_the_machine_no_token_is_needed(
    client: FlaskClient, data_dir: Path, path: str, host: str, peer: str
) -> None:
    assert post(client, path, {"Host": host}, peer).status_code == 200
    assert not (data_dir / "setup.token").exists()


@pytest.mark.parametrize(
    ("headers", "peer"),
    [
        ({"Host": HOST}, "127.0.0.1"),
        ({"Host": ""}, "127.0.0.1"),
        *(({name: "127.0.0.1"}, "127.0.0.1") for name in FORWARDED),
        ({"X-Forwarded-For": ""}, "127.0.0.1"),
        *(({}, peer) for peer in ("192.0.2.1", "10.0.0.1", "::2", "0.0.0.0", "", "localhost")),
    ],
)
def test_anybody_else_needs_the_token(
    make_app: MakeApp, data_dir: Path, path: str, headers: dict[str, str], peer: str
) -> None:
    client = make_app(DEPLOYSTACK_ALLOWED_HOSTS="*").test_client()

    assert_error(post(client, path, headers, peer), 401, "setup_token_required")
    token = (data_dir / "setup.token").read_text().strip()
    assert post(client, path, headers | {"X-Setup-Token": token}, peer).status_code == 200


@pytest.mark.parametrize("headers", [{}, AWAY])
def test_behind_a_proxy_everybody_needs_the_token(
    make_app: MakeApp, path: str, headers: dict[str, str]
) -> None:
    """A proxy on this machine, or one that hides whom it speaks for, looks like a local client."""
    client = make_app(DEPLOYSTACK_TRUSTED_PROXIES=1).test_client()

    assert_error(post(client, path, headers), 401, "setup_token_required")


def test_a_proxy_that_only_shows_by_its_protocol(client: FlaskClient) -> None:
    """As nginx by default: Host 127.0.0.1:3000, no forwarding header, HTTP/1.0."""
    response = client.get(STATUS, environ_overrides={"SERVER_PROTOCOL": "HTTP/1.0"})

    assert response.json["setup_token_required"] is True


def test_always(make_app: MakeApp, path: str) -> None:
    client = make_app(DEPLOYSTACK_SETUP_TOKEN_MODE="always").test_client()

    assert_error(post(client, path, {}), 401, "setup_token_required")


def test_never(make_app: MakeApp, data_dir: Path, path: str) -> None:
    app = make_app(DEPLOYSTACK_SETUP_TOKEN_MODE="never", DEPLOYSTACK_ALLOWED_HOSTS=HOST)

    assert post(app.test_client(), path, AWAY | {"Host": HOST}, "192.0.2.1").status_code == 200
    assert not (data_dir / "setup.token").exists()


@pytest.mark.parametrize("mode", ["auto", "always", "never"])
@pytest.mark.parametrize("headers", [{}, AWAY, {"Host": HOST}, {"Via": "x"}])
@pytest.mark.parametrize("peer", ["127.0.0.1", "192.0.2.1"])
def test_status_says_what_setup_will_ask(
    make_app: MakeApp, mode: str, headers: dict[str, str], peer: str
) -> None:
    app = make_app(DEPLOYSTACK_SETUP_TOKEN_MODE=mode, DEPLOYSTACK_ALLOWED_HOSTS=HOST)
    client = app.test_client()
    status = client.get(STATUS, headers=headers, environ_overrides={"REMOTE_ADDR": peer})

    is_asked = post(client, CHECK, headers, peer).status_code == 401
    assert status.json["setup_token_required"] is is_asked


def test_token_is_random_and_private(token: str, data_dir: Path) -> None:
    file = data_dir / "setup.token"

    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().strip() == token
    assert len(base64.urlsafe_b64decode(token + "=")) * 8 == 256
    assert [p.name for p in data_dir.iterdir() if p.name.startswith(".")] == []


def test_token_is_another_one_each_time(make_app: MakeApp, tmp_path: Path) -> None:
    apps = [make_app(DEPLOYSTACK_DATA_DIR=tmp_path / str(number)) for number in range(20)]

    assert len({ensure_token(get_database(app).config) for app in apps}) == 20


@pytest.mark.parametrize(
    "change", [str.swapcase, lambda t: t[:-1], lambda t: t + "x", lambda _: "é"]
)
def test_wrong_token(client: FlaskClient, token: str, path: str, change: object) -> None:
    given = change(token)  # type: ignore[operator]
    response = post(client, path, AWAY | {"X-Setup-Token": given})

    assert_error(response, 401, "setup_token_wrong")
    assert token not in response.text
    assert given not in response.text


@pytest.mark.parametrize("content", ["", "\n"])
def test_token_file_that_was_cut_short_admits_nobody(
    client: FlaskClient, token: str, data_dir: Path, path: str, content: str
) -> None:
    (data_dir / "setup.token").write_text(content)

    assert post(client, path, AWAY | {"X-Setup-Token": content.strip()}).status_code == 401
    assert (data_dir / "setup.token").read_text().strip() not in {"", token}


def test_token_goes_once_somebody_administers(
    client: FlaskClient, token: str, data_dir: Path
) -> None:
    headers = AWAY | {"X-Setup-Token": token}
    refused = client.post(SETUP, json={"type": "x"}, headers=headers)
    assert (refused.status_code, post(client, CHECK, headers).status_code) == (400, 200)
    assert (data_dir / "setup.token").exists()

    assert post(client, SETUP, headers).status_code == 200
    assert (data_dir / "setup.token").exists(), "the first account needs it as well"
    assert_error(post(client, SETUP, headers), 409, "already_configured")

    assert_error(client.post(REGISTER, json=PERSON, headers=AWAY), 401, "setup_token_required")
    assert client.post(REGISTER, json=PERSON, headers=headers).status_code == 201
    assert not (data_dir / "setup.token").exists()
    assert_error(post(client, SETUP, headers), 409, "already_configured")
    client.get(STATUS, headers=AWAY)
    client.post(REGISTER, json=PERSON, headers=headers)
    assert not (data_dir / "setup.token").exists()


def test_token_is_one_however_many_ask_at_once(app: Flask, data_dir: Path) -> None:
    config = get_database(app).config
    for _ in range(30):
        start = threading.Barrier(8)

        def ask(start: threading.Barrier = start) -> str:
            start.wait(10)
            return ensure_token(config)

        with ThreadPoolExecutor(8) as pool:
            told = {future.result() for future in [pool.submit(ask) for _ in range(8)]}
        assert told == {(data_dir / "setup.token").read_text().strip()}
        (data_dir / "setup.token").unlink()


def test_real_server_tells_where_the_token_is_and_every_worker_takes_it(
    serve: Serve, data_dir: Path
) -> None:
    server = serve(WEB_CONCURRENCY="4")
    token = (data_dir / "setup.token").read_text().strip()
    with ThreadPoolExecutor(8) as pool:
        asked = [
            pool.submit(server.post, CHECK, SQLITE, AWAY | {"X-Setup-Token": given})
            for given in [token, token[::-1]] * 20
        ]
        found = [future.result().status for future in asked]

    assert set(found[::2]) <= {200, 409}, "one at a time may look at a database"
    assert set(found[1::2]) == {401}
    assert (data_dir / "setup.token").read_text().strip() == token
    log = server.log.read_text()
    assert str(data_dir / "setup.token") in log
    assert token not in log
    assert server.post(SETUP, SQLITE).status == 200, "the plain call, on one's own machine"
    assert server.post(REGISTER, PERSON).status == 201
    assert not (data_dir / "setup.token").exists()


def test_real_server_warns_of_never(serve: Serve, data_dir: Path) -> None:
    server = serve(DEPLOYSTACK_SETUP_TOKEN_MODE="never")

    assert "WARNING" in server.log.read_text()
    assert "DEPLOYSTACK_SETUP_TOKEN_MODE" in server.log.read_text()
    assert not (data_dir / "setup.token").exists()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://localhost:3001"},
        {"Origin": "https://localhost:3000"},
        {"Origin": "http://localhost"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:3000.evil.example"},
        {"Origin": "http://localhost:3000, http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "Cross-Site"},
        {"Sec-Fetch-Site": ""},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.example"},
    ],
)
def test_another_site_s_page_is_refused(
    client: FlaskClient, token: str, data_dir: Path, path: str, headers: dict[str, str]
) -> None:
    before = files(data_dir)
    headers = headers | {"Host": "localhost:3000", "X-Setup-Token": token}

    assert_error(post(client, path, headers), 403, "cross_origin")
    assert files(data_dir) == before


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://localhost:3000"},
        {"Origin": "HTTP://LOCALHOST:3000"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:3000"},
    ],
)
def test_own_page_is_not(client: FlaskClient, path: str, headers: dict[str, str]) -> None:
    assert post(client, path, headers | {"Host": "localhost:3000"}).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_what_a_page_may_send_without_asking_is_not_read(
    client: FlaskClient, path: str, kind: str | None
) -> None:
    response = client.post(path, data=b'{"type": "sqlite"}', content_type=kind)

    assert_error(response, 415, "unsupported_media_type")
