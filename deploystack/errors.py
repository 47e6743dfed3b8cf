"""The one JSON error body, and everything that turns a failure into it.

Code that knows what went wrong raises :class:`ApiError`; only this file decides how it looks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from flask import Flask, Response, current_app, request
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException

from .app import json_response
from .logs import describe

log = logging.getLogger(__name__)

SENTENCES = {
    400: "The request could not be understood. Correct it and send it again.",
    404: "There is nothing at this address. The state of the database is at /api/db/status.",
    405: "This address does not accept that method. Use one of those in the Allow header.",
    413: "The body is too large. Send a smaller one.",
    415: "The body must be JSON. Send it with the header Content-Type: application/json.",
    500: "Something went wrong on the server. Try again; if it persists, look for the request id "
    "in the server's log.",
}
CODES = {413: "body_too_large", 415: "unsupported_media_type", 500: "internal_error"}


class Registry(Protocol):
    """Where error handlers are registered: an application, or some routes of it."""

    def register_error_handler(self, kind: type[Exception], handler: Any, /) -> None:
        """Let ``handler`` answer for exceptions of ``kind``."""


Unexpected = Callable[[Exception], Response]
"""Answers for an exception that nobody foresaw."""

_PAGE = "deploystack_error_page"


class ApiError(Exception):
    """A failure a caller is told about.

    Args:
        status: the HTTP status of the answer.
        code: a stable name for programs, in snake_case.
        sentence: what happened and what to do next, for a person. No secret, no driver text.
        details: more for programs, such as the offending fields.
        headers: HTTP headers the answer carries, such as ``Retry-After`` (seconds).
    """

    def __init__(
        self,
        status: int,
        code: str,
        sentence: str,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence
        self.details = dict(details or {})
        self.headers = dict(headers or {})


def register_error_handlers(app: Registry, unexpected: Unexpected) -> None:
    """Make every failure of ``app``, expected or not, answer with the one error body.

    Args:
        app: the application, or some routes of it.
        unexpected: answers for what nobody foresaw.
    """
    app.register_error_handler(ApiError, answer)
    app.register_error_handler(ValidationError, _answer_validation_error)
    app.register_error_handler(HTTPException, _answer_http_exception)
    app.register_error_handler(Exception, unexpected)


ErrorPage = Callable[[ApiError], Response | None]
"""Returns what a browser that goes to a page is shown; nothing for any other request."""


def register_error_page(app: Flask, page: ErrorPage) -> None:
    """Let ``page`` show people the errors of ``app``. Programs are told of them in JSON."""
    app.extensions[_PAGE] = page


def answer(error: ApiError) -> Response:
    """Return the response that tells the caller of ``error``."""
    page: ErrorPage | None = current_app.extensions.get(_PAGE)
    return (page and page(error)) or _as_json(error)


def _as_json(error: ApiError) -> Response:
    body = {
        "success": False,
        "error": error.sentence,
        "code": error.code,
        "details": error.details,
    }
    return json_response(body, error.status, error.headers)


def answer_unexpected(error: Exception) -> Response:
    """Return the response for a failure nobody foresaw; the log says what and where."""
    log.error("%s %s failed: %s", request.method, request.path, describe(error))
    return answer(ApiError(500, CODES[500], SENTENCES[500]))


def invalid_fields(error: ValidationError) -> ApiError:
    """Return the answer for a body with fields that are not as they should be."""
    messages = error.messages  # a list, where the error is not one of a certain field
    return ApiError(
        400,
        "validation_error",
        "Some fields are not as they should be; details names each. Correct them and send the "
        "request again.",
        messages if isinstance(messages, dict) else {"_schema": messages},
    )


def _answer_validation_error(error: ValidationError) -> Response:
    return answer(invalid_fields(error))


def _answer_http_exception(error: HTTPException) -> Response:
    status = error.code or 500
    if 300 <= status < 400:
        return Response(status=status, headers=error.get_headers())
    code = CODES.get(status) or error.name.lower().replace(" ", "_").replace("'", "")
    sentence = SENTENCES.get(status, SENTENCES[400 if status < 500 else 500])
    # An HTTP exception keeps what its status needs, such as Allow; its HTML body is not ours.
    headers = [
        (name, value)
        for name, value in error.get_headers()
        if name.lower() not in {"content-type", "content-length"}
    ]
    return answer(ApiError(status, code, sentence, headers=dict(headers)))
