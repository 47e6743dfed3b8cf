"""Real PostgreSQL databases that setup refuses, each for a reason of its own.

with refusing("db_not_empty", postgres) as uri:
    ...
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator

from deploystack import create_app
from deploystack.database import get_database
from deploystack.testing.ports import HOST, free_port
from tests.support.applications import set_up
from tests.support.hostile import (
    HostileServer,
    Script,
    answers_everything_with,
    fatal,
    says,
    stay_silent,
)
from tests.support.postgres import Postgres, Role

Refusing = Callable[[Postgres], contextlib.AbstractContextManager[str]]

NO_POSTGRES = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
PASSWORD = "s3cret/@:%#?"
"""What each role here has for a password: every character that a URI cannot hold as it is."""


def refusing(code: str, postgres: Postgres) -> contextlib.AbstractContextManager[str]:
    """Return a context in which there is a database that setup refuses with ``code``: its URI."""
    return REASONS[code](postgres)


@contextlib.contextmanager
def _unreachable(postgres: Postgres) -> Iterator[str]:
    yield f"postgresql://u:p@{HOST}:{free_port()}/d"


def _hostile(script: Script) -> Refusing:
    @contextlib.contextmanager
    def serve(postgres: Postgres) -> Iterator[str]:
        with HostileServer(script) as server:
            yield f"postgresql://u:p@{HOST}:{server.port}/d?connect_timeout=2"

    return serve


@contextlib.contextmanager
def _wrong_password(postgres: Postgres) -> Iterator[str]:
    with _owned(postgres) as (uri, role):
        name = uri.rpartition("/")[2]
        yield postgres.uri(name, Role(role.name, "an0ther/passw@rd"))


@contextlib.contextmanager
def _missing(postgres: Postgres) -> Iterator[str]:
    yield postgres.uri("no such database")


@contextlib.contextmanager
def _no_tls(postgres: Postgres) -> Iterator[str]:
    with _owned(postgres) as (uri, _):
        yield f"{uri}?sslmode=require"


def _altered(options: str = "", *statements: str, encoding: str = "UTF8") -> Refusing:
    """Return a database whose owner has ``options``, after these statements on ``{name}``."""

    @contextlib.contextmanager
    def make(postgres: Postgres) -> Iterator[str]:
        with _owned(postgres, options, encoding) as (uri, _):
            for statement in statements:
                postgres.execute(statement.format(name=uri.rpartition("/")[2]), database=uri)
            yield uri

    return make


@contextlib.contextmanager
def _no_right(postgres: Postgres) -> Iterator[str]:
    role = postgres.create_role(password=PASSWORD)
    uri = postgres.create_database()
    try:
        yield postgres.uri(uri.rpartition("/")[2], role)
    finally:
        postgres.drop_database(uri)
        postgres.drop_role(role.name)


@contextlib.contextmanager
def _newer(postgres: Postgres) -> Iterator[str]:
    with _owned(postgres) as (uri, _), tempfile.TemporaryDirectory() as folder:
        app = create_app({"DEPLOYSTACK_DATA_DIR": folder})
        set_up(app, {"type": "postgres", "connectionString": uri})
        get_database(app).close()
        postgres.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'", database=uri)
        yield uri


@contextlib.contextmanager
def _owned(
    postgres: Postgres, options: str = "", encoding: str = "UTF8"
) -> Iterator[tuple[str, Role]]:
    role = postgres.create_role(options, password=PASSWORD)
    uri = postgres.create_database(owner=role, encoding=encoding)
    try:
        yield uri, role
    finally:
        postgres.drop_database(uri)
        postgres.drop_role(role.name)


REASONS: dict[str, Refusing] = {
    "db_unreachable": _unreachable,
    "db_timeout": _hostile(stay_silent),
    "db_not_postgres": _hostile(answers_everything_with(NO_POSTGRES)),
    "db_starting_up": _hostile(says(fatal("57P03", "the database system is starting up"))),
    "db_access_denied": _hostile(says(fatal("28000", "no pg_hba.conf entry for host"))),
    "db_tls_failed": _no_tls,
    "db_authentication_failed": _wrong_password,
    "db_does_not_exist": _missing,
    "db_too_many_connections": _altered("CONNECTION LIMIT 0"),
    "db_not_utf8": _altered(encoding="LATIN1"),
    "db_read_only": _altered("", "ALTER DATABASE {name} SET default_transaction_read_only = on"),
    "db_no_permission": _no_right,
    "db_not_empty": _altered("", "CREATE TABLE invoices (id int)"),
    "db_newer": _newer,
}
