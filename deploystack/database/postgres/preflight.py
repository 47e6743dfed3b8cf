"""What a PostgreSQL database must be like before a schema is put into it, and what to do if not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..problems import DatabaseProblem
from .errors import classify, create_database, problem, quote

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection  # noqa: N812
    from psycopg2.extensions import cursor as Cursor  # noqa: N812

MINIMUM_VERSION = 130000
"""The oldest server that is supported: ``server_version_num`` of PostgreSQL 13."""


@dataclass(frozen=True)
class ServerFacts:
    """What a server says about the database a connection is in.

    Attributes:
        version: such as ``16.4``.
        version_number: the same as a number, such as 160004.
        encoding: of the database's text, such as ``UTF8``.
        read_only: whether it is a standby, or transactions are read-only by default.
        schema: where new tables go, or would go if the user might create them.
        schema_exists: whether there is such a schema.
        may_create: whether the user may create tables in it.
        user: who is connected.
        database: the database.
    """

    version: str
    version_number: int
    encoding: str
    read_only: bool
    schema: str
    schema_exists: bool
    may_create: bool
    user: str
    database: str


SERVER = """
SELECT split_part(current_setting('server_version'), ' ', 1),
       current_setting('server_version_num')::int,
       current_setting('server_encoding'),
       pg_is_in_recovery() OR current_setting('transaction_read_only')::bool,
       current_user::text, current_database()::text,
       current_schema()::text, current_setting('search_path')
"""

# The schemas of the search path that exist, in its order. current_schema() leaves out those the
# user may not use, but it is them that the right has to be granted on.
SCHEMAS = """
SELECT nspname::text, has_schema_privilege(oid, 'USAGE') AND has_schema_privilege(oid, 'CREATE')
FROM pg_namespace WHERE nspname = ANY (%(path)s) ORDER BY array_position(%(path)s, nspname::text)
"""


def examine(connection: Connection) -> ServerFacts:
    """Ask the server what it and the database are like, within the current transaction.

    Raises:
        DatabaseProblem: it does not answer, or not as PostgreSQL does.
    """
    import psycopg2

    try:
        with connection.cursor() as cursor:
            return _examine(cursor)
    except psycopg2.Error as error:
        failure = classify(error)
    except (TypeError, ValueError) as error:  # not the columns that were asked for
        failure = problem("db_not_postgres", cause=type(error).__name__)
    raise failure


def check(facts: ServerFacts, *, minimum_version: int = MINIMUM_VERSION) -> None:
    """Refuse a database in which the schema cannot be created.

    Raises:
        DatabaseProblem: ``db_too_old``, ``db_not_utf8``, ``db_read_only`` or ``db_no_permission``;
            ``details`` hold the SQL that mends it, if there is any.
    """
    if facts.version_number < minimum_version:
        raise DatabaseProblem(
            "db_too_old",
            f"The server is PostgreSQL {facts.version}; {minimum_version // 10000} or newer is "
            "needed. Upgrade it, or use another server.",
        )
    if facts.encoding != "UTF8":
        raise DatabaseProblem(
            "db_not_utf8",
            f"The database stores text as {facts.encoding}; UTF8 is needed, and cannot be changed "
            "later. Create another database with this SQL, and use that one.",
            {"sql": create_database(f"{facts.database}_utf8")},
        )
    if facts.read_only:
        raise problem("db_read_only")
    if not facts.may_create:
        _refuse_permission(facts)


def _refuse_permission(facts: ServerFacts) -> None:
    schema, user = quote(facts.schema), quote(facts.user)
    raise DatabaseProblem(
        "db_no_permission",
        f"The user {user} may not create tables in the schema {schema}. Have the owner of the "
        "database run this SQL in it, then try again.",
        {
            "grant": f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {user};"
            if facts.schema_exists
            else f"CREATE SCHEMA {schema} AUTHORIZATION {user};"
        },
    )


def _examine(cursor: Cursor) -> ServerFacts:
    cursor.execute(SERVER)
    [(version, number, encoding, read_only, user, database, current, search_path)] = cursor
    path = [current] if current else _names(search_path, user)
    cursor.execute(SCHEMAS, {"path": path})
    schema, may_create = cursor.fetchone() or ("", False)
    return ServerFacts(
        version=str(version),
        version_number=int(number),
        encoding=str(encoding),
        read_only=bool(read_only),
        schema=schema or "public",
        schema_exists=bool(schema),
        may_create=bool(may_create),
        user=str(user),
        database=str(database),
    )


def _names(search_path: str, user: str) -> list[str]:
    """Return the names in a search path such as ``"$user", public``."""
    names = [
        quoted.replace('""', '"') or bare
        for quoted, bare in re.findall(r'"((?:[^"]|"")*)"|([^\s,"]+)', search_path)
    ]
    return [user if name == "$user" else name for name in names]
