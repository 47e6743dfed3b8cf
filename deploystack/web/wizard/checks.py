"""What was looked at when a connection was tested, point by point, in the order of the server.

The API stops at the first point that fails: those before it have passed, those after it are not
known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from ...database.check import Report
from ...errors import ApiError
from ..language import N_
from ..language import gettext as _

POINTS = {
    "postgres": {
        "reachable": N_("The server can be reached"),
        "signed_in": N_("User and password are accepted"),
        "exists": N_("The database exists"),
        "version": N_("The version is new enough"),
        "encoding": N_("Text is stored as UTF-8"),
        "tables": N_("Tables may be created"),
        "contents": N_("It is empty, or already ours"),
    },
    "sqlite": {
        "tables": N_("The file can be written"),
        "contents": N_("It is empty, or already ours"),
    },
}

POINT_OF = {
    "db_unknown_host": "reachable",
    "db_address_refused": "reachable",
    "db_unreachable": "reachable",
    "db_timeout": "reachable",
    "db_not_postgres": "reachable",
    "db_tls_failed": "reachable",
    "db_too_many_connections": "reachable",
    "db_starting_up": "reachable",
    "db_shutting_down": "reachable",
    "db_connection_failed": "reachable",
    "db_service_file": "reachable",
    "db_authentication_failed": "signed_in",
    "db_access_denied": "signed_in",
    "db_does_not_exist": "exists",
    "db_too_old": "version",
    "db_not_utf8": "encoding",
    "db_read_only": "tables",
    "db_no_permission": "tables",
    "db_disk_full": "tables",
    "db_not_empty": "contents",
    "db_newer": "contents",
    "db_not_a_database": "contents",
    "db_corrupt": "contents",
}
"""Which point fails with which code; with any other, it is not a point that fails."""

ACTIONS = {
    "create": N_("It is empty: the tables will be created."),
    "upgrade": N_(
        "It is from an earlier installation: it will be brought up to date, and its rows are kept."
    ),
    "adopt": N_("It is from an earlier installation: it will be used as it is, with its rows."),
}

STATES = {
    "passed": N_("Passed"),
    "failed": N_("Failed"),
    "unknown": N_("Not checked yet"),
}


@dataclass(frozen=True)
class Point:
    """How one point stands.

    Attributes:
        name: of :data:`POINTS`.
        label: what it is.
        state: how it stands.
        found: what was found, if that is to be told.
    """

    name: str
    label: str
    state: Literal["passed", "failed", "unknown"]
    found: str = ""


def passed(report: Report) -> list[Point]:
    """Return the points of a database that can be used."""
    product = "PostgreSQL" if report.dialect == "postgres" else "SQLite"
    found = {
        "version": f"{product} {report.server_version}",
        "contents": _(ACTIONS[report.action]),
    }
    return [
        Point(name, _(label), "passed", found.get(name, ""))
        for name, label in POINTS[report.dialect].items()
    ]


def failed(dialect: str, error: ApiError) -> list[Point]:
    """Return the points of a database that cannot be used; none, if no point has failed."""
    failing = POINT_OF.get(error.code)
    names = list(POINTS[dialect])
    if failing not in names:
        return []
    at = names.index(failing)
    return [
        Point(name, _(label), "passed" if i < at else "failed" if i == at else "unknown")
        for i, (name, label) in enumerate(POINTS[dialect].items())
    ]


def texts() -> dict[str, Any]:
    """Return what a script needs to show the same, in the language of the request."""
    return {
        "points": {
            dialect: {name: _(label) for name, label in points.items()}
            for dialect, points in POINTS.items()
        },
        "point_of": POINT_OF,
        "actions": {action: _(text) for action, text in ACTIONS.items()},
        "states": {state: _(text) for state, text in STATES.items()},
    }


def sql_of(error: ApiError) -> str:
    """Return the SQL that mends it, if there is any."""
    return str(error.details.get("sql") or error.details.get("grant") or "")
