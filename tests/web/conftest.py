"""Clients that go to pages, as a browser does."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.inspection.conftest import site  # noqa: F401  # a fixture
from tests.support.browsing import browser


@pytest.fixture
def page(app: Flask) -> FlaskClient:
    """A client that asks for pages."""
    return browser(app)
