"""Connecting to a PostgreSQL server, which a stranger may have named and may even run.

What libpq is told about a caller's server is written here, keyword by keyword. Nothing is left to
its defaults, because those come from the environment and the home folder of this process and
would reach, or be sent to, a server that somebody else chose. Whatever the server does, or does
not do, the wait for it ends.

Measured with libpq 17.0.11 and not to be had otherwise: ``PGTZ``, ``PGDATESTYLE`` and ``PGGEQO``
are sent to every server (time zone, format of dates, planner); a ``PGSERVICE`` that cannot be
read makes every connection fail, and one that can may set what has no environment variable
(keepalives, ``tcp_user_timeout``); and notices that a server sends before the session begins are
printed to standard error. All but the last are in the operator's hands, and changing the
environment is not safe while there are threads (getenv(3)).
"""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from .connection_string import VALUES
from .postgres_errors import classify, problem
from .postgres_network import reach
from .target import PostgresTarget

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

__all__ = ["classify", "connect", "watchdog"]

CONNECT_SECONDS = 10.0
APPLICATION_NAME = "deploystack"

# A path that no file can have. Not /dev/null itself: libpq warns on standard error about a
# password file that is not a plain file, and would parse the others.
ABSENT = "/dev/null/absent"

# What libpq is told unless the caller says otherwise, and since which version it understands
# that (libpq's documentation, 32.1.2). An empty value counts as given: the environment variable
# of the same name, and the file in the home folder, are not looked at.
DEFAULTS = {
    "application_name": (APPLICATION_NAME, 0),
    "channel_binding": ("prefer", 0),
    "client_encoding": ("UTF8", 0),
    "gssdelegation": ("0", 160000),
    "gssencmode": ("disable", 0),
    "gsslib": ("", 0),
    "krbsrvname": ("postgres", 0),
    "load_balance_hosts": ("disable", 160000),
    "max_protocol_version": ("3.0", 180000),
    "min_protocol_version": ("3.0", 180000),
    "options": ("", 0),
    "passfile": (ABSENT, 0),
    "password": ("", 0),
    # This machine's Kerberos tickets are not for a server that somebody else named.
    "require_auth": ("!gss,!sspi", 160000),
    "requirepeer": ("", 0),
    "ssl_max_protocol_version": ("", 0),
    "ssl_min_protocol_version": ("TLSv1.2", 0),
    "sslcert": (ABSENT, 0),
    "sslcertmode": ("disable", 160000),
    "sslcompression": ("0", 0),
    "sslcrl": (ABSENT, 0),
    "sslcrldir": ("", 140000),
    "sslkey": (ABSENT, 0),
    "sslmode": ("prefer", 0),
    "sslnegotiation": ("postgres", 170000),
    "sslrootcert": (ABSENT, 0),
    "sslsni": ("1", 140000),
    "target_session_attrs": ("any", 0),
}


def connect(target: PostgresTarget, *, deadline: float = CONNECT_SECONDS) -> Connection:
    """Connect to ``target``.

    For a caller's target the name is resolved once, refused where it leads to an address that no
    database is at, and the address that answers is the one used. An operator's target is handed
    to libpq as it is; its sockets, files, services and ``PG*`` variables are the operator's own.

    Args:
        target: the database.
        deadline: seconds in all: to resolve the name, to connect and to log in. For an operator's
            target, which may name several hosts, it is the default of ``connect_timeout``.

    Raises:
        DatabaseProblem: see :data:`.postgres_errors.SENTENCES`, and ``db_address_refused``.
    """
    if target.operator:
        return _open(_operator_keywords(target.keywords, deadline), target)
    ends = time.monotonic() + deadline
    given = {
        name: value
        for name, value in target.keywords.items()
        if name in VALUES or name in {"host", "port", "dbname", "user", "password"}
    }
    port = int(given["port"])
    address = reach(given["host"], port, ends)
    remaining = ends - time.monotonic()
    # libpq counts in whole seconds, two at least. It only limits the wait for a silent server.
    seconds = max(2, min(int(remaining), int(given.get("connect_timeout", "10"))))
    keywords = _defaults(given) | given | {"hostaddr": address, "connect_timeout": str(seconds)}
    before = set(_sockets())
    with _limit(remaining, lambda: _cut_off((address, port), before)):
        return _open(keywords, target)


