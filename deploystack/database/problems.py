"""Why a database cannot be used: one exception, raised where the cause is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ..errors import ApiError

# Details that name the database and its user: for whoever sets up, not for every visitor.
_SQL = frozenset({"grant", "sql"})


MIGRATING = "db_migrating"
"""The code while a schema is being changed."""


class DatabaseProblem(Exception):
    """A database that refuses, or that we refuse.

    Setup answers it as 422; a running application that meets it waits and answers 503.

    Args:
        code: a stable name such as ``db_unreachable``.
        sentence: what is wrong and what to do next. No password, no driver text.
        details: more for programs, such as ``{"grant": "GRANT …"}``.
        cause: the technical reason, for the operator's log and ``flask db status`` only.
        retry_after: seconds until another attempt is worthwhile.
    """

    def __init__(
        self,
        code: str,
        sentence: str,
        details: Mapping[str, Any] | None = None,
        *,
        cause: str | None = None,
        retry_after: float = 1.0,
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.details = dict(details or {})
        self.cause = cause
        self.retry_after = retry_after

    def for_operator(self) -> str:
        """Return all there is to say, for a terminal."""
        return f"{self.sentence} [{self.code}]" + (f"\n{self.cause}" if self.cause else "")

    def as_api_error(self, status: int) -> ApiError:
        """Return the answer for a caller; a 503 carries ``Retry-After``."""
        if status != 503:
            return ApiError(status, self.code, self.sentence, self.details)
        details = {key: value for key, value in self.details.items() if key not in _SQL}
        retry_after = str(max(1, round(self.retry_after)))
        return ApiError(status, self.code, self.sentence, details, {"Retry-After": retry_after})


def changed() -> DatabaseProblem:
    """Return the problem of a database that is not the one that was bound."""
    return DatabaseProblem(
        "db_changed",
        "Another database is in place of the one in use, and is being checked. Try again in a "
        "few seconds.",
    )


def silent(code: Literal["db_timeout", "db_unresponsive"]) -> DatabaseProblem:
    """Return the problem of a database that does not answer, yet or any more."""
    return DatabaseProblem(
        code,
        "The database does not answer in time. Check that its server is not overloaded; the "
        "application tries again by itself.",
    )


def pending() -> DatabaseProblem:
    """Return the problem of a database whose schema is behind the code."""
    return DatabaseProblem(
        "migration_pending",
        "The schema is behind the code. Restart the server, or run `flask db upgrade`.",
    )


def preparing() -> DatabaseProblem:
    """Return the problem of a database that is being connected and checked."""
    return DatabaseProblem(
        "db_preparing", "The database is being connected. Try again in a few seconds."
    )


def migrating() -> DatabaseProblem:
    """Return the problem of a database whose schema is being changed."""
    return DatabaseProblem(
        MIGRATING, "The database is being brought up to date. Try again in a few seconds."
    )
