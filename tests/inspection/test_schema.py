"""``GET /api/db/schema``: tables by owner, as both databases tell of them."""

from __future__ import annotations

from typing import Any

import pytest

from deploystack.database import db
from deploystack.inspection import schema as schema_module
from tests.inspection.conftest import Site


def tables(site: Site) -> dict[str, dict[str, Any]]:
    answer = site.admin.get("/api/db/schema")
    assert answer.status_code == 200, answer.text
    return {
        table["name"]: table | {"owner": (owner["kind"], owner["name"])}
        for owner in answer.get_json()["data"]["owners"]
        for table in owner["tables"]
    }


def test_every_table_is_told_with_its_owner(site: Site) -> None:
    found = tables(site)

    assert found.keys() == site.direct.tables()
    owners = {name: table["owner"] for name, table in found.items()}
    assert owners["users"] == owners["audit_log"] == ("core", "core")
    assert owners["things_thing"] == ("plugin", "things")
    assert {name for name, owner in owners.items() if owner[0] == "versions"} == {
        "alembic_version",
        "schema_plugins",
        "schema_revisions",
    }


def test_a_table_is_told_as_its_model_declares_it(site: Site) -> None:
    found = tables(site)

    for model in db.metadata.tables.values():
        table = found[model.name]
        assert [c["name"] for c in table["columns"]] == [c.name for c in model.columns]
        assert table["primary_key"] == [c.name for c in model.primary_key]
        nullable = {c["name"] for c in table["columns"] if c["nullable"]}
        assert nullable == {c.name for c in model.columns if c.nullable}
        keys = {
            (tuple(k["columns"]), k["table"], tuple(k["referred_columns"]), k["on_delete"])
            for k in table["foreign_keys"]
        }
        assert keys == {
            (
                tuple(k.column_keys),
                k.referred_table.name,
                tuple(e.column.name for e in k.elements),
                k.ondelete or "NO ACTION",
            )
            for k in model.foreign_key_constraints
        }
        indexes = {(i["name"], tuple(i["columns"]), i["unique"]) for i in table["indexes"]}
        assert indexes == {
            (i.name, tuple(c.name for c in i.columns), bool(i.unique)) for i in model.indexes
        }
    assert [u["columns"] for u in found["users"]["unique"]] == [["email"], ["username"]]


def test_secret_columns_are_told_to_be_secret(site: Site) -> None:
    secret = {
        (name, column["name"], column["secret_where"])
        for name, table in tables(site).items()
        for column in table["columns"]
        if column["secret"]
    }

    assert secret == {
        ("api_tokens", "token_hash", None),
        ("global_settings", "value", "is_encrypted"),
        ("login_sessions", "id", None),
        ("things_thing", "api_token", None),
        ("things_thing", "code", None),
        ("users", "password_hash", None),
    }


def test_rows_are_counted_up_to_a_bound(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tables(site)["things_thing"]["rows"] == {"count": 120, "kind": "exact"}
    assert tables(site)["things_thing"]["bytes"] > 8000

    monkeypatch.setattr(schema_module, "COUNTED", 50)
    assert tables(site)["things_thing"]["rows"] in (
        {"count": 50, "kind": "at_least"},
        {"count": 120, "kind": "estimate"},  # the server may have looked by itself
    )
    if site.direct.dialect == "postgres":
        with site.direct.engine.connect().execution_options(
            isolation_level="AUTOCOMMIT"
        ) as connection:
            connection.exec_driver_sql("ANALYZE things_thing")
        assert tables(site)["things_thing"]["rows"] == {"count": 120, "kind": "estimate"}


def test_foreign_tables_are_told_whatever_they_are(site: Site) -> None:
    """Odd names, no key, no rows, keys of several columns, indexes on expressions and parts."""
    percent = "%%" if site.direct.dialect == "postgres" else "%"  # its driver formats
    site.changed(
        f'CREATE TABLE "odd ""name{percent}s" (a INTEGER, "b c" TEXT DEFAULT \'x\','
        ' PRIMARY KEY (a, "b c"))',
        "CREATE TABLE zzz_other (a INTEGER, b TEXT, password TEXT,"
        f' FOREIGN KEY (a, b) REFERENCES "odd ""name{percent}s" (a, "b c"))',
        "CREATE INDEX zzz_lower ON zzz_other (lower(b)) WHERE a > 1",
    )
    try:
        found = tables(site)
        odd, other = found['odd "name%s'], found["zzz_other"]
        assert odd["owner"] == other["owner"] == ("other", "other")
        assert odd["primary_key"] == ["a", "b c"]
        assert odd["columns"][1]["default"].startswith("'x'")
        assert other["primary_key"] == []
        [key] = other["foreign_keys"]
        assert key["columns"] == ["a", "b"]
        assert key["table"] == 'odd "name%s'
        assert key["referred_columns"] == ["a", "b c"]
        [index] = other["indexes"]
        assert "a > 1" in index["condition"]
        assert len(index["columns"]) == 1
        assert [c["secret"] for c in other["columns"]] == [False, False, True]
        answer = site.admin.get('/api/db/tables/odd "name%25s/rows')
        assert answer.status_code == 200, answer.text
    finally:
        site.changed("DROP TABLE zzz_other", f'DROP TABLE "odd ""name{percent}s"')
