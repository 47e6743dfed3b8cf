"""Which address a PostgreSQL server is reached at, and which addresses never are.

A caller of the API names the host, so the name decides where this server sends packets from
inside its network. A database normally lives on loopback or a private network, so those are fine;
what answers on link-local and similar addresses is never a database but, in every cloud, the
service that hands out the machine's credentials.
"""

from __future__ import annotations

import socket
import time
from concurrent.futures import Future
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import Thread

from ..problems import DatabaseProblem
from .errors import problem

# Metadata services outside the link-local networks: Alibaba, Azure, Oracle; Amazon, Google,
# Scaleway.
_METADATA = frozenset(
    ip_address(text)
    for text in (
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fd00:42::42",
    )
)
# "This network" (RFC 791): Linux takes 0.0.0.0 for itself, others in it lead nowhere.
_THIS_NETWORK = ip_network("0.0.0.0/8")
# Addresses by which IPv6-only networks reach IPv4 (RFC 6052): the last 32 bits are the real one.
_NAT64 = ip_network("64:ff9b::/96")


def reach(host: str, port: int, ends: float) -> str:
    """Return the first address of ``host`` that takes TCP connections on ``port``.

    Connecting plainly first tells a server that is not there from one that is but refuses, which
    libpq's messages do not do reliably; and whoever uses the returned address instead of the name
    cannot be led elsewhere by a second answer of the name server (DNS rebinding).

    Args:
        host: a host name or address.
        port: the TCP port.
        ends: when to give up, in seconds of :func:`time.monotonic`.

    Raises:
        DatabaseProblem: ``db_unknown_host``, ``db_address_refused``, ``db_unreachable`` or, where
            the name server does not answer, ``db_timeout``.
    """
    found = _resolve(host, port, ends)
    if any(is_refused(address) for _, address in found):
        raise problem("db_address_refused")
    cause = None
    for tried, (family, address) in enumerate(found):
        # What is left is shared, so that a silent first address leaves time for the next.
        seconds = max((ends - time.monotonic()) / (len(found) - tried), 0.01)
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.settimeout(seconds)
                probe.connect((address, port))
        except OSError as error:
            cause = type(error).__name__
        else:
            return address
    raise problem("db_unreachable", cause=cause)


def is_refused(text: str) -> bool:
    """Return whether no database of anybody's is at the IP address ``text``."""
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        address = _translated(address) or address
    if address.is_loopback:
        return False  # said first because ::1 is in ::/8, which is reserved
    return (
        address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or address.is_reserved
        or address in _METADATA
        or address in _THIS_NETWORK
    )


def _translated(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address at which packets to ``address`` arrive, if any."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def _resolve(host: str, port: int, ends: float) -> list[tuple[int, str]]:
    """Return each (family, address) of ``host``, in the order to be tried."""
    answer: Future[list[tuple[int, str]]] = Future()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.set_result(list(dict.fromkeys((item[0], str(item[4][0])) for item in found)))
        except (OSError, UnicodeError) as error:
            answer.set_exception(error)

    # getaddrinfo() takes as long as the machine's resolver likes and cannot be interrupted; a
    # thread that is still waiting ends by itself once the resolver gives up.
    Thread(target=ask, name="resolve", daemon=True).start()
    try:
        return answer.result(timeout=max(ends - time.monotonic(), 0.01))
    except TimeoutError:
        failure = DatabaseProblem(
            "db_timeout",
            "The name server did not say in time where this host is. Try again, or use the "
            "server's IP address.",
        )
    except (OSError, UnicodeError) as error:
        failure = problem("db_unknown_host", cause=type(error).__name__)
    raise failure
