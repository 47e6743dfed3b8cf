"""Sending e-mail by the server that ``smtp.*`` name, and by no other, within bounded time."""

from __future__ import annotations

import base64
import io
import logging
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any

from ..errors import ApiError
from ..logs import describe
from .problems import setting_missing
from .service import Settings

log = logging.getLogger(__name__)

SEND_SECONDS = 10.0
"""How long it may take to send a message, from looking the server up to its last word."""

QUIT_SECONDS = 1.0
"""How long a server may take to say goodbye, once it has the message."""

MAX_SAID_BYTES = 65536
"""How much a server may say in all; what it says is kept in memory."""

IMPLICIT_TLS_PORT = 465


@dataclass(frozen=True)
class Server:
    """The server, and whom messages are from.

    Attributes:
        host: its name.
        port: its port.
        secure: whether only TLS will do.
        username: who logs in there; empty, if nobody does.
        password: the password for that.
        sender: whom messages are from.
    """

    host: str
    port: int
    secure: bool
    username: str
    password: str = field(repr=False)
    sender: Address


def configured(settings: Settings) -> Server:
    """Return the server.

    Raises:
        ApiError: 409, e-mail is switched off (``mail_disabled``), or a setting is missing; 503,
            the password cannot be read.
    """
    if not settings.get("global.send_mail"):
        raise ApiError(
            409,
            "mail_disabled",
            "E-mail is switched off. Set global.send_mail to true, then try again.",
            {"key": "global.send_mail"},
        )
    return Server(
        host=settings.require("smtp.host"),
        port=settings.require("smtp.port"),
        secure=settings.get("smtp.secure"),
        username=settings.get("smtp.username"),
        password=settings.get("smtp.password"),
        sender=_sender(settings),
    )


def _sender(settings: Settings) -> Address:
    name, address = settings.get("smtp.from_name"), settings.require("smtp.from_email")
    try:
        return _address(address, _one_line(name))
    except (ValueError, MessageError):  # changed behind the application's back
        raise setting_missing("smtp.from_email") from None


def _address(text: str, name: str = "") -> Address:
    local, _, domain = text.rpartition("@")
    return Address(name, local, domain)  # taken apart here, because the library wants ASCII


def test_message(settings: Settings, server: Server, to: str | None) -> EmailMessage:
    """Return the message that shows that e-mail works."""
    message = EmailMessage()
    message["Subject"] = "DeployStack can send e-mail"
    message["From"] = server.sender
    message["To"] = _address(to) if to else server.sender
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=server.sender.domain)
    message.set_content(
        f"This message was sent by DeployStack at {settings.get('global.page_url')}, because an "
        "administrator has asked for a test.\n"
    )
    return message


def send(server: Server, message: EmailMessage) -> None:
    """Send a message.

    Raises:
        ApiError: 502 ``smtp_failed``, the server is not there or refuses; 504 ``smtp_timeout``.
    """
    attempt = _Attempt(server, message)
    thread = threading.Thread(target=attempt.run, daemon=True, name="smtp")
    thread.start()
    thread.join(SEND_SECONDS)
    if thread.is_alive() and not attempt.is_taken:
        attempt.give_up()
        raise ApiError(
            504,
            "smtp_timeout",
            f"The server did not take the message within {SEND_SECONDS:g} seconds. Check smtp.host "
            "and smtp.port, and whether a firewall lets this server out.",
        )
    if attempt.failure:
        raise attempt.failure


