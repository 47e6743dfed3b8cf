"""What failures are called that no test server can be made to show."""

from __future__ import annotations

import psycopg2
import pytest

from deploystack.database.postgres.connection import connect
from deploystack.database.postgres.errors import SENTENCES, classify, create_database, quote
from tests.support.postgres import Postgres

from .test_postgres import caller

AT = 'connection to server at "db.example" (192.0.2.1), port 5432 failed: '
NO_TLS = f'{AT}FATAL:  no pg_hba.conf entry for host "192.0.2.9", user "u", no encryption\n'

MESSAGES = [
    # libpq 14 and newer, and before.
    (f"{AT}Connection refused\n\tIs the server running on that host", "db_unreachable"),
    ("could not connect to server: Connection refused\n\tIs the server", "db_unreachable"),
    (f"{AT}No route to host\n", "db_unreachable"),
    (f"{AT}Connection timed out\n", "db_unreachable"),
    (f"{AT}timeout expired\n", "db_timeout"),
    ("timeout expired\n", "db_timeout"),
    (
        'could not translate host name "x" to address: Name or service not known\n',
        "db_unknown_host",
    ),
    ('FATAL:  password authentication failed for user "u"\n', "db_authentication_failed"),
    (f'{AT}FATAL:  PAM authentication failed for user "u"\n', "db_authentication_failed"),
    (f'{AT}FATAL:  LDAP authentication failed for user "u"\n', "db_authentication_failed"),
    (f"{AT}fe_sendauth: no password supplied\n", "db_authentication_failed"),
    # With sslmode=prefer the attempt without TLS comes second, and says less.
    (
        f'{AT}FATAL:  password authentication failed for user "u"\n{NO_TLS}',
        "db_authentication_failed",
    ),
    (f'{AT}FATAL:  database "d" does not exist\n{NO_TLS}', "db_does_not_exist"),
    (NO_TLS, "db_access_denied"),
    (f"{AT}SSL error: certificate verify failed\n", "db_tls_failed"),
    (f'{AT}server certificate for "a" does not match host name "b"\n', "db_tls_failed"),
    (f'{AT}root certificate file "/x" does not exist\nEither', "db_tls_failed"),
    (f"{AT}server does not support SSL, but SSL was required\n", "db_tls_failed"),
    (f"{AT}channel binding required, but SSL not in use\n", "db_tls_failed"),
    (f"{AT}FATAL:  sorry, too many clients already\n", "db_too_many_connections"),
    (f"{AT}FATAL:  the database system is shutting down\n", "db_shutting_down"),
    # In a session that was lost.
    ("server closed the connection unexpectedly\n\tThis probably means", "db_unreachable"),
    ("SSL connection has been closed unexpectedly\n", "db_unreachable"),
    ("could not receive data from server: Connection reset by peer\n", "db_unreachable"),
    ("connection already closed", "db_unreachable"),
    ("terminating connection due to administrator command\n", "db_shutting_down"),
    # What is between quotation marks is somebody's choice.
    (f'{AT}FATAL:  "timeout expired" is new\n', "db_connection_failed"),
    ("", "db_connection_failed"),
]


@pytest.mark.parametrize(("message", "code"), MESSAGES)
def test_a_message(message: str, code: str) -> None:
    problem = classify(psycopg2.OperationalError(message))
    assert problem.code == code
    assert problem.sentence == SENTENCES[code]
    assert problem.cause == "OperationalError"
    assert problem.details == {}


STATES = [
    ("08006", "db_unreachable"),
    ("25006", "db_read_only"),
    ("28000", "db_authentication_failed"),
    ("28P01", "db_authentication_failed"),
    ("3D000", "db_does_not_exist"),
    ("40P01", "db_locked"),
    ("42501", "db_no_permission"),
    ("53100", "db_disk_full"),
    ("53300", "db_too_many_connections"),
    ("55P03", "db_locked"),
    ("57014", "db_timeout"),
    ("57P01", "db_shutting_down"),
    ("57P02", "db_shutting_down"),
    ("57P03", "db_starting_up"),
    ("23505", "db_failed"),
]


@pytest.mark.parametrize(("state", "code"), STATES)
def test_a_state_of_a_real_server(state: str, code: str, postgres: Postgres) -> None:
    raised = "DO $$ BEGIN RAISE 'c4nary' USING ERRCODE = %s; END $$"
    with pytest.raises(psycopg2.Error) as caught:
        postgres.execute(raised, [state])
    problem = classify(caught.value)
    assert problem.code == code
    assert problem.cause == f"{type(caught.value).__name__} {state}"
    assert "c4nary" not in f"{problem} {problem.details} {problem.cause}"


def test_a_session_that_is_ended(postgres: Postgres) -> None:
    connection = psycopg2.connect(postgres.create_database())
    postgres.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
    with pytest.raises(psycopg2.Error) as caught:
        connection.cursor().execute("SELECT 1")
    assert classify(caught.value).code in {"db_shutting_down", "db_unreachable"}
    with pytest.raises(psycopg2.Error) as caught:
        connection.cursor()
    assert classify(caught.value).code == "db_unreachable"


@pytest.mark.parametrize("name", ["plain", 'a"b', '"', "x; DROP", "ü'\\"])
def test_names_are_spelled_as_sql_does(name: str, postgres: Postgres) -> None:
    postgres.execute(create_database(name))
    connection = connect(caller(postgres, dbname=name))
    assert connection.info.dbname == name
    connection.close()
    postgres.execute(f"DROP DATABASE {quote(name)}")


def test_every_sentence_says_what_to_do() -> None:
    for code, sentence in SENTENCES.items():
        assert sentence.endswith("."), code
        assert sentence.count(". ") >= 1, code
