"""What counts as an empty database, and what as somebody else's."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.support.postgres import Postgres


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE a_table (id serial PRIMARY KEY)",
        "CREATE TABLE a_partitioned (id int) PARTITION BY LIST (id)",
        "CREATE VIEW a_view AS SELECT 1 AS one",
        "CREATE MATERIALIZED VIEW a_view AS SELECT 1 AS one",
        "CREATE SEQUENCE a_sequence",
        "CREATE TABLE alembic_version (version_num varchar(32)); "
        "INSERT INTO alembic_version VALUES ('somebody_elses')",
    ],
)
def test_another_applications_relation_is_refused(
    client: FlaskClient, postgres: Postgres, statement: str
) -> None:
    uri = postgres.create_database()
    postgres.execute(statement, database=uri)
    for route in ("check", "setup"):
        answer = client.post(f"/api/db/{route}", json={"type": "postgres", "connectionString": uri})
        assert (answer.status_code, answer.json["code"]) == (422, "db_not_empty")


@pytest.mark.parametrize(
    "statements",
    [
        # An extension's own table, as PostGIS has one.
        ["CREATE TABLE spatial ()", "ALTER EXTENSION plpgsql ADD TABLE spatial"],
        # What is in another schema is not in our way.
        ["CREATE SCHEMA other", "CREATE TABLE other.users (id int)"],
        ["CREATE FUNCTION helper() RETURNS int LANGUAGE sql AS 'SELECT 1'"],
    ],
)
def test_what_is_not_in_the_way_counts_as_empty(
    client: FlaskClient, postgres: Postgres, statements: list[str]
) -> None:
    uri = postgres.create_database()
    for statement in statements:
        postgres.execute(statement, database=uri)
    body = {"type": "postgres", "connectionString": uri}
    assert client.post("/api/db/check", json=body).json["database"] == "empty"
    assert client.post("/api/db/setup", json=body).status_code == 200
