"""Connecting: what is told to libpq, what it ignores, and what its failures are called."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import sql

from deploystack.database.postgres.connection import ABSENT, DEFAULTS, _conninfo, connect
from deploystack.database.postgres.connection_string import parse, parse_operator
from deploystack.database.postgres.errors import SENTENCES
from deploystack.database.problems import DatabaseProblem
from deploystack.database.target import PostgresTarget
from tests.support.hostile import (
    AUTHENTICATED,
    READY,
    HostileServer,
    answers_everything_with,
    fatal,
    says,
    session,
    speaks_tls,
)
from tests.support.postgres import Postgres, PostgresServer

CANARY = "c4nary' \\ password=x /@"


def caller(server: Postgres, database: str = "postgres", **keywords: str) -> PostgresTarget:
    """Return how a caller of the API would name a database, given by its name or URI."""
    target = parse(database if "://" in database else server.uri(database))
    return PostgresTarget({**target.keywords, **keywords})


def failure(target: PostgresTarget, **options: float) -> DatabaseProblem:
    with pytest.raises(DatabaseProblem) as caught:
        connect(target, **options).close()
    problem = caught.value
    told = f"{problem.sentence} {problem.details} {problem.cause} {problem!r}"
    told += "".join(traceback.format_exception(problem))
    assert "c4nary" not in told
    assert "FATAL" not in told
    assert problem.__context__ is None
    return problem


def ask(target: PostgresTarget, statement: str) -> str:
    connection = connect(target)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            [(value,)] = cursor
            return str(value)
    finally:
        connection.close()


# A person's target.


def test_connects(postgres: Postgres) -> None:
    target = caller(postgres, postgres.create_database())
    assert ask(target, "SHOW application_name") == "deploystack"
    assert ask(target, "SHOW client_encoding") == "UTF8"
    named = PostgresTarget({**target.keywords, "application_name": "it's me"})
    assert ask(named, "SHOW application_name") == "it's me"


def test_connects_by_name_to_the_address_that_was_resolved(postgres: Postgres) -> None:
    connection = connect(caller(postgres, host="localhost"))
    told = connection.info.dsn_parameters
    connection.close()
    assert (told["host"], told["hostaddr"]) == ("localhost", "127.0.0.1")


AWKWARD = [
    "a b",
    "a'b",
    'a"b',
    "a\\b",
    "a\\'b",
    "a=b",
    "à host=evil.invalid",
    "x' host='evil.invalid",
    "host=evil.invalid",
    "postgresql://evil.invalid/x",
    "%20 %00",
    " ",
    "ü" * 31,
]


@pytest.mark.parametrize("name", AWKWARD)
def test_no_name_or_password_is_read_as_something_else(name: str, postgres: Postgres) -> None:
    role = postgres.create_role(name=name, password=name)
    database = sql.Identifier(name)
    postgres.execute(sql.SQL("CREATE DATABASE {}").format(database))
    target = parse(postgres.uri(name, role))
    assert ask(target, "SELECT current_user || '|' || current_database()") == f"{name}|{name}"
    postgres.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))
    postgres.drop_role(name)


@pytest.mark.parametrize("value", [*AWKWARD, CANARY, "", "'", "\\", "\\\\'", "\u00a0", "\u0085x=y"])
def test_libpq_reads_back_exactly_what_was_written(value: str) -> None:
    keywords = {"host": "h", "password": value, "dbname": value, "options": ""}
    assert psycopg2.extensions.parse_dsn(_conninfo(keywords)) == keywords


def test_what_a_caller_may_not_say_is_not_passed_on(postgres: Postgres, tmp_path: Path) -> None:
    key_log = tmp_path / "keys"
    target = caller(
        postgres,
        sslkeylogfile=str(key_log),
        hostaddr="203.0.113.1",
        options="-c application_name=x",
        service="none",
    )
    assert ask(target, "SHOW application_name") == "deploystack"
    assert list(tmp_path.iterdir()) == []


# What surrounds this process.

VARIABLES = {
    "PGHOST": "203.0.113.1",
    "PGHOSTADDR": "203.0.113.1",
    "PGPORT": "1",
    "PGDATABASE": "none",
    "PGUSER": "nobody",
    "PGPASSWORD": "c4nary",
    "PGREQUIREAUTH": "gss",
    "PGCHANNELBINDING": "require",
    "PGOPTIONS": "-c application_name=c4nary",
    "PGAPPNAME": "c4nary",
    "PGSSLMODE": "verify-full",
    "PGREQUIRESSL": "1",
    "PGSSLNEGOTIATION": "direct",
    "PGSSLCOMPRESSION": "1",
    "PGSSLCERT": "/etc/passwd",
    "PGSSLKEY": "/etc/passwd",
    "PGSSLCERTMODE": "require",
    "PGSSLROOTCERT": "system",
    "PGSSLCRL": "/etc/passwd",
    "PGSSLCRLDIR": "/etc",
    "PGSSLSNI": "0",
    "PGREQUIREPEER": "nobody",
    "PGSSLMINPROTOCOLVERSION": "TLSv9",
    "PGSSLMAXPROTOCOLVERSION": "TLSv1",
    "PGMINPROTOCOLVERSION": "9",
    "PGMAXPROTOCOLVERSION": "9",
    "PGGSSENCMODE": "require",
    "PGKRBSRVNAME": "c4nary",
    "PGGSSLIB": "c4nary",
    "PGGSSDELEGATION": "1",
    "PGCONNECT_TIMEOUT": "c4nary",
    "PGCLIENTENCODING": "SQL_ASCII",
    "PGTARGETSESSIONATTRS": "standby",
    "PGLOADBALANCEHOSTS": "c4nary",
    "PGSERVICEFILE": "/nonexistent",
    "PGSYSCONFDIR": "/nonexistent",
}


def test_the_environment_is_ignored(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    target = caller(postgres, postgres.create_database())
    connection = connect(target)
    expected = connection.info.dsn_parameters
    connection.close()
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    connection = connect(target)
    assert connection.info.dsn_parameters == expected
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('application_name')")
        assert cursor.fetchall() == [("deploystack",)]
    connection.close()


def test_every_default_of_libpq_that_is_in_the_environment_is_named() -> None:
    named = {*DEFAULTS, "host", "hostaddr", "port", "dbname", "user", "connect_timeout"}
    # What DEFAULTS cannot defend against is in the docstring of postgres.py.
    assert {name.removeprefix("PG").lower() for name in VARIABLES} - {
        *(name.replace("_", "") for name in named),
        *named,
        "appname",  # application_name
        "database",  # dbname
        "requiressl",  # an older name of sslmode
        "servicefile",
        "sysconfdir",
    } == set()


def test_no_password_of_ours_is_sent(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = postgres.create_role()
    target = caller(postgres, postgres.create_database(owner=role))
    without = PostgresTarget({k: v for k, v in target.keywords.items() if k != "password"})
    password_file = tmp_path / ".pgpass"
    password_file.write_text(f"*:*:*:*:{role.password}\n")
    password_file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(password_file))
    monkeypatch.setenv("PGPASSWORD", role.password)
    monkeypatch.setenv("HOME", str(tmp_path))
    operator = PostgresTarget(without.keywords, operator=True)
    connect(operator).close()
    assert failure(without).code == "db_authentication_failed"


def test_no_file_of_the_home_folder_is_used(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ".postgresql"
    folder.mkdir()
    for name in ("root.crt", "root.crl", "postgresql.crt", "postgresql.key"):
        (folder / name).write_text("nonsense")
    monkeypatch.setenv("HOME", str(tmp_path))
    connection = connect(caller(postgres))
    told = connection.info.dsn_parameters
    connection.close()
    for name in ("sslcert", "sslkey", "sslrootcert", "sslcrl", "passfile"):
        assert told[name] == ABSENT
    assert not Path(ABSENT).exists()


def test_nothing_is_printed(postgres: Postgres, capfd: pytest.CaptureFixture[str]) -> None:
    connect(caller(postgres)).close()
    assert capfd.readouterr() == ("", "")


def test_a_service_that_exists_changes_nothing_visible(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "services"
    file.write_text(
        "[mine]\nhost=203.0.113.1\nhostaddr=203.0.113.1\nport=1\nuser=x\npassword=x\ndbname=x\n"
        "options=-c application_name=c4nary\npassfile=/x\nsslmode=verify-full\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    monkeypatch.setenv("PGSERVICE", "mine")
    assert ask(caller(postgres), "SHOW application_name") == "deploystack"


@pytest.mark.parametrize("content", ["", "[mine]\nnonsense=1\n"])
def test_a_service_that_cannot_be_read_is_told_to_the_operator(
    content: str, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "services").write_text(content)
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    monkeypatch.setenv("PGSERVICE", "mine")
    problem = failure(caller(postgres))
    assert problem.code == "db_service_file"
    assert "PGSERVICE" in problem.sentence


# An operator's target.


def test_an_operator_may_use_variables_services_and_options(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keywords = caller(postgres, postgres.create_database()).keywords
    lines = [f"{name}={value}" for name, value in keywords.items() if name != "password"]
    (tmp_path / "services").write_text("\n".join(["[mine]", *lines, ""]))
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    monkeypatch.setenv("PGPASSWORD", keywords["password"])
    target = parse_operator("service=mine options='-c work_mem=77MB'")
    assert ask(target, "SHOW work_mem") == "77MB"
    assert ask(target, "SHOW application_name") == "deploystack"
    monkeypatch.setenv("PGAPPNAME", "mine")
    assert ask(target, "SHOW application_name") == "mine"


def test_an_operator_waits_no_longer_either(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        target = parse_operator(f"host=127.0.0.1 port={port} user=u dbname=d gssencmode=disable")
        began = time.monotonic()
        assert failure(target, deadline=2).code == "db_timeout"
        monkeypatch.setenv("PGCONNECT_TIMEOUT", "2")
        assert failure(target).code == "db_timeout"
        assert time.monotonic() - began < 6


def test_an_operator_may_use_a_socket(tmp_path: Path) -> None:
    problem = failure(parse_operator(f"host={tmp_path} user=u dbname=d"))
    assert (problem.code, problem.cause) == ("db_unreachable", "OperationalError")
    assert str(tmp_path) not in problem.sentence


# What a real server refuses.

HBA = """
host all unwelcome 127.0.0.1/32 reject
host all trusted,ghost,locked_out 127.0.0.1/32 trust
host all identified 127.0.0.1/32 ident
host postgres elsewhere 127.0.0.1/32 trust
host all elsewhere 127.0.0.2/32 trust
host all postgres,limited,expired,wrong,nobody 127.0.0.1/32 scram-sha-256
"""


@pytest.fixture(scope="module")
def strict() -> Iterator[PostgresServer]:
    """A server with a pg_hba.conf of its own."""
    with PostgresServer() as server:
        [[file]] = server.execute("SHOW hba_file")
        lines = HBA.strip().splitlines()
        # Only the server may write its files; COPY lets it.
        server.execute(
            sql.SQL("COPY (SELECT unnest({})) TO {}").format(sql.Literal(lines), sql.Literal(file))
        )
        server.execute("SELECT pg_reload_conf()")
        wait_for_reload(server)
        server.create_role(name="trusted", password="p")
        server.execute("CREATE ROLE locked_out NOLOGIN")
        server.create_role("CONNECTION LIMIT 0", name="limited", password="p")
        server.create_role("VALID UNTIL '2001-01-01'", name="expired", password="p")
        server.create_role(name="wrong", password="p")
        server.create_database("private")
        server.execute("REVOKE CONNECT ON DATABASE private FROM public")
        server.create_database("closed")
        server.execute("ALTER DATABASE closed ALLOW_CONNECTIONS false")
        server.create_database("crowded")
        server.execute("ALTER DATABASE crowded CONNECTION LIMIT 0")
        yield server


def wait_for_reload(server: PostgresServer) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with pytest.raises(psycopg2.OperationalError) as caught:
            psycopg2.connect(server.uri("postgres").replace("//postgres:", "//unwelcome:"))
        if "rejects" in str(caught.value):
            return
        time.sleep(0.01)
    raise TimeoutError("pg_hba.conf was not read again")


@pytest.mark.parametrize(
    ("user", "database", "code"),
    [
        ("wrong", "postgres", "db_authentication_failed"),
        ("expired", "postgres", "db_authentication_failed"),
        ("nobody", "postgres", "db_authentication_failed"),
        ("ghost", "postgres", "db_authentication_failed"),
        ("locked_out", "postgres", "db_authentication_failed"),
        ("identified", "postgres", "db_authentication_failed"),
        ("unwelcome", "postgres", "db_access_denied"),
        ("elsewhere", "template1", "db_access_denied"),
        ("trusted", "closed", "db_access_denied"),
        ("trusted", "template0", "db_access_denied"),
        ("trusted", "private", "db_no_permission"),
        ("trusted", 'no "such" one', "db_does_not_exist"),
        ("trusted", 'x" failed: no pg_hba.conf entry', "db_does_not_exist"),
        ("password authentication failed", "postgres", "db_access_denied"),
        ("trusted", "crowded", "db_too_many_connections"),
    ],
)
def test_a_refusal_is_told_apart(
    user: str, database: str, code: str, strict: PostgresServer
) -> None:
    problem = failure(caller(strict, user=user, dbname=database, password=CANARY))
    assert problem.code == code
    assert problem.sentence == SENTENCES[code]
    assert problem.cause == "OperationalError"


def test_too_many_connections_of_a_role(strict: PostgresServer) -> None:
    problem = failure(caller(strict, user="limited", password="p"))
    assert problem.code == "db_too_many_connections"


def test_no_password_at_all(strict: PostgresServer) -> None:
    target = parse(f"postgresql://wrong@127.0.0.1:{strict.port}/postgres")
    assert failure(target).code == "db_authentication_failed"


def test_a_missing_database_comes_with_the_sql_that_creates_it(strict: PostgresServer) -> None:
    target = caller(strict, user="trusted", dbname='my "db"')
    problem = failure(target)
    assert problem.details == {
        "sql": 'CREATE DATABASE "my ""db""" ENCODING \'UTF8\' TEMPLATE template0;'
    }
    strict.execute(problem.details["sql"])
    assert ask(target, "SHOW server_encoding") == "UTF8"
    strict.drop_database('my "db"')


