"""Ending the wait for a server that does not end it itself.

libpq waits for the answer to a query for as long as the server keeps the connection open, and for
a session to begin for as long as the server keeps talking; psycopg2's first query, which belongs
to connecting, has no timeout at all. A server of somebody else's could so hold every worker for
ever. Shutting the socket down from another thread makes libpq fail at once.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from .errors import problem

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

AGAIN_SECONDS = 0.05


@contextmanager
def watchdog(connection: Connection, seconds: float) -> Iterator[None]:
    """Let the code inside use ``connection`` for so many seconds and no longer.

    After this time the connection is shut down and of no further use.

    Args:
        connection: of psycopg2.
        seconds: how long.

    Raises:
        DatabaseProblem: ``db_timeout``, in place of whatever the code inside raised because of it.
    """
    # A descriptor of our own: the connection may be closed inside, and its number given away.
    with (
        socket.socket(fileno=os.dup(connection.fileno())) as handle,
        _limit(seconds, lambda: _shut_down(handle)),
    ):
        yield


def cut_off(connection: Connection) -> None:
    """Shut ``connection`` down, so that whoever waits for its server waits no longer."""
    # Its own thread may have closed it, or be closing it: whatever that raises, it is gone.
    with suppress(Exception), socket.socket(fileno=os.dup(connection.fileno())) as handle:
        _shut_down(handle)


@contextmanager
def connecting(address: str, port: int, seconds: float) -> Iterator[None]:
    """Let the code inside connect to a server for so many seconds and no longer.

    While libpq connects, nobody can ask it for its socket. So the sockets to this server that did
    not exist before are looked for, and shut down. Where another thread has just connected to the
    same server, its connection breaks too, and is made anew; that a server is this broken is rare.

    Raises:
        DatabaseProblem: ``db_timeout``, in place of whatever the code inside raised because of it.
    """
    before = set(_sockets())

    def cut() -> None:
        for inode, descriptor in _sockets().items():
            if inode not in before:
                _shut_down_if_to((address, port), descriptor)

    with _limit(seconds, cut):
        yield


@contextmanager
def _limit(seconds: float, cut: Callable[[], None]) -> Iterator[None]:
    """Call ``cut`` if the code inside takes longer, and again until it ends; then raise."""
    done = Event()
    late = Event()

    def wait() -> None:
        delay = max(seconds, 0)
        while not done.wait(delay):
            late.set()
            with suppress(OSError):  # no descriptor left to look with; again, then
                cut()
            delay = AGAIN_SECONDS  # libpq may connect again, without TLS

    thread = Thread(target=wait, name="watchdog", daemon=True)
    thread.start()
    try:
        yield
    except Exception:  # what a cut connection raises differs; db_timeout, below, stands for it
        if not late.is_set():
            raise
    finally:
        done.set()
        thread.join()
    if late.is_set():
        raise problem("db_timeout", cause=f"cut off after {seconds:.1f} s") from None


def _sockets() -> dict[int, int]:
    """Return the descriptor of each socket of this process by its inode, a socket's identity."""
    found = {}
    for path in Path("/dev/fd").iterdir():
        descriptor = int(path.name)
        with suppress(OSError):  # closed meanwhile
            status = os.fstat(descriptor)
            if stat.S_ISSOCK(status.st_mode):
                found[status.st_ino] = descriptor
    return found


def _shut_down_if_to(peer: tuple[str, int], descriptor: int) -> None:
    # Neither duplicated nor closed here: to close any descriptor of a file, which this one may
    # have become meanwhile, would release the locks that SQLite holds on the file (fcntl(2)).
    with suppress(OSError):
        borrowed = socket.socket(fileno=descriptor)
        try:
            if borrowed.getpeername()[:2] == peer:
                _shut_down(borrowed)
        finally:
            borrowed.detach()


def _shut_down(connected: socket.socket) -> None:
    with suppress(OSError):  # no longer connected
        connected.shutdown(socket.SHUT_RDWR)
