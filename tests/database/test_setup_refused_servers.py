"""Servers that setup does not take: what it says, that it leaves no trace, and what mends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from deploystack.testing.ports import HOST, free_port
from tests.conftest import MakeApp
from tests.support.applications import set_up
from tests.support.direct import Direct
from tests.support.files import files
from tests.support.postgres import Postgres, PostgresServer, Role
from tests.support.revisions import Revisions

SETUP = "/api/db/setup"
CHECK = "/api/db/check"

Details = dict[str, str]
Mend = Callable[[Details], str | None]
"""Mends what was refused, given the details of the answer; returns another URI if need be."""


def ask(client: FlaskClient, route: str, uri: str) -> tuple[int, str, Details]:
    response = client.post(route, json={"type": "postgres", "connectionString": uri})
    assert urlsplit(uri).password not in response.text
    return response.status_code, response.json.get("code", ""), response.json.get("details", {})


def refused_until_mended(
    client: FlaskClient, data_dir: Path, uri: str, code: str, mend: Mend
) -> None:
    """See ``uri`` refused by both routes without a trace; mend it; see setup succeed."""
    before = files(data_dir)
    checked = ask(client, CHECK, uri)
    assert checked[:2] == (422, code)
    assert ask(client, SETUP, uri) == checked
    assert files(data_dir) == before
    assert client.get("/api/db/status").json["configured"] is False

    uri = mend(checked[2]) or uri
    status, told, _ = ask(client, SETUP, uri)
    assert (status, told) == (200, "")
    assert client.get("/api/db/status").json["initialized"] is True


def test_nobody_listens(client: FlaskClient, data_dir: Path, postgres: Postgres) -> None:
    uri = f"postgresql://u:c4nary@{HOST}:{free_port()}/d"

    refused_until_mended(
        client, data_dir, uri, "db_unreachable", lambda _: postgres.create_database()
    )


def test_a_server_that_hangs(
    client: FlaskClient, data_dir: Path, own_postgres: PostgresServer
) -> None:
    uri = own_postgres.create_database() + "?connect_timeout=2"
    own_postgres.freeze()

    def thaw(_: Details) -> None:
        own_postgres.thaw()

    refused_until_mended(client, data_dir, uri, "db_timeout", thaw)


def test_a_wrong_password(client: FlaskClient, data_dir: Path, postgres: Postgres) -> None:
    role = postgres.create_role()
    uri = postgres.create_database(owner=role)
    wrong = uri.replace(role.password, "wr0ng-password")

    refused_until_mended(client, data_dir, wrong, "db_authentication_failed", lambda _: uri)


def test_an_unknown_user(client: FlaskClient, data_dir: Path, postgres: Postgres) -> None:
    uri = postgres.create_database()
    unknown = postgres.uri(urlsplit(uri).path[1:], Role("nobody-here", "c4nary"))

    refused_until_mended(client, data_dir, unknown, "db_authentication_failed", lambda _: uri)


def test_a_user_who_may_not_log_in(client: FlaskClient, data_dir: Path, postgres: Postgres) -> None:
    role = postgres.create_role()
    uri = postgres.create_database(owner=role)
    postgres.execute(f"ALTER ROLE {role.name} NOLOGIN")

    def mend(_: Details) -> None:
        postgres.execute(f"ALTER ROLE {role.name} LOGIN")

    refused_until_mended(client, data_dir, uri, "db_authentication_failed", mend)


def test_no_such_database(client: FlaskClient, data_dir: Path, postgres: Postgres) -> None:
    uri = postgres.uri('no"such database')

    def mend(details: Details) -> None:
        postgres.execute(details["sql"])

    try:
        refused_until_mended(client, data_dir, uri, "db_does_not_exist", mend)
    finally:
        postgres.drop_database(uri)


def test_no_right_to_create_tables(client: FlaskClient, data_dir: Path, postgres: Postgres) -> None:
    role = postgres.create_role(name='some "body"')
    name = postgres.create_database()
    uri = postgres.uri(urlsplit(name).path[1:], role)

    def mend(details: Details) -> None:
        assert details["grant"].startswith("GRANT ")
        postgres.execute(details["grant"], database=name)

    refused_until_mended(client, data_dir, uri, "db_no_permission", mend)
    postgres.drop_database(name)


def test_no_right_to_connect(client: FlaskClient, data_dir: Path, postgres: Postgres) -> None:
    role = postgres.create_role()
    uri = postgres.create_database()
    name = urlsplit(uri).path[1:]
    postgres.execute(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
    postgres.execute(f"GRANT ALL ON SCHEMA public TO {role.name}", database=uri)

    def mend(details: Details) -> None:
        postgres.execute(details["grant"])

    refused_until_mended(client, data_dir, postgres.uri(name, role), "db_no_permission", mend)
    postgres.drop_database(name)


def test_no_connection_left(client: FlaskClient, data_dir: Path, postgres: Postgres) -> None:
    role = postgres.create_role("CONNECTION LIMIT 0")
    uri = postgres.create_database(owner=role)

    def mend(_: Details) -> None:
        postgres.execute(f"ALTER ROLE {role.name} CONNECTION LIMIT 20")

    refused_until_mended(client, data_dir, uri, "db_too_many_connections", mend)


def test_no_tls_where_it_is_asked_for(
    client: FlaskClient, data_dir: Path, postgres: Postgres
) -> None:
    uri = postgres.create_database()

    refused_until_mended(client, data_dir, f"{uri}?sslmode=require", "db_tls_failed", lambda _: uri)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_another_encoding(
    client: FlaskClient, data_dir: Path, postgres: Postgres, encoding: str
) -> None:
    uri = postgres.create_database(encoding=encoding)

    def mend(details: Details) -> str:
        postgres.execute(details["sql"])
        return f"{uri}_utf8"

    try:
        refused_until_mended(client, data_dir, uri, "db_not_utf8", mend)
    finally:
        postgres.drop_database(f"{uri}_utf8")


def test_read_only_by_default(client: FlaskClient, data_dir: Path, postgres: Postgres) -> None:
    uri = postgres.create_database()
    alter = f"ALTER DATABASE {urlsplit(uri).path[1:]}"
    postgres.execute(f"{alter} SET default_transaction_read_only = on")

    def mend(_: Details) -> None:
        postgres.execute(f"{alter} RESET default_transaction_read_only")

    refused_until_mended(client, data_dir, uri, "db_read_only", mend)


def test_a_standby(client: FlaskClient, data_dir: Path, own_postgres: PostgresServer) -> None:
    uri = own_postgres.create_database()
    standby = own_postgres.standby()

    def mend(_: Details) -> None:
        assert standby.execute("SELECT pg_promote()") == [(True,)]

    try:
        refused_until_mended(
            client, data_dir, standby.uri(urlsplit(uri).path[1:]), "db_read_only", mend
        )
    finally:
        standby.close()


@pytest.mark.parametrize("name", ["invoices", "users"])
def test_tables_of_somebody_elses(
    client: FlaskClient, data_dir: Path, postgres: Postgres, name: str
) -> None:
    uri = postgres.create_database()
    direct = Direct({"type": "postgres", "connectionString": uri}, data_dir)
    direct.execute(f"CREATE TABLE {name} (id int)", f"INSERT INTO {name} VALUES (1)")
    before = direct.everything()

    def mend(_: Details) -> None:
        assert direct.everything() == before
        direct.execute(f"DROP TABLE {name}")

    refused_until_mended(client, data_dir, uri, "db_not_empty", mend)


def test_a_newer_database(
    client: FlaskClient, make_app: MakeApp, data_dir: Path, tmp_path: Path, postgres: Postgres
) -> None:
    uri = postgres.create_database()
    body = {"type": "postgres", "connectionString": uri}
    revisions = Revisions(tmp_path / "revisions")
    revisions.add()
    set_up(make_app(revisions.config(tmp_path / "of-the-newer-code")), body)
    direct = Direct(body, data_dir)
    before = direct.everything()

    def mend(_: Details) -> None:
        assert direct.everything() == before
        direct.execute(f"UPDATE alembic_version SET version_num = '{revisions.base}'")

    refused_until_mended(client, data_dir, uri, "db_newer", mend)
