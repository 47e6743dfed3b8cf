"""``GET /api/db/tables/NAME/rows``: values, paging, sorting, filtering; nothing is changed."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from deploystack.database import looking as looking_module
from deploystack.database.looking import looking
from tests.inspection.conftest import Site
from tests.support import canary
from tests.support.answers import assert_error


def ask(site: Site, table: str = "things_thing", **query: Any) -> TestResponse:
    return site.admin.get(f"/api/db/tables/{table}/rows", query_string=query)


def rows(site: Site, table: str = "things_thing", **query: Any) -> list[dict[str, Any]]:
    answer = ask(site, table, **query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.get_json()["data"]["rows"]
    return found


def ids(site: Site, **query: Any) -> list[int]:
    return [row["values"]["id"] for row in rows(site, **query)]


def test_values_of_every_type(site: Site) -> None:
    first, second, third, *_ = rows(site)

    price = first["values"].pop("price")
    assert float(price) == 12.5
    assert first["values"] == {
        "id": 1,
        "name": "first",
        "ratio": 0.1,
        "is_good": True,
        "made_at": "2026-11-25T16:30:00Z",
        "day": "2026-11-25",
        "data": {"a": [1, "é"]},
        "raw": "\\x00ff",
        "code": "********",
        "token_count": 7,
        "api_token": "********",
        "user_id": None,
    }
    assert first["masked"] == ["code", "api_token"]
    assert first["cut"] == {}
    assert second["values"]["name"] == "x" * 400
    assert second["values"]["raw"] == "\\x" + "01" * 400
    assert second["cut"] == {"name": 1000, "raw": 500}
    assert second["values"]["data"] == "%_"
    assert second["masked"] == []
    assert third["values"]["is_good"] is False
    assert third["values"]["code"] is None


def test_pages_have_every_row_once(site: Site) -> None:
    seen = []
    for page in range(1, 4):
        answer = ask(site, page=page, per_page=50, sort="is_good", order="desc")
        data = answer.get_json()["data"]
        seen += [row["values"]["id"] for row in data["rows"]]
        assert data["total"] == {"count": 120, "kind": "exact"}
        assert data["has_next"] is (page < 3)

    assert sorted(seen) == list(range(1, 121))
    assert seen[0] == 1
    assert seen[-1] == 2  # empty ones come last
    assert ids(site, page=4) == []


@pytest.mark.parametrize(
    ("column", "operator", "value", "expected"),
    [
        ("id", "is", "3", [3]),
        ("id", "less", "3", [1, 2]),
        ("token_count", "greater", "118", [119, 120]),
        ("token_count", "empty", "", [2]),
        ("name", "is", "first", [1]),
        ("name", "is", "FIRST", []),
        ("name", "contains", "IRS", [1]),
        ("name", "contains", "%", []),
        ("name", "begins", "thing 00", [3, 4, 5, 6, 7, 8, 9]),
        ("name", "begins", "'; DROP TABLE users; --", []),
        ("price", "is", "12.5", [1]),
        ("price", "greater", "12.4", [1]),
        ("ratio", "less", "0.2", [1]),
        ("is_good", "is", "true", [1]),
        ("is_good", "is_not", "false", [1, 2]),
        ("made_at", "is", "2026-11-25T17:30:00+01:00", [1]),
        ("made_at", "greater", "2026-11-25 16:29", [1]),
        ("made_at", "less", "2026-11-25 16:30", []),
        ("made_at", "not_empty", "", [1]),
        ("day", "is", "2026-11-25", [1]),
        ("data", "contains", '"a"', [1]),
        ("raw", "is", "00ff", [1]),
        ("raw", "is", "\\x00FF", [1]),
    ],
)
def test_filters(site: Site, column: str, operator: str, value: str, expected: list[int]) -> None:
    assert ids(site, column=column, operator=operator, value=value) == expected


def test_several_filters_all_hold(site: Site) -> None:
    query = {
        "column": ["id", "name", ""],
        "operator": ["greater", "begins", "is"],
        "value": ["100", "thing 11", ""],
        "sort": "name",
        "order": "desc",
    }
    assert ids(site, **query) == list(range(119, 109, -1))


@pytest.mark.parametrize("column", ["id", "name", "price", "ratio", "is_good", "made_at", "day"])
def test_columns_can_be_sorted_by(site: Site, column: str) -> None:
    assert len(ids(site, sort=column, per_page=200)) == 120


@pytest.mark.parametrize("column", ["data", "raw"])
def test_columns_without_an_order_are_sorted_as_text(site: Site, column: str) -> None:
    assert len(ids(site, sort=column, per_page=200)) == 120


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"page": "0"}, 400, "validation_error"),
        ({"page": "10001"}, 400, "validation_error"),
        ({"per_page": "201"}, 400, "validation_error"),
        ({"per_page": "x"}, 400, "validation_error"),
        ({"order": "up"}, 400, "validation_error"),
        ({"what": "1"}, 400, "validation_error"),
        ({"column": "id"}, 400, "validation_error"),
        ({"column": "id", "operator": "is", "value": "x" * 1001}, 400, "validation_error"),
        ({"column": ["id"] * 6, "operator": ["is"] * 6, "value": ["1"] * 6}, 400, None),
        ({"column": "id", "operator": "like", "value": "1"}, 400, "validation_error"),
        ({"sort": "nothing"}, 400, "column_unknown"),
        ({"sort": 'id" desc --'}, 400, "column_unknown"),
        ({"sort": "code"}, 400, "column_secret"),
        ({"column": "api_token", "operator": "begins", "value": "c"}, 400, "column_secret"),
        ({"column": "code", "operator": "empty", "value": ""}, 400, "column_secret"),
        ({"column": "id", "operator": "is", "value": "1e3"}, 400, "filter_invalid"),
        ({"column": "id", "operator": "is", "value": "9" * 19}, 400, "filter_invalid"),
        ({"column": "price", "operator": "is", "value": "NaN"}, 400, "filter_invalid"),
        ({"column": "is_good", "operator": "is", "value": "maybe"}, 400, "filter_invalid"),
        ({"column": "made_at", "operator": "is", "value": "today"}, 400, "filter_invalid"),
        ({"column": "raw", "operator": "is", "value": "xyz"}, 400, "filter_invalid"),
        ({"column": "raw", "operator": "contains", "value": "00"}, 400, "filter_invalid"),
        ({"column": "name", "operator": "is", "value": "a\0b"}, 400, "filter_invalid"),
    ],
)
def test_what_cannot_be_asked(
    site: Site, query: dict[str, Any], status: int, code: str | None
) -> None:
    assert_error(ask(site, **query), status, code or "validation_error")


@pytest.mark.parametrize("name", ["nothing", "pg_class", "sqlite_schema", 'users"', "users;"])
def test_only_tables_of_the_application_can_be_read(site: Site, name: str) -> None:
    assert_error(ask(site, name), 404, "table_unknown")


def test_no_secret_is_shown_sorted_by_or_filtered_by(site: Site) -> None:
    secret = {"value": canary.WORD}
    assert site.admin.put("/api/settings/smtp.password", json=secret).status_code == 200
    token = site.admin.post(
        "/api/auth/tokens", json={"name": "t", "scopes": ["audit.view"]}
    ).get_json()
    hashes = [
        *site.direct.rows("SELECT password_hash FROM users"),
        *site.direct.rows("SELECT token_hash FROM api_tokens"),
        *site.direct.rows("SELECT id FROM login_sessions"),
        *site.direct.rows("SELECT value FROM global_settings WHERE key = 'smtp.password'"),
    ]
    assert len(hashes) >= 4
    said = [ask(site, table, per_page=200).text for table in sorted(site.direct.tables())]
    said += [site.admin.get(f"/api/{path}").text for path in ("overview", "audit", "db/schema")]
    text = "\n".join(said)

    assert canary.leaks(text) == []
    assert token["token"] not in text
    assert [found for found in hashes if found in text] == []
    [password] = rows(site, "global_settings", column="key", operator="is", value="smtp.password")
    assert password["masked"] == ["value"]
    [port] = rows(site, "global_settings", column="key", operator="is", value="smtp.port")
    assert port["values"]["value"] == "587"
    query = {"column": "value", "operator": "contains", "value": "5"}
    assert_error(ask(site, "global_settings", **query), 400, "column_secret")


def test_what_takes_too_long_is_stopped(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Millions of rows, made of nothing; the connection is of use afterwards."""
    endless = (
        "SELECT count(*) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT i FROM n) x"
    )
    monkeypatch.setattr(looking_module, "_STEPS", 1000)
    from deploystack.database import db
    from deploystack.errors import ApiError

    with site.app.app_context():
        with pytest.raises(ApiError) as refused, looking(db.engine, 0.2) as connection:
            connection.exec_driver_sql(endless).scalar()
        assert refused.value.code == "inspection_timeout"
        assert refused.value.status == 422
    assert len(rows(site)) == 50