class _Attempt:
    """One conversation with the server, in a thread that can be left behind."""

    def __init__(self, server: Server, message: EmailMessage) -> None:
        self.failure: ApiError | None = None
        self.is_taken = False
        self._server = server
        self._message = message
        self._client: smtplib.SMTP | None = None
        self._is_given_up = threading.Event()
        self._step = "connect"

    def run(self) -> None:
        """Send the message; note what goes wrong."""
        try:
            self._converse()
        except (OSError, ValueError, smtplib.SMTPException) as error:
            if not self._is_given_up.is_set():
                self.failure = _failure(self._step, error)
                code = getattr(error, "smtp_code", None)
                # What a server says may repeat what it was sent.
                name = type(error).__name__
                log.warning("E-mail failed: %s: %s %s", self._step, name, code or "")
        except Exception as error:  # noqa: BLE001  # told by whoever waits, not lost in a thread
            log.error("E-mail failed: %s", describe(error))
            self.failure = _failure(self._step, error)
        finally:
            if self._client:
                self._client.close()

    def give_up(self) -> None:
        """End the conversation, whoever has the word."""
        self._is_given_up.set()
        sock = self._client.sock if self._client else None
        if sock:
            with suppress(OSError):  # it has just ended
                sock.shutdown(socket.SHUT_RDWR)

    def _converse(self) -> None:
        server = self._server
        context = ssl.create_default_context() if server.secure else None
        client = self._connected(context)
        client.ehlo_or_helo_if_needed()
        if context and server.port != IMPLICIT_TLS_PORT:
            self._begin("tls")
            client.starttls(context=context)
        if server.username:
            self._begin("login")
            _log_in(client, server.username, server.password)
        self._begin("send")
        client.send_message(self._message)
        self.is_taken = True
        with suppress(smtplib.SMTPException, OSError):  # whatever it says to that
            if client.sock:
                client.sock.settimeout(QUIT_SECONDS)
            client.quit()

    def _connected(self, context: ssl.SSLContext | None) -> smtplib.SMTP:
        server = self._server
        options: dict[str, Any] = {"timeout": SEND_SECONDS + 1, "local_hostname": _own_name()}
        kind: Callable[..., smtplib.SMTP] = _Plain
        if context and server.port == IMPLICIT_TLS_PORT:
            kind, options["context"] = _Wrapped, context
        return kind(self._note, server.host, server.port, **options)

    def _note(self, client: smtplib.SMTP) -> None:
        self._client = client

    def _begin(self, step: str) -> None:
        self._step = step
        if self._is_given_up.is_set():
            raise OSError("given up")


class _Plain(smtplib.SMTP):
    """Is known before it connects, so that it can be ended while it does; listens only so long."""

    def __init__(self, note: Callable[[smtplib.SMTP], None], *args: Any, **options: Any) -> None:
        note(self)
        super().__init__(*args, **options)

    def getreply(self) -> tuple[int, bytes]:
        """Return what the server answers, unless it never ends."""
        if self.file is None and self.sock:
            self.file = _Ending(self.sock.makefile("rb").detach())
        return super().getreply()


class _Wrapped(_Plain, smtplib.SMTP_SSL):
    """The same, in TLS from the first byte."""


class _Ending(io.BufferedReader):
    """Lines, until they are too many in all."""

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__(raw)
        self._left = MAX_SAID_BYTES

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return the next line.

        Raises:
            OSError: there were too many before.
        """
        line = super().readline(size)
        self._left -= len(line)
        if self._left < 0:
            raise OSError("the server says too much")
        return line


def _log_in(client: smtplib.SMTP, username: str, password: str) -> None:
    """Log in; also with what is not ASCII, which the library cannot send and RFC 4616 allows."""
    if f"{username}{password}".isascii():
        client.login(username, password)
        return
    client.ehlo_or_helo_if_needed()
    plain = base64.b64encode(f"\0{username}\0{password}".encode()).decode()
    code, said = client.docmd("AUTH", f"PLAIN {plain}")
    if code != _LOGGED_IN:
        raise smtplib.SMTPAuthenticationError(code, said)


_LOGGED_IN = 235

_SENTENCES = {
    "connect": "The server does not answer as it should. Check smtp.host and smtp.port.",
    "tls": "No TLS connection was made. Check smtp.port, smtp.secure and the server's certificate.",
    "login": "The server refused the login. Check smtp.username and smtp.password.",
    "send": "The server refused the message. Check smtp.from_email and the recipient.",
}


def _failure(step: str, error: Exception) -> ApiError:
    if isinstance(error, ssl.SSLError):
        step = "tls"
    details: dict[str, Any] = {"step": step}
    code = getattr(error, "smtp_code", None)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = next((refusal[0] for refusal in error.recipients.values()), None)
    if isinstance(code, int):
        details["smtp_code"] = code
    return ApiError(502, "smtp_failed", _SENTENCES.get(step, _SENTENCES["send"]), details)


def _own_name() -> str:
    """Return how this machine calls itself, without asking anybody else."""
    name = socket.gethostname()
    return name if name.isascii() and name else "localhost"


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
