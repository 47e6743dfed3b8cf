"""Which addresses are connected to, and that not one packet leaves for another."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any, NoReturn

import pytest

from deploystack.database.postgres.connection import connect
from deploystack.database.postgres.network import is_refused, reach
from deploystack.database.problems import DatabaseProblem
from deploystack.database.target import PostgresTarget

REFUSED = [
    "169.254.169.254",  # metadata of most clouds
    "169.254.170.2",  # credentials of Amazon's containers
    "0.0.0.0",
    "0.1.2.3",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "100.100.100.200",  # metadata: Alibaba, Azure, Oracle
    "168.63.129.16",
    "192.0.0.192",
    "::",
    "::2",
    "::a9fe:a9fe",
    "::ffff:0.0.0.0",
    "::ffff:169.254.169.254",
    "::ffff:100.100.100.200",
    "::ffff:0:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::e000:1",
    "64:ff9b:1::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:5601:5601",  # Teredo of 169.254.169.254
    "fe80::1",
    "fe80::a9fe:a9fe",
    "fe80::1%1",
    "ff02::1",
    "fd00:ec2::254",  # metadata: Amazon, Google, Scaleway
    "fd20:ce::254",
    "fd00:42::42",
    "4000::1",
]
ALLOWED = [
    "127.0.0.1",
    "127.8.9.10",
    "10.0.0.5",
    "172.17.0.1",
    "192.168.1.2",
    "100.64.0.1",
    "198.51.100.7",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.5",
    "64:ff9b::a00:5",
    "fd12:3456:789a::1",
    "2001:db8::1",
]
# Spellings that getaddrinfo() takes for 169.254.169.254. The parser refuses them already.
IN_DISGUISE = ["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518"]


@pytest.mark.parametrize("address", REFUSED)
def test_no_database_is_at(address: str) -> None:
    assert is_refused(address)


@pytest.mark.parametrize("address", ALLOWED)
def test_a_database_may_be_at(address: str) -> None:
    assert not is_refused(address)


@pytest.fixture
def _no_packet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where anything is about to be sent."""

    def fail(*arguments: Any, **keywords: Any) -> NoReturn:
        raise AssertionError(f"tried to reach {arguments}")

    for name in ("connect", "connect_ex", "sendto", "sendmsg"):
        monkeypatch.setattr(socket.socket, name, fail)
    monkeypatch.setattr("psycopg2.connect", fail)


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def getaddrinfo(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (address, port),
            )
            for address in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def target(host: str) -> PostgresTarget:
    return PostgresTarget({"host": host, "port": "5432", "user": "u", "dbname": "d"})


@pytest.mark.usefixtures("_no_packet")
@pytest.mark.parametrize("host", [*REFUSED, *IN_DISGUISE])
def test_refuses_an_address_before_any_packet_leaves(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = socket.getaddrinfo

    def numeric_only(host: str, port: int, **_: Any) -> Any:
        return original(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)

    monkeypatch.setattr(socket, "getaddrinfo", numeric_only)
    with pytest.raises(DatabaseProblem) as caught:
        connect(target(host))
    assert caught.value.code == "db_address_refused"
    assert host not in caught.value.sentence


@pytest.mark.usefixtures("_no_packet")
@pytest.mark.parametrize(
    "addresses",
    [
        ["169.254.169.254"],
        ["127.0.0.1", "169.254.169.254"],
        ["fe80::1%lo", "127.0.0.1"],
        ["::ffff:169.254.169.254"],
    ],
)
def test_refuses_a_name_any_of_whose_addresses_is_refused(
    addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to(monkeypatch, *addresses)
    with pytest.raises(DatabaseProblem) as caught:
        connect(target("db.example"))
    assert caught.value.code == "db_address_refused"


def test_goes_on_to_the_next_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        resolve_to(monkeypatch, "127.0.0.2", "127.0.0.1")
        assert reach("db.example", port, time.monotonic() + 5) == "127.0.0.1"


def test_asks_the_name_server_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def getaddrinfo(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        reach("db.example", listener.getsockname()[1], time.monotonic() + 5)
    assert asked == ["db.example"]


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(DatabaseProblem) as caught:
        reach("127.0.0.1", port, time.monotonic() + 5)
    assert (caught.value.code, caught.value.cause) == ("db_unreachable", "ConnectionRefusedError")


def test_a_silent_network_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect_for_ever(probe: socket.socket, _address: object) -> NoReturn:
        time.sleep(probe.gettimeout() or 60)
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket.socket, "connect", connect_for_ever)
    resolve_to(monkeypatch, "127.0.0.1", "::1")
    began = time.monotonic()
    with pytest.raises(DatabaseProblem) as caught:
        reach("db.example", 5432, began + 0.2)
    assert (caught.value.code, caught.value.cause) == ("db_unreachable", "TimeoutError")
    assert 0.15 < time.monotonic() - began < 1


@pytest.mark.parametrize(
    "error",
    [
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"),
        UnicodeEncodeError("idna", "x", 0, 1, "label empty or too long"),
    ],
)
def test_an_unknown_host(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> NoReturn:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(DatabaseProblem) as caught:
        connect(target("nowhere.invalid"))
    assert caught.value.code == "db_unknown_host"
    assert caught.value.cause == type(error).__name__


def test_a_name_server_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        over.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    began = time.monotonic()
    with pytest.raises(DatabaseProblem) as caught:
        connect(target("slow.invalid"), deadline=0.2)
    over.set()
    assert caught.value.code == "db_timeout"
    assert time.monotonic() - began < 1
