"""Sending e-mail, by a real server on this machine."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from deploystack.settings import smtp
from deploystack.testing.ports import free_port
from tests.support.answers import assert_error
from tests.support.canary import PASSWORD, leaks
from tests.support.mail import Behaviour, MailServer, make_certificate

BASE = "/api/settings"
LOGINS = {"mailer": PASSWORD}


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate that this machine trusts."""
    path = make_certificate(tmp_path / "certificate.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


@pytest.fixture(autouse=True)
def _as_it_was(shared: Flask) -> Iterator[None]:
    yield
    client = shared.test_client()
    for entry in client.get(BASE).get_json()["data"]:
        assert client.post(f"{BASE}/{entry['key']}/reset").status_code == 200


def send(app: Flask, port: int, to: str | None = None, **values: Any) -> TestResponse:
    """Set everything, and ask for a test."""
    client = app.test_client()
    for key, value in {
        "global.send_mail": True,
        "smtp.host": "localhost",
        "smtp.port": port,
        "smtp.secure": False,
        "smtp.from_email": "noreply@a.example",
        **{f"smtp.{name}": value for name, value in values.items()},
    }.items():
        answer = client.put(f"{BASE}/{key}", json={"value": value})
        assert answer.status_code == 200, answer.text
    return client.post(f"{BASE}/smtp/test", json={"to": to} if to else {})


def test_a_message_is_sent(shared: Flask) -> None:
    with MailServer() as server:
        answer = send(shared, server.port, "alice@b.example", from_name="Ümläut, Inc.")
    assert answer.status_code == 200, answer.text
    assert answer.get_json()["data"] == {"to": "alice@b.example"}
    [received] = server.received
    assert (received.sender, received.recipients) == ("noreply@a.example", ["alice@b.example"])
    assert not received.is_encrypted
    message = received.message
    assert str(message["From"]) == '"Ümläut, Inc." <noreply@a.example>'
    assert message["To"] == "alice@b.example"
    assert message["Date"]
    assert message["Message-ID"].endswith("@a.example>")
    assert "http://127.0.0.1:3000" in message.get_content()


def test_to_its_sender_if_nobody_is_named(shared: Flask) -> None:
    with MailServer() as server:
        assert send(shared, server.port).status_code == 200
    assert server.received[0].recipients == ["noreply@a.example"]


def test_starttls_and_a_login(shared: Flask, certificate: Path) -> None:
    behaviour = Behaviour(tls="starttls", certificate=certificate, logins=LOGINS)
    with MailServer(behaviour) as server:
        answer = send(shared, server.port, secure=True, username="mailer", password=PASSWORD)
    assert answer.status_code == 200, answer.text
    [received] = server.received
    assert received.is_encrypted
    assert received.login == ("mailer", PASSWORD)


def test_tls_from_the_start(
    shared: Flask, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MailServer(Behaviour(tls="implicit", certificate=certificate)) as server:
        monkeypatch.setattr(smtp, "IMPLICIT_TLS_PORT", server.port)
        answer = send(shared, server.port, secure=True)
    assert answer.status_code == 200, answer.text
    assert server.received[0].is_encrypted


def test_a_certificate_that_nobody_knows(shared: Flask, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path / "unknown.pem")
    with MailServer(Behaviour(tls="starttls", certificate=certificate)) as server:
        answer = send(shared, server.port, secure=True)
    assert assert_error(answer, 502, "smtp_failed") == {"step": "tls"}
    assert server.received == []


def test_nothing_is_sent_in_clear_where_tls_is_wanted(shared: Flask) -> None:
    with MailServer(Behaviour(logins=LOGINS)) as server:
        answer = send(shared, server.port, secure=True, username="mailer", password=PASSWORD)
    assert assert_error(answer, 502, "smtp_failed") == {"step": "tls"}
    assert server.received == []


def test_a_wrong_password(shared: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """This server repeats it."""
    with MailServer(Behaviour(logins={"mailer": "another"})) as server:
        answer = send(shared, server.port, username="mailer", password=PASSWORD)
    assert assert_error(answer, 502, "smtp_failed") == {"step": "login", "smtp_code": 535}
    assert "535" in caplog.text
    assert not leaks(answer.text, caplog.text)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_a_message_that_is_refused(shared: Flask, verb: str) -> None:
    with MailServer(Behaviour(refuse=verb)) as server:
        answer = send(shared, server.port)
    assert assert_error(answer, 502, "smtp_failed") == {"step": "send", "smtp_code": 550}


def test_nobody_there(shared: Flask) -> None:
    answer = send(shared, free_port())
    assert assert_error(answer, 502, "smtp_failed") == {"step": "connect"}
    for host in ("no-such-host.invalid", "a..b", "x" * 300):
        answer = send(shared, 25, host=host)
        assert assert_error(answer, 502, "smtp_failed") == {"step": "connect"}


def test_a_server_that_says_nothing(
    shared: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(smtp, "SEND_SECONDS", 0.5)
    caplog.set_level(logging.INFO)
    with MailServer(Behaviour(silent=True)) as server:
        started = monotonic()
        answer = send(shared, server.port)
        assert monotonic() - started < 5
    assert_error(answer, 504, "smtp_timeout")


def test_a_server_that_says_too_much(shared: Flask) -> None:
    with MailServer(Behaviour(endless=True)) as server:
        started = monotonic()
        answer = send(shared, server.port)
        assert monotonic() - started < 5
    assert assert_error(answer, 502, "smtp_failed") == {"step": "connect"}


def test_a_server_that_takes_the_message_and_does_not_say_goodbye(shared: Flask) -> None:
    with MailServer(Behaviour(stays=True)) as server:
        started = monotonic()
        answer = send(shared, server.port)
        assert monotonic() - started < 5
        assert len(server.received) == 1
    assert answer.status_code == 200, "it has the message"


def test_it_is_refused_while_e_mail_is_switched_off(shared: Flask) -> None:
    with MailServer() as server:
        client = shared.test_client()
        assert send(shared, server.port).status_code == 200
        assert client.put(f"{BASE}/global.send_mail", json={"value": False}).status_code == 200
        answer = client.post(f"{BASE}/smtp/test", json={})
    assert_error(answer, 409, "mail_disabled")
    assert server.connections == 1


@pytest.mark.parametrize("key", ["smtp.host", "smtp.from_email"])
def test_what_is_needed_is_named(shared: Flask, key: str) -> None:
    answer = send(shared, 25, **{key.removeprefix("smtp."): ""})
    assert assert_error(answer, 409, "setting_missing") == {"key": key}


@pytest.mark.parametrize(
    "body",
    [
        {"to": "nobody"},
        {"to": ""},
        {"to": 5},
        {"to": "a@b.example\nBcc: c@d.example"},
        {"to": "a@b.example", "host": "elsewhere.example"},
        {"port": 25},
    ],
)
def test_who_asks_says_only_to_whom(shared: Flask, body: dict[str, Any]) -> None:
    answer = shared.test_client().post(f"{BASE}/smtp/test", json=body)
    assert_error(answer, 400, "validation_error")


def test_addresses_of_other_letters(shared: Flask) -> None:
    with MailServer() as server:
        answer = send(shared, server.port, "jürgen@b.example", from_email="é@a.example")
    assert answer.status_code == 200, answer.text
    [received] = server.received
    assert (received.sender, received.recipients) == ("é@a.example", ["jürgen@b.example"])


def test_without_a_body(shared: Flask) -> None:
    with MailServer() as server:
        assert send(shared, server.port).status_code == 200
        assert shared.test_client().post(f"{BASE}/smtp/test").status_code == 200
        answer = shared.test_client().post(f"{BASE}/smtp/test", data="x")
    assert_error(answer, 415, "unsupported_media_type")
    assert len(server.received) == 2


def test_a_name_breaks_no_header(shared: Flask) -> None:
    with MailServer() as server:
        answer = send(shared, server.port, from_name="a\r\nBcc: c@d.example\x00".rstrip("\0"))
    assert answer.status_code == 200, answer.text
    [received] = server.received
    assert received.recipients == ["noreply@a.example"]
    assert received.message["Bcc"] is None
