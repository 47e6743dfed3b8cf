"""A real SMTP server on a free port of this machine, which keeps what it is given (RFC 5321)."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Received:
    """A message, and how it came.

    Attributes:
        sender: the envelope's sender.
        recipients: the envelope's recipients.
        message: the message.
        login: who had logged in, and with which password.
        is_encrypted: whether it came over TLS.
    """

    sender: str
    recipients: list[str]
    message: EmailMessage
    login: tuple[str, str] | None
    is_encrypted: bool


@dataclass
class Behaviour:
    """What the server does.

    Attributes:
        tls: ``none``, ``starttls`` or ``implicit``.
        certificate: a file with key and certificate, for TLS.
        logins: who may log in, with which password.
        refuse: the command that it refuses, with 550.
        silent: whether it says nothing at all.
        endless: whether its greeting has no end.
        stays: whether it says nothing to QUIT.
    """

    tls: str = "none"
    certificate: Path | None = None
    logins: dict[str, str] = field(default_factory=dict)
    refuse: str | None = None
    silent: bool = False
    endless: bool = False
    stays: bool = False


class MailServer:
    """The server.

    Args:
        behaviour: what it does.
    """

    def __init__(self, behaviour: Behaviour | None = None) -> None:
        self.behaviour = behaviour or Behaviour()
        self.received: list[Received] = []
        self.connections = 0
        self.done = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Conversation)
        self._server.owner = self
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.done.set()
        self._server.shutdown()
        self._server.server_close()

    def context(self) -> ssl.SSLContext:
        """Return what it wraps connections with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        assert self.behaviour.certificate
        context.load_cert_chain(self.behaviour.certificate)
        return context


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    owner: MailServer


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.owner = cast(_Server, self.server).owner
        self.owner.connections += 1
        self.login: tuple[str, str] | None = None
        self.is_encrypted = False
        if self.owner.behaviour.silent:
            self.owner.done.wait(30)
            return
        try:
            if self.owner.behaviour.tls == "implicit":
                self._encrypt()
            while self.owner.behaviour.endless:
                self._say(*["220 test"] * 1000, "220-test")
            self._say("220 test ESMTP")
            while self._answer(*self._read()):
                pass
        except (OSError, EOFError):
            pass

    def finish(self) -> None:
        """Close what is left, TLS around it too."""
        with suppress(OSError):
            super().finish()
        self.request.close()

    def _say(self, *lines: str) -> None:
        for line in lines[:-1]:
            self.wfile.write(f"{line[:3]}-{line[4:]}\r\n".encode())
        self.wfile.write(f"{lines[-1]}\r\n".encode())

    def _read(self) -> tuple[str, str]:
        line = self.rfile.readline()
        if not line:
            raise EOFError
        verb, _, rest = line.decode().strip().partition(" ")
        return verb.upper(), rest

    def _encrypt(self) -> None:
        self.request = self.owner.context().wrap_socket(self.request, server_side=True)
        self.rfile = self.request.makefile("rb")
        self.wfile = cast(Any, self.request.makefile("wb", 0))
        self.is_encrypted = True

    def _answer(self, verb: str, rest: str) -> bool:
        behaviour = self.owner.behaviour
        if verb == behaviour.refuse:
            self._say(f"550 no {verb}, {rest}")
            return True
        match verb:
            case "EHLO" | "HELO":
                offers = ["250 test"]
                if behaviour.tls == "starttls" and not self.is_encrypted:
                    offers.append("250 STARTTLS")
                if behaviour.logins:
                    offers.append("250 AUTH PLAIN LOGIN")
                self._say(*offers, "250 SMTPUTF8")
            case "STARTTLS":
                self._say("220 go ahead")
                self._encrypt()
            case "AUTH":
                self._authenticate(rest)
            case "MAIL":
                self.sender = rest[rest.index("<") + 1 : rest.index(">")]
                self.recipients: list[str] = []
                self._say("250 ok")
            case "RCPT":
                self.recipients.append(rest[rest.index("<") + 1 : rest.index(">")])
                self._say("250 ok")
            case "DATA":
                self._say("354 go ahead")
                self._take()
                self._say("250 taken")
            case "QUIT" if behaviour.stays:
                self.owner.done.wait(30)
                return False
            case "QUIT":
                self._say("221 bye")
                return False
            case _:
                self._say("250 ok")
        return True

    def _authenticate(self, rest: str) -> None:
        _, _, given = rest.partition(" ")
        parts = base64.b64decode(given).decode().split("\0")
        name, password = parts[-2], parts[-1]
        if self.owner.behaviour.logins.get(name) == password:
            self.login = (name, password)
            self._say("235 welcome")
        else:
            self._say(f"535 {password} is wrong")

    def _take(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        message = BytesParser(policy=default).parsebytes(b"".join(lines))
        self.owner.received.append(
            Received(self.sender, self.recipients, message, self.login, self.is_encrypted)
        )


def make_certificate(path: Path, name: str = "localhost") -> Path:
    """Write a certificate of its own authority, with its key, into ``path``."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names: list[x509.GeneralName] = [x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path
