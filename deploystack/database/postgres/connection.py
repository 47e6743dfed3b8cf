"""Connecting to a PostgreSQL server, which a stranger may have named and may even run.

What libpq is told about a caller's server is written here, keyword by keyword. Nothing is left to
its defaults, because those come from the environment and the home folder of this process, and
would reach, or be sent to, a server that somebody else chose.

What remains, as measured with libpq 17.0.11. ``PGTZ``, ``PGDATESTYLE`` and ``PGGEQO`` (time zone,
format of dates, planner) are told to every server. A ``PGSERVICE`` that cannot be read makes
every connection fail, and one that can be may set what no variable can, such as keepalives. Those
are the operator's to set or not; to change the environment instead is not safe while there are
threads (getenv(3)). And libpq prints the notices that a server sends before the session begins to
standard error, as many as come until the deadline.
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..target import PostgresTarget
from .connection_string import QUERY
from .deadline import connecting, cut_off, watchdog
from .errors import classify
from .network import reach

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812

__all__ = ["classify", "connect", "cut_off", "watchdog"]

CONNECT_SECONDS = 10.0
APPLICATION_NAME = "deploystack"

# A path that no file can have. Not /dev/null itself: about a password file that is not a plain
# file libpq prints a warning each time.
ABSENT = "/dev/null/absent"

# What libpq is told where the caller says nothing, and since which version it understands that
# (libpq's documentation, 32.1.2 and 32.15). An empty value is a value: neither the environment
# variable nor the file in the home folder is looked at.
DEFAULTS = {
    "application_name": (APPLICATION_NAME, 0),
    "channel_binding": ("prefer", 0),
    "client_encoding": ("UTF8", 0),
    # A connection that a firewall dropped in silence is noticed within half a minute.
    "keepalives": ("1", 0),
    "keepalives_idle": ("15", 0),
    "keepalives_interval": ("5", 0),
    "keepalives_count": ("3", 0),
    "tcp_user_timeout": ("30000", 0),
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
    "port": ("5432", 0),
    # The Kerberos tickets of this machine are not for a server that somebody else named.
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
GIVEN = frozenset({"host", "port", "dbname", "user", "password", *QUERY})
"""What a caller's target may say; see :func:`.connection_string.parse`."""


def connect(target: PostgresTarget, *, deadline: float = CONNECT_SECONDS) -> Connection:
    """Connect to ``target``.

    The host of a caller's target is resolved once, refused if it leads to an address where no
    database is, and connected to by address. An operator's target is handed to libpq as it is:
    its sockets, files, services and ``PG*`` variables are the operator's own.

    Args:
        target: the database.
        deadline: seconds in all, to resolve the name, connect and log in; a caller's
            ``connect_timeout`` may shorten it. For an operator's target, which may name several
            hosts, it is the default of ``connect_timeout``.

    Raises:
        DatabaseProblem: with one of the codes in :data:`.errors.SENTENCES`.
    """
    if target.operator:
        return _open(_operator_keywords(target.keywords, deadline), target)
    given = {name: value for name, value in target.keywords.items() if name in GIVEN}
    seconds = min(deadline, float(given.get("connect_timeout", deadline)))
    ends = time.monotonic() + seconds
    port = int(given["port"])
    address = reach(given["host"], port, ends)
    remaining = ends - time.monotonic()
    keywords = _defaults(given.get("sslmode")) | given
    keywords["hostaddr"] = address
    # libpq waits for whole seconds, at least two. It gives up on a server that is silent; one
    # that is worse is cut off.
    keywords["connect_timeout"] = str(max(2, int(remaining)))
    with connecting(address, port, remaining):
        return _open(keywords, target)


def _open(keywords: Mapping[str, str], target: PostgresTarget) -> Connection:
    import psycopg2

    try:
        return psycopg2.connect(_conninfo(keywords))
    except psycopg2.Error as error:
        failure = classify(error, target)
    except UnicodeDecodeError as error:  # psycopg2 met a server's message in another encoding
        text = error.object.decode("ascii", errors="replace")
        failure = classify(psycopg2.OperationalError(text), target)
    raise failure


def _conninfo(keywords: Mapping[str, str]) -> str:
    r"""Return ``keywords`` so that libpq reads back exactly these: ``host='…' user='…'``.

    psycopg2 would quote only what has white space in Python's sense. For libpq on macOS a byte
    such as A0, half of an "à" in UTF-8, is white space too (isspace(3)), and what follows it in a
    password would be further keywords. Within quotes only ``'`` and ``\`` mean something, and the
    text begins with a keyword of ours, so that it is never taken for a URI.
    """
    escaped = {
        name: value.replace("\\", r"\\").replace("'", r"\'") for name, value in keywords.items()
    }
    return " ".join(f"{name}='{value}'" for name, value in escaped.items())


def _defaults(sslmode: str | None) -> dict[str, str]:
    from psycopg2.extensions import libpq_version

    version = libpq_version()
    keywords = {name: value for name, (value, since) in DEFAULTS.items() if version >= since}
    if sslmode == "verify-full":
        # sslrootcert=system would be the folder compiled into the OpenSSL of psycopg2-binary,
        # which is on no machine. Python finds this machine's authorities, or SSL_CERT_FILE's.
        keywords["sslrootcert"] = ssl.get_default_verify_paths().cafile or ABSENT
    return keywords


def _operator_keywords(given: Mapping[str, str], deadline: float) -> dict[str, str]:
    keywords = {"fallback_application_name": APPLICATION_NAME, **given}
    if "PGCONNECT_TIMEOUT" not in os.environ:
        keywords.setdefault("connect_timeout", str(max(2, int(deadline))))
    return keywords
