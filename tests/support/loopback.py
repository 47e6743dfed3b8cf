"""Keeping this process from reaching, or even resolving, anything but its own machine."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import parse_dsn


@contextlib.contextmanager
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Refuse what leads elsewhere, and fail at the end if something tried.

    Yields:
        What was resolved or connected to; filled while the block runs.
    """
    used: list[str] = []
    strayed: list[str] = []
    resolve, connect, libpq = socket.getaddrinfo, socket.socket.connect, psycopg2.connect

    def check(host: object) -> None:
        used.append(str(host))
        if not is_loopback(str(host)):
            strayed.append(str(host))
            raise OSError(f"this test does not reach {host}")

    def guarded_resolve(host: Any, *arguments: Any, **options: Any) -> Any:
        check(host)
        return resolve(host, *arguments, **options)

    def guarded_connect(self: socket.socket, address: Any) -> None:
        check(address[0])
        connect(self, address)

    def guarded_libpq(dsn: str, *arguments: Any, **options: Any) -> Any:
        check(parse_dsn(dsn)["hostaddr"])
        return libpq(dsn, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", guarded_resolve)
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(psycopg2, "connect", guarded_libpq)
        yield used
    assert strayed == []


def is_loopback(host: str) -> bool:
    """Return whether ``host`` leads to this machine without asking anybody."""
    with contextlib.suppress(ValueError):
        return ip_address(host).is_loopback
    return host.lower() == "localhost"
