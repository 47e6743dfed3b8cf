"""What the tests of the documentation ask for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask

from deploystack.openapi.kept import get_texts


@pytest.fixture
def document(app: Flask) -> dict[str, Any]:
    """The document of an application without plugins."""
    made: dict[str, Any] = json.loads(get_texts(app).made("json"))
    return made
