"""What PostgreSQL tells of its tables (PostgreSQL's documentation, chapter 53)."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import sqlalchemy as sa

from .tables import Column, Family, ForeignKey, Index, Table

_OURS = """
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')
"""
_TABLES = f"""
SELECT c.relname, c.reltuples::bigint, pg_total_relation_size(c.oid),
       has_table_privilege(c.oid, 'SELECT')
FROM pg_class c {_OURS} ORDER BY c.relname COLLATE "C"
"""  # noqa: S608
_COLUMNS = f"""
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), t.typcategory,
       a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
       coalesce(array_position(k.conkey, a.attnum), 0)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
{_OURS} ORDER BY c.relname, a.attnum
"""  # noqa: S608
_NAMES = """
ARRAY(SELECT a.attname::text FROM unnest(k.{key}) WITH ORDINALITY u(number, place)
      JOIN pg_attribute a ON a.attrelid = k.{table} AND a.attnum = u.number ORDER BY u.place)
"""
_CONSTRAINTS = f"""
SELECT c.relname, k.conname, k.contype::text,
       {_NAMES.format(key="conkey", table="conrelid")}, f.relname,
       {_NAMES.format(key="confkey", table="confrelid")}, k.confdeltype::text
FROM pg_class c
JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype IN ('u', 'f')
LEFT JOIN pg_class f ON f.oid = k.confrelid
{_OURS} ORDER BY c.relname, k.conname
"""  # noqa: S608
_INDEXES = f"""
SELECT c.relname, i.relname, x.indisunique,
       ARRAY(SELECT CASE WHEN a.attname IS NULL THEN pg_get_indexdef(x.indexrelid, place, true)
                    ELSE a.attname::text END
             FROM generate_series(1, x.indnkeyatts) place
             LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = x.indkey[place - 1]
                   AND a.attnum > 0
             ORDER BY place),
       pg_get_expr(x.indpred, x.indrelid)
FROM pg_class c
JOIN pg_index x ON x.indrelid = c.oid
JOIN pg_class i ON i.oid = x.indexrelid
{_OURS} AND NOT EXISTS (SELECT FROM pg_constraint k
                        WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x'))
ORDER BY c.relname, i.relname
"""  # noqa: S608

_ON_DELETE = {
    "a": "NO ACTION",
    "r": "RESTRICT",
    "c": "CASCADE",
    "n": "SET NULL",
    "d": "SET DEFAULT",
}
_BY_TYPE: dict[str, Family] = {
    "smallint": "integer",
    "integer": "integer",
    "bigint": "integer",
    "boolean": "boolean",
    "bytea": "bytes",
    "json": "json",
    "jsonb": "json",
    "date": "date",
    "timestamp": "moment",
    "numeric": "number",
    "real": "number",
    "double": "number",
}


class Catalogue:
    """PostgreSQL's answers to what :mod:`.catalogue` asks."""

    @staticmethod
    def tables_in(connection: sa.Connection) -> list[Table]:
        """Return every table, by name."""
        columns = _columns(connection)
        foreign_keys, indexes = _constraints(connection)
        for table, name, is_unique, names, condition in connection.exec_driver_sql(_INDEXES):
            indexes[table].append(Index(name, names, is_unique, condition=condition))
        return [
            Table(
                name,
                columns[name],
                foreign_keys[name],
                indexes[name],
                is_readable=is_readable,
                estimate=rows if rows >= 0 else None,
                bytes=taken,
            )
            for name, rows, taken, is_readable in connection.exec_driver_sql(_TABLES)
        ]

    @staticmethod
    def database_bytes(connection: sa.Connection) -> int | None:
        """Return the size of the database; ``None`` if the application may not ask for it."""
        query = """
        SELECT CASE WHEN has_database_privilege(current_database(), 'CONNECT')
               THEN pg_database_size(current_database()) END
        """
        found: int | None = connection.exec_driver_sql(query).scalar()
        return found

    @staticmethod
    def server_version(connection: sa.Connection) -> str:
        """Return the version of the server, such as ``16.4``."""
        found = connection.exec_driver_sql("SELECT current_setting('server_version')").scalar()
        return str(found).split(" ")[0]


def _columns(connection: sa.Connection) -> dict[str, list[Column]]:
    found: dict[str, list[Column]] = defaultdict(list)
    for table, name, kind, category, not_null, default, key in connection.exec_driver_sql(_COLUMNS):
        column = Column(name, kind, _family(kind, category), not not_null, default, key)
        found[table].append(column)
    return found


def _family(kind: str, category: str) -> Family:
    if category == "S":  # PostgreSQL's documentation, table 53.65: strings
        return "text"
    is_array = kind.endswith("[]")
    return "other" if is_array else _BY_TYPE.get(re.split(r"[ (]", kind, maxsplit=1)[0], "other")


def _constraints(
    connection: sa.Connection,
) -> tuple[dict[str, list[ForeignKey]], dict[str, list[Index]]]:
    foreign_keys: dict[str, list[ForeignKey]] = defaultdict(list)
    indexes: dict[str, list[Index]] = defaultdict(list)
    rows: Any = connection.exec_driver_sql(_CONSTRAINTS)
    for table, name, kind, columns, other, theirs, on_delete in rows:
        if kind == "f":
            key = ForeignKey(columns, other, theirs, _ON_DELETE[on_delete])
            foreign_keys[table].append(key)
        else:
            indexes[table].append(Index(name, columns, is_unique=True, is_constraint=True))
    return foreign_keys, indexes
