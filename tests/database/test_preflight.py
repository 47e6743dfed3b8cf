"""What is asked of a server before it is used, and that the SQL it is refused with mends it."""

from __future__ import annotations

import dataclasses
from urllib.parse import unquote

import pytest

from deploystack.database.postgres import preflight
from deploystack.database.postgres.connection import connect
from deploystack.database.postgres.preflight import ServerFacts, check
from deploystack.database.problems import DatabaseProblem
from tests.support.hostile import HostileServer, answers_queries_with, message
from tests.support.postgres import Postgres, PostgresServer, Role

from .test_postgres import caller


def examine(server: Postgres, database: str, role: Role | None = None) -> ServerFacts:
    uri = server.uri(unquote(database.rpartition("/")[2]), role)
    connection = connect(caller(server, uri))
    try:
        return preflight.examine(connection)
    finally:
        connection.close()


def problem_of(facts: ServerFacts) -> DatabaseProblem:
    with pytest.raises(DatabaseProblem) as caught:
        check(facts)
    return caught.value


def test_a_fresh_database_is_fine(postgres: Postgres) -> None:
    role = postgres.create_role()
    uri = postgres.create_database(owner=role)
    facts = examine(postgres, uri, role)
    check(facts)
    [[number]] = postgres.execute("SELECT current_setting('server_version_num')::int")
    assert facts == ServerFacts(
        version=facts.version,
        version_number=number,
        encoding="UTF8",
        read_only=False,
        schema="public",
        schema_exists=True,
        may_create=True,
        user=role.name,
        database=uri.rpartition("/")[2],
    )
    assert facts.version.partition(".")[0] == str(number // 10000)


AWKWARD_ROLE = 'it\'s "me" \\ ü'


@pytest.mark.parametrize(
    "revoke",
    [
        ["REVOKE ALL ON SCHEMA public FROM public"],
        ["REVOKE CREATE ON SCHEMA public FROM public", "GRANT USAGE ON SCHEMA public TO public"],
        ["DROP SCHEMA public"],
        ['CREATE SCHEMA "it\'s ""me"" \\ ü"'],
        [
            'CREATE SCHEMA "odd "", name"',
            'ALTER ROLE "it\'s ""me"" \\ ü" SET search_path = none, "odd "", name", public',
        ],
        ['ALTER ROLE "it\'s ""me"" \\ ü" SET search_path = none'],
        ['ALTER ROLE "it\'s ""me"" \\ ü" SET search_path = \'\''],
    ],
)
def test_the_sql_of_a_missing_right_mends_it(revoke: list[str], postgres: Postgres) -> None:
    role = postgres.create_role(name=AWKWARD_ROLE)
    uri = postgres.create_database()
    postgres.execute("REVOKE CREATE ON SCHEMA public FROM public", database=uri)
    for statement in revoke:
        postgres.execute(statement, database=uri)
    facts = examine(postgres, uri, role)
    problem = problem_of(facts)
    assert problem.code == "db_no_permission"
    if "search_path = ''" not in revoke[-1] and not revoke[-1].endswith("= none"):
        postgres.execute(problem.details["grant"], database=uri)
        mended = examine(postgres, uri, role)
        check(mended)
        assert mended.schema == facts.schema
        connection = connect(caller(postgres, postgres.uri(facts.database, role)))
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE t (); SELECT current_schema()")
            assert cursor.fetchall() == [(facts.schema,)]
        connection.close()
    postgres.drop_database(uri)
    postgres.drop_role(role.name)


@pytest.mark.parametrize("name", ["latin", 'my "db"'])
def test_another_encoding(name: str, postgres: Postgres) -> None:
    postgres.create_database(name, encoding="LATIN1")
    problem = problem_of(examine(postgres, postgres.uri(name)))
    assert problem.code == "db_not_utf8"
    assert "LATIN1" in problem.sentence
    postgres.execute(problem.details["sql"])
    check(examine(postgres, postgres.uri(f"{name}_utf8")))
    postgres.drop_database(f"{name}_utf8")


def test_a_read_only_database(postgres: Postgres) -> None:
    uri = postgres.create_database()
    name = uri.rpartition("/")[2]
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    assert problem_of(examine(postgres, uri)).code == "db_read_only"


def test_a_standby(own_postgres: PostgresServer) -> None:
    uri = own_postgres.create_database()
    with own_postgres.standby() as standby:
        facts = examine(standby, uri)
        assert facts.read_only
        assert problem_of(facts).code == "db_read_only"


FACTS = ServerFacts("16.4", 160004, "UTF8", False, "public", True, True, "u", "d")


def test_an_old_server() -> None:
    check(dataclasses.replace(FACTS, version_number=130000))
    problem = problem_of(dataclasses.replace(FACTS, version="12.22", version_number=120022))
    assert problem.code == "db_too_old"
    assert "12.22" in problem.sentence
    assert "13" in problem.sentence
    with pytest.raises(DatabaseProblem, match="17 or newer"):
        check(FACTS, minimum_version=170000)


ROW = message(b"D", b"\0\x01\0\0\0\x01x")
COLUMN = message(b"T", b"\0\x01x\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0")
READY = message(b"Z", b"T")
DONE = message(b"C", b"SELECT 1\0") + READY


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (COLUMN + ROW + DONE, "db_not_postgres"),
        (COLUMN + DONE, "db_not_postgres"),
        (DONE, "db_connection_failed"),
        (message(b"E", b"SERROR\0C42883\0Mno such function\0\0") + READY, "db_failed"),
        (b"", "db_unreachable"),
    ],
)
def test_a_server_that_does_not_answer_the_question(answer: bytes, code: str) -> None:
    begun = message(b"C", b"BEGIN\0") + READY
    with HostileServer(answers_queries_with(begun, answer)) as server:
        connection = connect(server.target())
        with pytest.raises(DatabaseProblem) as caught:
            preflight.examine(connection)
        assert caught.value.code == code
        connection.close()
