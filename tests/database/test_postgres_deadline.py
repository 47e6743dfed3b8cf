"""Whatever a server does or does not do, the wait for it ends."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path

import psycopg2
import pytest

from deploystack.database.postgres.connection import connect, watchdog
from deploystack.database.postgres.deadline import _shut_down_if_to
from deploystack.database.problems import DatabaseProblem
from tests.support.hostile import (
    HostileServer,
    Script,
    stall_in_first_query,
    stall_in_session,
    stay_silent,
    talk_for_ever,
)
from tests.support.postgres import Postgres, PostgresServer

from .test_postgres import caller


@pytest.mark.parametrize("script", [stay_silent, stall_in_first_query, talk_for_ever])
@pytest.mark.parametrize("sslmode", ["disable", "prefer"])
def test_connecting_ends_in_time(script: Script, sslmode: str) -> None:
    with HostileServer(script) as server:
        began = time.monotonic()
        with pytest.raises(DatabaseProblem) as caught:
            connect(server.target(sslmode=sslmode), deadline=0.5)
        assert time.monotonic() - began < 1.5
    assert caught.value.code == "db_timeout"


def test_a_silent_server_is_given_up_by_libpq_first() -> None:
    with HostileServer(stay_silent) as server, pytest.raises(DatabaseProblem) as caught:
        connect(server.target(), deadline=2.9)
    assert (caught.value.code, caught.value.cause) == ("db_timeout", "OperationalError")


def test_a_caller_may_ask_for_less_time() -> None:
    with HostileServer(talk_for_ever) as server:
        began = time.monotonic()
        with pytest.raises(DatabaseProblem) as caught:
            connect(server.target(connect_timeout="2"))
        assert time.monotonic() - began < 3
    assert caught.value.code == "db_timeout"


def is_open(connected: socket.socket) -> bool:
    """Tell a connection that is open, with nothing to read, from one that was shut down."""
    connected.setblocking(False)
    try:
        return bool(connected.recv(1))
    except BlockingIOError:
        return True


def test_cutting_off_spares_earlier_connections() -> None:
    with HostileServer(stall_in_session) as server:
        earlier = connect(server.target())
        server.script = talk_for_ever
        with pytest.raises(DatabaseProblem):
            connect(server.target(), deadline=0.3)
        with socket.socket(fileno=os.dup(earlier.fileno())) as handle:
            assert is_open(handle)
        earlier.close()


def test_cutting_off_spares_connections_to_other_servers() -> None:
    opened: list[socket.socket] = []
    with HostileServer(talk_for_ever) as server, HostileServer(stay_silent) as other:
        address = ("127.0.0.1", other.port)
        timer = threading.Timer(0.1, lambda: opened.append(socket.create_connection(address)))
        timer.start()
        with pytest.raises(DatabaseProblem):
            connect(server.target(), deadline=0.4)
        timer.join()
        with opened[0] as connected:
            assert is_open(connected)


def query(connection: psycopg2.extensions.connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_a_server_that_answers_no_query_is_cut_off() -> None:
    with HostileServer(stall_in_session) as server:
        connection = connect(server.target())
        began = time.monotonic()
        with pytest.raises(DatabaseProblem) as caught, watchdog(connection, 0.2):
            query(connection)
        assert time.monotonic() - began < 1
        assert caught.value.code == "db_timeout"
        assert caught.value.cause == "cut off after 0.2 s"
        assert caught.value.__suppress_context__
        connection.close()


def test_a_server_that_freezes_is_cut_off(own_postgres: PostgresServer) -> None:
    target = caller(own_postgres, own_postgres.create_database())
    connection = connect(target)
    with own_postgres.frozen():
        with pytest.raises(DatabaseProblem) as caught, watchdog(connection, 0.2):
            query(connection)
        assert caught.value.code == "db_timeout"
        with pytest.raises(DatabaseProblem) as caught:
            connect(target, deadline=0.3)
        assert caught.value.code == "db_timeout"
    connection.close()
    connect(target).close()


def test_a_watchdog_leaves_a_connection_as_it_was(postgres: Postgres) -> None:
    connection = connect(caller(postgres, postgres.create_database()))
    with watchdog(connection, 10):
        query(connection)
    query(connection)
    with pytest.raises(psycopg2.ProgrammingError), watchdog(connection, 10):
        connection.cursor().execute("SELEKT")
    connection.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "watchdog"]


def test_a_watchdog_outlives_the_connection(postgres: Postgres) -> None:
    connection = connect(caller(postgres, postgres.create_database()))

    def close_and_dawdle() -> None:
        connection.close()
        time.sleep(0.3)

    with pytest.raises(DatabaseProblem) as caught, watchdog(connection, 0.1):
        close_and_dawdle()
    assert caught.value.code == "db_timeout"


@pytest.mark.parametrize("attempt", [1, 2])
def test_no_descriptor_is_left_open(attempt: int) -> None:
    def descriptors() -> int:
        return len(list(Path("/dev/fd").iterdir()))

    with HostileServer(stall_in_session) as server:
        before = descriptors()
        connection = connect(server.target())
        with pytest.raises(DatabaseProblem), watchdog(connection, 0.05):
            query(connection)
        connection.close()
        with pytest.raises(DatabaseProblem):
            connect(server.target(port="1"))
        deadline = time.monotonic() + 5
        while descriptors() > before and time.monotonic() < deadline:
            time.sleep(0.01)  # the server's side closes too
        assert descriptors() <= before


def test_what_is_no_socket_is_left_alone() -> None:
    reading, writing = os.pipe()
    _shut_down_if_to(("127.0.0.1", 1), reading)
    os.write(writing, b"x")
    assert os.read(reading, 1) == b"x"
    os.close(reading)
    os.close(writing)
