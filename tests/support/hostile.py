"""Servers on 127.0.0.1 that misbehave: silent, endless, lying, or no PostgreSQL at all.

    with HostileServer(stall_in_session) as server:
        connect(server.target())

What they say is PostgreSQL's protocol, chapter "Frontend/Backend Protocol" of its documentation.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from deploystack.database.target import PostgresTarget

Script = Callable[[socket.socket], None]

SSL_REQUEST = 80877103


def message(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


def parameter(name: str, value: str) -> bytes:
    return message(b"S", f"{name}\0{value}\0".encode())


def fatal(sqlstate: str, text: str, encoding: str = "utf-8") -> bytes:
    fields = f"SFATAL\0VFATAL\0C{sqlstate}\0M{text}\0\0"
    return message(b"E", fields.encode(encoding))


AUTHENTICATED = message(b"R", struct.pack("!I", 0))
READY = message(b"Z", b"I")


def session(date_style: str = "ISO, MDY") -> bytes:
    """What a server says once somebody has logged in."""
    return (
        AUTHENTICATED
        + parameter("server_version", "16.4")
        + parameter("client_encoding", "UTF8")
        + parameter("standard_conforming_strings", "on")
        + parameter("DateStyle", date_style)
        + READY
    )


def receive_startup(client: socket.socket) -> socket.socket:
    """Read what a client begins with, offering no TLS; return the same socket."""
    while True:
        length, code = struct.unpack("!II", client.recv(8))
        if code != SSL_REQUEST:
            client.recv(length - 8)
            return client
        client.sendall(b"N")


def stay_silent(client: socket.socket) -> None:
    """Say nothing until the client gives up."""
    while client.recv(4096):
        pass


def stall_in_session(client: socket.socket) -> None:
    """Let anybody log in, and answer no query."""
    receive_startup(client).sendall(session())
    stay_silent(client)


def stall_in_first_query(client: socket.socket) -> None:
    """Stall in the query psycopg2 sends by itself where dates are written in another style."""
    receive_startup(client).sendall(session("German, DMY"))
    stay_silent(client)


def talk_for_ever(client: socket.socket) -> None:
    """Keep sending parameters, so that the session never begins and the client never waits."""
    receive_startup(client).sendall(AUTHENTICATED)
    for number in itertools.count():
        client.sendall(parameter("x", str(number)) * 1000)


def speaks_tls(context: ssl.SSLContext, answer: bytes) -> Script:
    """Return the script of a server that answers this over TLS."""

    def script(client: socket.socket) -> None:
        client.recv(8)
        client.sendall(b"S")
        with context.wrap_socket(client, server_side=True) as encrypted:
            receive_startup(encrypted).sendall(answer)
            stay_silent(encrypted)

    return script


def says(answer: bytes) -> Script:
    """Return the script of a server that answers this to whoever begins, and hangs up."""

    def script(client: socket.socket) -> None:
        receive_startup(client).sendall(answer)

    return script


def answers_queries_with(*answers: bytes) -> Script:
    """Return the script of a server that gives one of these for each query, and hangs up."""

    def script(client: socket.socket) -> None:
        receive_startup(client).sendall(session())
        for answer in answers:
            client.recv(65536)
            client.sendall(answer)

    return script


def answers_everything_with(answer: bytes) -> Script:
    """Return the script of a server that is something else, such as HTTP's."""

    def script(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(answer)

    return script


class HostileServer:
    """A server that plays ``script`` to every client that says something."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._clients: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._listen)]

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def target(self, **keywords: str) -> PostgresTarget:
        """Return how a caller would name this server."""
        given = {"host": "127.0.0.1", "port": str(self.port), "user": "u", "dbname": "d"}
        return PostgresTarget(given | keywords)

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for connected in [self._listener, *self._clients]:
            with contextlib.suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._clients.append(client)
            thread = threading.Thread(target=self._play, args=[client])
            self._threads.append(thread)
            thread.start()

    def _play(self, client: socket.socket) -> None:
        # struct.error: the client only looked whether somebody listens, and left.
        with client, contextlib.suppress(OSError, struct.error):
            self.script(client)
