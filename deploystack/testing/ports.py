"""Free ports of the loopback address."""

from __future__ import annotations

import contextlib
import secrets
import socket

HOST = "127.0.0.1"


def free_port() -> int:
    """Return a free port that no client's connection is given by the operating system.

    Those are 32768 and above: one taken while a server is stopped would keep it from starting
    again, and connecting to one on which nobody listens can end in a connection with oneself.
    """
    while True:
        port = secrets.choice(range(20_000, 32_768))
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((HOST, port))
            return port
