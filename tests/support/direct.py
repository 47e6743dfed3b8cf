"""The database itself, looked at and changed behind the application's back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

# Everything a schema consists of, as PostgreSQL itself spells it.
POSTGRES_SCHEMA = """
SELECT c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
       || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
       || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
ORDER BY 1
"""
POSTGRES_PAGES = """
SELECT pg_read_binary_file(pg_relation_filepath(oid)) FROM pg_class
WHERE relkind IN ('r', 'i', 't', 'm') AND oid >= 16384 ORDER BY oid
"""
SQLITE_SCHEMA = (
    "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY 1"
)


class Direct:
    """A database that was set up with ``body``, reached without the application.

    Args:
        body: what was sent to set it up.
        data_dir: the application's data folder, where a SQLite file is.
    """

    def __init__(self, body: Mapping[str, str], data_dir: Path) -> None:
        self.dialect = body["type"]
        self.file = data_dir / "database" / "deploystack.db"
        url = (
            sa.make_url(body["connectionString"]).set(drivername="postgresql+psycopg2")
            if self.dialect == "postgres"
            else sa.URL.create("sqlite", database=str(self.file))
        )
        self.engine = sa.create_engine(url, poolclass=NullPool)

    def rows(self, statement: str) -> list[Any]:
        """Return the rows of a query, each as a tuple, or its value if it has but one."""
        with self.engine.connect() as connection:
            found = [tuple(row) for row in connection.exec_driver_sql(statement)]
        return [row[0] if len(row) == 1 else row for row in found]

    def execute(self, *statements: str) -> None:
        """Run statements, and commit."""
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def tables(self) -> set[str]:
        """Return the names of all tables."""
        return set(sa.inspect(self.engine).get_table_names())

    def everything(self) -> dict[str, list[Any]]:
        """Return the whole schema and all rows, to compare with another moment's."""
        found: dict[str, list[Any]] = {"schema": self._schema()}
        for table in self.tables():
            found[table] = sorted(self.rows(f'SELECT * FROM "{table}"'), key=repr)
        return found

    def revisions(self) -> list[str]:
        """Return the log of applied revisions, in order."""
        return self.rows("SELECT revision FROM schema_revisions ORDER BY id")

    def content(self) -> bytes:
        """Return the content of a SQLite file, and nothing of a PostgreSQL database."""
        return self.file.read_bytes() if self.dialect == "sqlite" else b""

    def pages(self) -> bytes:
        """Return what is on disk, with the rows that were deleted or changed since.

        On PostgreSQL the pages of all tables and indexes, which only a superuser may read.
        """
        if self.dialect == "sqlite":
            return b"".join(path.read_bytes() for path in self.file.parent.iterdir())
        engine = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql("CHECKPOINT")
        return b"".join(map(bytes, self.rows(POSTGRES_PAGES)))

    def _schema(self) -> list[Any]:
        if self.dialect == "postgres":
            return self.rows(POSTGRES_SCHEMA)
        # A table that was rebuilt is spelled a little differently: quoted, in another order.
        return [
            sorted(line.strip(" \t,") for line in sql.replace('"', "").splitlines())
            for sql in self.rows(SQLITE_SCHEMA)
        ]