def test_a_missing_right_comes_with_the_sql_that_grants_it(strict: PostgresServer) -> None:
    target = caller(strict, user="trusted", dbname="private")
    problem = failure(target)
    assert problem.details == {"grant": 'GRANT CONNECT ON DATABASE "private" TO "trusted";'}
    strict.execute(problem.details["grant"])
    connect(target).close()
    strict.execute("REVOKE CONNECT ON DATABASE private FROM trusted")


def test_no_tls(strict: PostgresServer) -> None:
    assert failure(caller(strict, sslmode="require")).code == "db_tls_failed"
    assert failure(caller(strict, sslmode="verify-full")).code == "db_tls_failed"
    assert failure(caller(strict, channel_binding="require")).code == "db_tls_failed"


def test_a_server_on_its_way_down_and_one_that_is_gone(own_postgres: PostgresServer) -> None:
    target = caller(own_postgres, own_postgres.create_database())
    connection = connect(target)
    os.kill(own_postgres.pid, signal.SIGTERM)  # waits for the last connection
    deadline = time.monotonic() + 10
    code = None
    while code != "db_shutting_down" and time.monotonic() < deadline:
        try:
            connect(target).close()
        except DatabaseProblem as problem:
            code = problem.code
    assert code == "db_shutting_down"
    connection.close()
    while own_postgres.is_running:
        time.sleep(0.01)
    assert failure(target).code == "db_unreachable"
    own_postgres.start()
    connect(target).close()


