"""A database that fails in the middle of a request: 503 if it is away, 500 if we are wrong.

Where it refuses a value it is 400: whoever sent the request has sent that, too.
"""

from __future__ import annotations

import logging

import sqlalchemy as sa
from flask import Response, current_app, g

from ..errors import ApiError, Registry, Unexpected, answer
from ..logs import describe
from .driver_errors import is_about_the_database, problem_of
from .handle import get_database
from .problems import DatabaseProblem

log = logging.getLogger(__name__)


def register_database_errors(app: Registry, unexpected: Unexpected) -> None:
    """Make ``app`` answer for a database that is away, locked or too busy.

    Args:
        app: the application, or some routes of it.
        unexpected: answers for a statement that is wrong.
    """

    def answer_driver_error(error: sa.exc.DBAPIError) -> Response:
        if is_about_the_database(error):
            log.warning("The database failed: %s", describe(error))
            return _answer_problem(problem_of(error))
        if isinstance(error, sa.exc.DataError):
            log.info("The database refused a value: %s.", type(error.orig).__name__)
            return answer(_value_refused())
        state = get_database(current_app).verified(max_age=0)
        # A table that is missing may be our mistake, or a sign that this is another database.
        return unexpected(error) if state.binding else answer(state.error())

    app.register_error_handler(DatabaseProblem, _answer_problem)
    app.register_error_handler(sa.exc.DBAPIError, answer_driver_error)
    app.register_error_handler(sa.exc.TimeoutError, _answer_no_connection)


def _value_refused() -> ApiError:
    """Return the error for a value that no column can hold."""
    return ApiError(
        400,
        "value_refused",
        "The database cannot hold a value of this request, such as a number that is too large or a "
        "text with the character NUL. Correct it and send the request again.",
    )


def _answer_problem(problem: DatabaseProblem) -> Response:
    binding = g.get("_database_binding")
    if binding is not None:
        get_database(current_app).lost(binding, problem)
    return answer(problem.as_api_error(503))


def _answer_no_connection(_error: sa.exc.TimeoutError) -> Response:
    return answer(
        ApiError(
            503,
            "db_busy",
            "Every connection to the database is in use. Try again in a few seconds.",
            headers={"Retry-After": "2"},
        )
    )
