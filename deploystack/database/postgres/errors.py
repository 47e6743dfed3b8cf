"""What a failure of PostgreSQL, or of reaching it, means for a person.

A failure inside a session has an SQLSTATE. One to connect has none in psycopg2 (``pgcode`` is
None), only libpq's text, so that text is matched, carefully: with what stands in quotes removed,
because names are chosen by callers, and only at the start of a message. It never leaves this
file, because it may repeat names, addresses and paths.

A server may be set to speak another language than English (``lc_messages``), in which libpq
passes its refusal on. Such a text matches nothing and becomes ``db_connection_failed``, the
sentence of which therefore lists the usual causes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..problems import DatabaseProblem
from ..target import PostgresTarget

if TYPE_CHECKING:
    import psycopg2

SENTENCES = {
    "db_address_refused": (
        "The host leads to a link-local, multicast, reserved or cloud metadata address, where no "
        "database is. Use the address of the database server."
    ),
    "db_access_denied": (
        "The PostgreSQL server does not let this user connect to this database from here. Allow "
        "it in the server's pg_hba.conf (it may ask for TLS: sslmode=require) and grant CONNECT."
    ),
    "db_authentication_failed": (
        "The PostgreSQL server refused this user and password. Check both, percent-encode special "
        "characters in them, and check that the role exists and may log in."
    ),
    "db_connection_failed": (
        "The connection to PostgreSQL failed. Check host, port, user, password and database, and "
        "look into the PostgreSQL server's log."
    ),
    "db_disk_full": "The PostgreSQL server's disk is full. Make room there, then try again.",
    "db_does_not_exist": (
        "The server has no database of this name. Create it, or correct the name, then try again."
    ),
    "db_failed": "The database answered with an error. Look for this code in the server's log.",
    "db_locked": "Another session is using the database. Wait for it to finish, then try again.",
    "db_no_permission": (
        "This PostgreSQL user lacks a right it needs here. Grant it, or use the database's owner."
    ),
    "db_not_postgres": "What answers at this host and port is not PostgreSQL. Check both.",
    "db_read_only": (
        "The database takes no changes. Connect to the primary server, not to a standby, and "
        "check default_transaction_read_only."
    ),
    "db_service_file": (
        "This server's environment names a PostgreSQL service (PGSERVICE) that cannot be read. "
        "Unset PGSERVICE or mend its service file, then restart."
    ),
    "db_shutting_down": "The PostgreSQL server is shutting down. Try again once it has restarted.",
    "db_starting_up": "The PostgreSQL server is starting up. Try again in a few seconds.",
    "db_timeout": (
        "The PostgreSQL server did not answer in time. Check that it is a PostgreSQL server and "
        "how busy it is, then try again."
    ),
    "db_tls_failed": (
        "A TLS connection as asked for could not be made. Check that the server offers TLS, that "
        "its certificate is valid for this host and from an authority this machine trusts, and "
        "sslmode and channel_binding."
    ),
    "db_too_many_connections": (
        "The PostgreSQL server has no connection left for this user or database. Close others or "
        "raise the limit, then try again."
    ),
    "db_unknown_host": (
        "No host of this name is known. Check the spelling, or use its IP address."
    ),
    "db_unreachable": (
        "The PostgreSQL server cannot be reached or closed the connection. Check host and port, "
        "that it runs and listens there (listen_addresses), and that no firewall is in between."
    ),
}
"""What each code means and what to do next."""

# PostgreSQL's documentation, appendix A. The first two characters are the class.
_SQLSTATES = {
    "08": "db_unreachable",
    "28": "db_authentication_failed",
    "3D": "db_does_not_exist",
    "53100": "db_disk_full",
    "53300": "db_too_many_connections",
    "25006": "db_read_only",
    "40P01": "db_locked",
    "42501": "db_no_permission",
    "55P03": "db_locked",
    "57014": "db_timeout",
    "57P01": "db_shutting_down",
    "57P02": "db_shutting_down",
    "57P03": "db_starting_up",
    "57P04": "db_does_not_exist",
    "57P05": "db_unreachable",
}

# The first match decides. With sslmode=prefer libpq tries twice and tells of both attempts, which
# is why a wrong password comes before "no pg_hba.conf entry … no encryption".
_MESSAGES = tuple(
    (re.compile(rf"(?:^|failed: )(?:\w+:\s+)?(?:{pattern})", re.MULTILINE), code)
    for code, pattern in (
        ("db_service_file", r"definition of service|service file|.* in service file"),
        ("db_unknown_host", r"could not (translate|parse)|.*Name or service not known"),
        ("db_does_not_exist", r"database \"\" does not exist"),
        (
            "db_authentication_failed",
            r"(\w+ )?authentication failed|fe_sendauth: no password|role \"\" (does not exist|is "
            r"not permitted)|empty password|authentication method|\w+ authentication is not",
        ),
        (
            "db_access_denied",
            r"no pg_hba\.conf entry|pg_hba\.conf rejects|database \"\" is not currently accepting|"
            r"connection requires a valid client certificate",
        ),
        ("db_no_permission", r"permission denied for database"),
        ("db_too_many_connections", r"too many connections|sorry, too many|remaining connection"),
        ("db_shutting_down", r"the database system is shutting down|terminating connection due"),
        ("db_starting_up", r"the database system is"),
        (
            "db_tls_failed",
            r"server does not support SSL|SSL error|.*certificate|channel binding|could not .*SSL",
        ),
        (
            "db_not_postgres",
            r"received (invalid response|unencrypted data)|expected authentication request|"
            r"unsupported frontend protocol|lost synchronization|invalid message",
        ),
        ("db_timeout", r"timeout expired"),
        (
            "db_unreachable",
            r"server closed|could not (connect|receive|send)|connection (already closed|pointer)|"
            r"no connection|SSL connection has been closed|SSL SYSCALL|(Connection (refused|reset|"
            r"timed out)|No route|Network is|Host is|No such file|Permission denied)",
        ),
    )
)


def classify(error: psycopg2.Error, target: PostgresTarget | None = None) -> DatabaseProblem:
    """Return the problem that an error of psycopg2 is, told so that a person can mend it.

    Args:
        error: raised while connecting or later in a session.
        target: what was being connected to; with it, ``details`` can hold the SQL that mends it.
    """
    sqlstate = error.pgcode
    if sqlstate:
        code = _SQLSTATES.get(sqlstate) or _SQLSTATES.get(sqlstate[:2]) or "db_failed"
    else:
        text = _without_names(str(error), target)
        code = next((c for pattern, c in _MESSAGES if pattern.search(text)), "db_connection_failed")
    return problem(code, target, cause=f"{type(error).__name__} {sqlstate or ''}".rstrip())


def problem(
    code: str, target: PostgresTarget | None = None, cause: str | None = None
) -> DatabaseProblem:
    """Return the problem ``code``, one of :data:`SENTENCES`."""
    details = {}
    names = target.keywords if target else {}
    if code == "db_does_not_exist" and "dbname" in names:
        details["sql"] = create_database(names["dbname"])
    if code == "db_no_permission" and {"dbname", "user"} <= names.keys():
        database, user = quote(names["dbname"]), quote(names["user"])
        details["grant"] = f"GRANT CONNECT ON DATABASE {database} TO {user};"
    if code == "db_authentication_failed" and "user" in names:
        role = quote(names["user"])
        details["sql"] = (
            f"-- if there is no such role:\nCREATE ROLE {role} LOGIN PASSWORD 'a-new-password';\n"
            f"-- if it has another password:\nALTER ROLE {role} LOGIN PASSWORD 'a-new-password';"
        )
    return DatabaseProblem(code, SENTENCES[code], details, cause=cause)


def create_database(name: str) -> str:
    """Return the SQL that creates a database fit for us, whatever the server's defaults are."""
    return f"CREATE DATABASE {quote(name)} ENCODING 'UTF8' TEMPLATE template0;"


def quote(identifier: str) -> str:
    """Return ``identifier`` as SQL spells it (PostgreSQL's documentation, 4.1.1)."""
    return '"' + identifier.replace('"', '""') + '"'


def _without_names(text: str, target: PostgresTarget | None) -> str:
    """Return a message with nothing between its quotation marks."""
    names = target.keywords if target else {}
    for name in (names.get("dbname"), names.get("user")):
        text = text.replace(f'"{name}"', '""')  # it may have quotation marks in it
    return re.sub(r'"[^"\n]*"', '""', text)