@contextmanager
def watchdog(connection: Connection, seconds: float) -> Iterator[None]:
    """Let the code inside use ``connection`` for so many seconds and no longer.

    libpq waits for the answer to a query for as long as the server keeps the connection open.
    After this time the connection is shut down instead, and no longer usable.

    Args:
        connection: of psycopg2, in use by this thread only.
        seconds: how long.

    Raises:
        DatabaseProblem: ``db_timeout``, in place of whatever the code inside raised because of it.
    """
    # A descriptor of our own: the connection's may be closed, and its number reused, meanwhile.
    with socket.socket(fileno=os.dup(connection.fileno())) as handle:

        def cut() -> None:
            with suppress(OSError):  # it is no longer connected
                handle.shutdown(socket.SHUT_RDWR)

        with _limit(seconds, cut):
            yield


@contextmanager
def _limit(seconds: float, cut: Callable[[], None]) -> Iterator[None]:
    """Call ``cut`` when the code inside takes longer, and again until it ends; then raise."""
    done = Event()
    late = Event()

    def wait() -> None:
        delay = seconds
        while not done.wait(max(delay, 0)):
            late.set()
            cut()
            delay = 0.05

    thread = Thread(target=wait, name="watchdog", daemon=True)
    thread.start()
    try:
        yield
    except Exception:
        if not late.is_set():
            raise
    finally:
        done.set()
        thread.join()
    if late.is_set():
        raise problem("db_timeout", cause=f"cut off after {seconds:.1f} s")


def _open(keywords: Mapping[str, str], target: PostgresTarget) -> Connection:
    import psycopg2

    try:
        return psycopg2.connect(_conninfo(keywords))
    except psycopg2.Error as error:
        failure = classify(error, target)
    except UnicodeDecodeError:  # the server's message is in another encoding
        failure = problem("db_connection_failed", cause="UnicodeDecodeError")
    raise failure


def _conninfo(keywords: Mapping[str, str]) -> str:
    r"""Return the keywords as libpq reads them back: ``host='…' user='…'``.

    psycopg2 would quote only where there is white space in Python's sense. On macOS libpq also
    takes bytes such as A0, a part of "à" in UTF-8, for white space (isspace(3)), and would find
    further keywords in a password. Inside quotes only ``'`` and ``\`` mean something.
    """
    escaped = ((name, value.replace("\\", r"\\").replace("'", r"\'")) for name, value in keywords.items())
    return " ".join(f"{name}='{value}'" for name, value in escaped)


def _defaults(given: Mapping[str, str]) -> dict[str, str]:
    from psycopg2.extensions import libpq_version

    version = libpq_version()
    keywords = {name: value for name, (value, since) in DEFAULTS.items() if since <= version}
    if given.get("sslmode") == "verify-full":
        # sslrootcert=system would be the place compiled into the OpenSSL that psycopg2-binary
        # brings along, which no machine has. Python knows this machine's, and SSL_CERT_FILE.
        keywords["sslrootcert"] = ssl.get_default_verify_paths().cafile or ABSENT
    return keywords


def _operator_keywords(given: Mapping[str, str], deadline: float) -> dict[str, str]:
    keywords = {"fallback_application_name": APPLICATION_NAME, **given}
    if "PGCONNECT_TIMEOUT" not in os.environ:
        keywords.setdefault("connect_timeout", str(max(2, int(deadline))))
    return keywords


def _sockets() -> dict[int, int]:
    """Return the descriptor of each socket of this process by its inode, which is never reused."""
    found = {}
    for name in os.listdir("/dev/fd"):
        with suppress(OSError):  # it was closed meanwhile
            descriptor = int(name)
            status = os.fstat(descriptor)
            if stat.S_ISSOCK(status.st_mode):
                found[status.st_ino] = descriptor
    return found


def _cut_off(peer: tuple[str, int], spared: set[int]) -> None:
    """Shut down the sockets to ``peer`` that were opened since ``spared`` was noted.

    While libpq connects nobody can ask it for its socket. It would wait for ever for a server
    that keeps talking (its timeout is only looked at when there is nothing to read), and
    psycopg2's first query has no timeout at all.
    """
    for inode, descriptor in _sockets().items():
        if inode in spared:
            continue
        # Neither duplicated nor closed: closing any descriptor of a file that this one may have
        # become would release the locks that SQLite holds on it (fcntl(2)).
        with suppress(OSError):
            found = socket.socket(fileno=descriptor)
            try:
                if found.getpeername()[:2] == peer:
                    found.shutdown(socket.SHUT_RDWR)
            finally:
                found.detach()
