"""A running PostgreSQL server, in which tests make databases and roles.

with external_or_private() as server:  # from .postgres_server
uri = server.create_database()
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import quote, unquote, urlsplit

import psycopg2
from psycopg2 import sql


class Role(NamedTuple):
    """Someone who may log in."""

    name: str
    password: str


class Postgres:
    """A running server in which databases and roles can be made.

    Args:
        host: its name or address.
        port: its port.
        admin: the superuser, or whoever else may create databases and roles.
        database: the database to connect to for that.
    """

    def __init__(self, host: str, port: int, admin: Role, database: str = "postgres") -> None:
        self.host = host
        self.port = port
        self.admin = admin
        self._database = database
        self._databases: set[str] = set()
        self._roles: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop the databases and roles that were made here."""
        for database in sorted(self._databases):
            self.drop_database(database)
        for role in sorted(self._roles):
            self.drop_role(role)

    def uri(self, database: str, role: Role | None = None) -> str:
        """Return the URI with which ``role``, or else the administrator, reaches ``database``."""
        user, password = (quote(part, safe="") for part in role or self.admin)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"postgresql://{user}:{password}@{host}:{self.port}/{quote(database, safe='')}"

    def execute(
        self,
        statement: str | sql.Composable,
        parameters: Sequence[object] | Mapping[str, object] | None = None,
        *,
        database: str | None = None,
    ) -> list[tuple[Any, ...]]:
        """Run one statement as the administrator, outside a transaction.

        Args:
            statement: the SQL, with ``%s`` or ``%(name)s`` where parameters go, if there are any.
            parameters: the values for it.
            database: the name or URI of a database; the administrator's own by default.

        Returns:
            The rows, if it yields any.
        """
        name = database_name(database or self._database)
        with contextlib.closing(psycopg2.connect(self.uri(name))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else []

    def create_database(
        self,
        name: str | None = None,
        *,
        template: str | None = None,
        owner: Role | None = None,
        encoding: str = "UTF8",
    ) -> str:
        """Create a database.

        Args:
            name: its name; made up if not given.
            template: the name or URI of a database to copy, to which nobody may be connected.
            owner: the role it belongs to; the administrator by default.
            encoding: of its text, unless it is a copy.

        Returns:
            Its URI, with the owner's name and password.
        """
        name = name or f"test_{secrets.token_hex(6)}"
        statement = sql.SQL("CREATE DATABASE {} OWNER {} ").format(
            sql.Identifier(name), sql.Identifier((owner or self.admin).name)
        )
        if template:
            statement += sql.SQL("TEMPLATE {}").format(sql.Identifier(database_name(template)))
        else:
            statement += sql.SQL("TEMPLATE template0 LOCALE 'C' ENCODING {}").format(
                sql.Literal(encoding)
            )
        self.execute(statement)
        self._databases.add(name)
        return self.uri(name, owner)

    def drop_database(self, database: str) -> None:
        """Drop a database, given its name or URI, and end the connections to it."""
        name = database_name(database)
        self.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )
        self._databases.discard(name)

    def create_role(
        self, options: str = "", *, name: str | None = None, password: str | None = None
    ) -> Role:
        """Create a role that may log in.

        Args:
            options: more of what CREATE ROLE takes, such as "CREATEDB" or "CONNECTION LIMIT 1".
            name: its name; made up if not given.
            password: its password; made up if not given.
        """
        role = Role(name or f"role_{secrets.token_hex(6)}", password or secrets.token_urlsafe(12))
        self.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} {}").format(
                sql.Identifier(role.name), sql.Literal(role.password), sql.SQL(options)
            )
        )
        self._roles.add(role.name)
        return role

    def drop_role(self, name: str) -> None:
        """Drop a role that owns nothing any more."""
        self.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))
        self._roles.discard(name)


def database_name(database: str) -> str:
    """Return the name of a database that was given by its name or URI."""
    return unquote(urlsplit(database).path[1:]) if "://" in database else database
