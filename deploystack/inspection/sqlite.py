"""What SQLite tells of its tables (https://sqlite.org/pragma.html#pragfunc)."""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict

import sqlalchemy as sa

from .tables import Column, Family, ForeignKey, Index, Table

# Virtual tables are code; what they are made of is in tables of their own.
_OURS = r"""
m.type = 'table' AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\'
AND m.sql NOT LIKE 'CREATE VIRTUAL %'
"""
_COLUMNS = f"""
SELECT m.name AS "table", c.name, c.type, c."notnull", c.dflt_value, c.pk
FROM sqlite_schema m JOIN pragma_table_xinfo(m.name) c
WHERE {_OURS} AND c.hidden <> 1 ORDER BY m.name, c.cid
"""  # noqa: S608
_FOREIGN_KEYS = f"""
SELECT m.name, k.id, k."from", k."table", k."to", k.on_delete
FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) k
WHERE {_OURS} ORDER BY m.name, k.id DESC, k.seq
"""  # noqa: S608
_INDEXES = f"""
SELECT m.name, i.name, i."unique", i.origin, i.partial, c.name, s.sql
FROM sqlite_schema m JOIN pragma_index_list(m.name) i JOIN pragma_index_info(i.name) c
LEFT JOIN sqlite_schema s ON s.type = 'index' AND s.name = i.name
WHERE {_OURS} AND i.origin <> 'pk' ORDER BY m.name, i.name, c.seqno
"""  # noqa: S608
_BYTES = """
SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_schema m ON m.name = s.name
WHERE s.aggregate = TRUE GROUP BY m.tbl_name
"""
_WHOLE = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"

MAX_MEASURED = 64 * 1024 * 1024
"""Up to how many bytes the room of each table is told: SQLite reads the whole file for that."""

# The first that is in a declared type decides, as https://sqlite.org/datatype3.html has it for its
# own; what DATETIME, DATE, BOOLEAN and JSON hold is a convention of SQLAlchemy's.
_FAMILIES: tuple[tuple[str, Family], ...] = (
    ("BOOL", "boolean"),
    ("INT", "integer"),
    ("DATETIME", "moment"),
    ("TIMESTAMP", "moment"),
    ("DATE", "date"),
    ("JSON", "json"),
    ("CHAR", "text"),
    ("CLOB", "text"),
    ("TEXT", "text"),
    ("BLOB", "bytes"),
    ("REAL", "number"),
    ("FLOA", "number"),
    ("DOUB", "number"),
    ("NUMERIC", "number"),
    ("DECIMAL", "number"),
)


class Catalogue:
    """SQLite's answers to what :mod:`.catalogue` asks."""

    @staticmethod
    def tables_in(connection: sa.Connection) -> list[Table]:
        """Return every table, by name."""
        columns: dict[str, list[Column]] = defaultdict(list)
        for table, name, kind, not_null, default, key in connection.exec_driver_sql(_COLUMNS):
            is_nullable = not not_null and not key
            columns[table].append(Column(name, kind, _family(kind), is_nullable, default, key))
        foreign_keys = _foreign_keys(connection)
        indexes = _indexes(connection)
        taken = _bytes(connection)
        return [
            Table(name, columns[name], foreign_keys[name], indexes[name], bytes=taken.get(name))
            for name in columns
        ]

    @staticmethod
    def database_bytes(connection: sa.Connection) -> int | None:
        """Return the size of the file."""
        return int(connection.exec_driver_sql(_WHOLE).scalar() or 0)

    @staticmethod
    def server_version(_connection: sa.Connection) -> str:
        """Return the version of the library."""
        return sqlite3.sqlite_version


def _family(kind: str) -> Family:
    return next((family for word, family in _FAMILIES if word in kind.upper()), "other")


def _foreign_keys(connection: sa.Connection) -> dict[str, list[ForeignKey]]:
    keys: dict[tuple[str, int], ForeignKey] = {}
    found: dict[str, list[ForeignKey]] = defaultdict(list)
    for table, number, own, other, theirs, on_delete in connection.exec_driver_sql(_FOREIGN_KEYS):
        key = keys.get((table, number))
        if key is None:
            key = keys[table, number] = ForeignKey([], other, [], on_delete)
            found[table].append(key)
        key.columns.append(own)
        if theirs is not None:
            key.referred_columns.append(theirs)
    return found


def _indexes(connection: sa.Connection) -> dict[str, list[Index]]:
    indexes: dict[str, Index] = {}
    found: dict[str, list[Index]] = defaultdict(list)
    for table, name, is_unique, origin, partial, column, sql in connection.exec_driver_sql(
        _INDEXES
    ):
        if name not in indexes:
            is_constraint = origin == "u"
            condition = re.split(r"(?i)\bwhere\b", sql, maxsplit=1)[-1].strip() if partial else None
            own_name = None if is_constraint else name
            indexes[name] = Index(own_name, [], bool(is_unique), is_constraint, condition)
            found[table].append(indexes[name])
        indexes[name].columns.append("(expression)" if column is None else column)
    return found


def _bytes(connection: sa.Connection) -> dict[str, int]:
    if (Catalogue.database_bytes(connection) or 0) > MAX_MEASURED:
        return {}
    try:
        return {name: int(taken) for name, taken in connection.exec_driver_sql(_BYTES)}
    except sa.exc.OperationalError as error:
        if getattr(error.orig, "sqlite_errorname", "") == "SQLITE_ERROR":
            return {}  # a library that was built without dbstat
        raise