# What is no PostgreSQL server, or says so in other words.


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (fatal("57P03", "the database system is starting up"), "db_starting_up"),
        (fatal("57P03", "the database system is in recovery mode"), "db_starting_up"),
        (fatal("57P03", "the database system is not yet accepting connections"), "db_starting_up"),
        (fatal("53300", "sorry, too many clients already"), "db_too_many_connections"),
        (
            fatal("53300", "remaining connection slots are reserved for roles with SUPERUSER"),
            "db_too_many_connections",
        ),
        (
            fatal("28000", "connection requires a valid client certificate"),
            "db_access_denied",
        ),
        (
            fatal("28P01", "Passwort-Authentifizierung für »u« fehlgeschlagen"),
            "db_connection_failed",
        ),
        (fatal("28P01", "Échec de c4nary", "latin-1"), "db_connection_failed"),
        (fatal("XX000", "something new"), "db_connection_failed"),
        (b"", "db_unreachable"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "db_not_postgres"),
        (b"R\0\0\0\x08\0\0\0\x07", "db_authentication_failed"),  # asks for Kerberos
        (b"R\0\0\0\x08\0\0\0\x63", "db_authentication_failed"),  # asks for what there is not
        (AUTHENTICATED + b"\xff" * 64, "db_not_postgres"),
        (AUTHENTICATED + READY, "db_connection_failed"),
    ],
)
def test_what_a_server_says_first(answer: bytes, code: str) -> None:
    with HostileServer(says(answer)) as server:
        assert failure(server.target(password="c4nary")).code == code