def test_nothing_can_be_written_while_looking(site: Site) -> None:
    import sqlalchemy as sa

    from deploystack.database import db

    with site.app.app_context():
        with pytest.raises(sa.exc.DBAPIError), looking(db.engine) as connection:
            connection.exec_driver_sql("DELETE FROM things_thing")
        with db.engine.begin() as connection:  # the pool's next user can
            connection.exec_driver_sql("UPDATE things_thing SET user_id = NULL WHERE id = 1")
    assert len(rows(site)) == 50


def test_a_table_that_nobody_may_read_is_told_so(site: Site) -> None:
    if site.direct.dialect == "sqlite":
        site.changed("CREATE TABLE zzz_text (a TEXT)")
        try:  # what is no text at all, in a column for texts
            with site.direct.engine.begin() as connection:
                connection.exec_driver_sql("INSERT INTO zzz_text VALUES (CAST(x'ff41' AS TEXT))")
            assert rows(site, "zzz_text")[0]["values"] == {"a": "\ufffdA"}
        finally:
            site.changed("DROP TABLE zzz_text")
        return
    [user] = site.direct.rows("SELECT current_user")
    site.changed("CREATE TABLE zzz_closed (a INTEGER)")
    try:
        [is_superuser] = site.direct.rows(
            "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        )
        site.direct.execute(f'REVOKE ALL ON zzz_closed FROM "{user}"')
        expected = 200 if is_superuser else 409
        assert ask(site, "zzz_closed").status_code == expected
        assert site.admin.get("/api/db/schema").status_code == 200
    finally:
        site.changed("DROP TABLE zzz_closed")
