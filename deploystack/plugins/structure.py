"""What tables look like: as a text to notice a change by, and as values to compare."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable

_SQLITE = "SELECT tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY 1, 2"

# Columns, constraints and indexes, as PostgreSQL itself spells them.
_POSTGRES = """
SELECT c.relname, a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull
       || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
  AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT c.relname, k.conname || ' ' || pg_get_constraintdef(k.oid)
FROM pg_class c JOIN pg_constraint k ON k.conrelid = c.oid
WHERE c.relnamespace = current_schema()::regnamespace
UNION ALL
SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = current_schema()
ORDER BY 1, 2
"""


def found(connection: sa.Connection) -> dict[str, str]:
    """Return every table of the database with a text that changes whenever the table does."""
    query = _POSTGRES if connection.dialect.name == "postgresql" else _SQLITE
    lines: dict[str, list[str]] = defaultdict(list)
    for table, line in connection.exec_driver_sql(query):
        lines[table].append(line)
    return {table: "\n".join(each) for table, each in lines.items()}


def declared(tables: Iterable[sa.Table], dialect: sa.Dialect) -> str:
    """Return what would be executed to make ``tables``."""
    parts = []
    for table in sorted(tables, key=lambda table: table.name):
        parts.append(str(CreateTable(table).compile(dialect=dialect)))
        parts += sorted(str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes)
    return "\n".join(parts)


def fingerprint(*texts: str | None) -> str:
    """Return what is the same for the same texts and, for practical purposes, for no other."""
    return hashlib.sha256(repr(texts).encode()).hexdigest()


def shape(connection: sa.Connection, table: str, schema: str | None = None) -> dict[str, Any]:
    """Return the columns, keys and indexes of a table, without names that do not matter."""
    inspector = sa.inspect(connection)
    return {
        "columns": {
            column["name"]: (
                column["type"].compile(dialect=connection.dialect),
                column["nullable"],
            )
            for column in inspector.get_columns(table, schema)
        },
        "primary key": inspector.get_pk_constraint(table, schema)["constrained_columns"],
        "foreign keys": _sorted(
            [
                key["constrained_columns"],
                key["referred_table"],
                key["referred_columns"],
                key["options"].get("ondelete"),
            ]
            for key in inspector.get_foreign_keys(table, schema)
        ),
        "unique": _sorted(
            key["column_names"] for key in inspector.get_unique_constraints(table, schema)
        ),
        "checks": _sorted(key["sqltext"] for key in inspector.get_check_constraints(table, schema)),
        "indexes": _sorted(
            [index["column_names"], bool(index["unique"])]
            for index in inspector.get_indexes(table, schema)
        ),
    }


def _sorted(items: Iterable[Any]) -> Sequence[Any]:
    return sorted(items, key=repr)