@pytest.mark.parametrize("sslmode", ["disable", "prefer", "require"])
@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n", b"\0" * 100]
)
def test_something_else_listens(answer: bytes, sslmode: str) -> None:
    with HostileServer(answers_everything_with(answer)) as server:
        problem = failure(server.target(sslmode=sslmode))
    assert problem.code in {"db_not_postgres", "db_unreachable"}


# TLS.


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost that signs itself, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "crt", folder / "key"


@pytest.fixture
def tls_server(authority: tuple[Path, Path]) -> Iterator[HostileServer]:
    """A server that speaks TLS, asks for a certificate, and lets anybody in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority)

    with HostileServer(speaks_tls(context, session())) as server:
        yield server


def test_tls_that_nobody_vouches_for(tls_server: HostileServer) -> None:
    connection = connect(tls_server.target(host="localhost", sslmode="require"))
    assert connection.info.ssl_in_use
    connection.close()
    target = tls_server.target(host="localhost", sslmode="verify-full")
    assert failure(target).code == "db_tls_failed"


def test_tls_of_an_authority_that_this_machine_trusts(
    tls_server: HostileServer, authority: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority[0]))
    connection = connect(tls_server.target(host="localhost", sslmode="verify-full"))
    assert connection.info.ssl_in_use
    connection.close()
    # The certificate is not for this name.
    assert failure(tls_server.target(sslmode="verify-full")).code == "db_tls_failed"


def test_a_machine_without_authorities(
    tls_server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    target = tls_server.target(host="localhost", sslmode="verify-full")
    assert failure(target).code == "db_tls_failed"
