"""What the application answers, and routes of a test's own to make it answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

SETUP = "/api/db/setup"
CHECK = "/api/db/check"
STATUS = "/api/db/status"
SQLITE = {"type": "sqlite"}


def assert_error(response: TestResponse, status: int, code: str | None = None) -> dict[str, Any]:
    """Assert that the answer is the one error body; return its details.

    Args:
        response: what was answered.
        status: the status it must have.
        code: the code it must have; any will do if this is ``None``.
    """
    assert response.status_code == status, response.text
    assert response.mimetype == "application/json"
    body = json.loads(response.text)
    assert list(body) == ["success", "error", "code", "details"]
    assert body["success"] is False
    assert code is None or body["code"] == code
    assert body["code"].replace("_", "").isalpha()
    assert body["error"].strip().endswith(".")
    assert isinstance(body["details"], dict)
    assert response.headers["X-Request-ID"]
    return dict(body["details"])


def at_route(app: Flask, view: Callable[[], object]) -> FlaskClient:
    """Add the route ``/test``, which does what ``view`` does, and return a client.

    Flask takes no route after the first request, so this comes before.
    """
    app.add_url_rule("/test", view_func=view, endpoint="test")  # type: ignore[arg-type]
    return app.test_client()
