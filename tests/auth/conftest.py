"""What the tests of accounts ask for: an application with a database and an administrator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.applications import set_up
from tests.support.direct import Direct
from tests.support.people import administrator, user

Switch = Callable[[str, Any], None]


@pytest.fixture
def ready(app: Flask, body: dict[str, str]) -> Flask:
    """An application that was set up, and has no account."""
    set_up(app, body)
    return app


@pytest.fixture
def direct(ready: Flask, body: dict[str, str], data_dir: Path) -> Direct:
    """The database of ``ready``, without the application."""
    return Direct(body, data_dir)


@pytest.fixture
def admin(ready: Flask) -> FlaskClient:
    """A client of ``ready`` that is logged in to its first account, ``alice``."""
    return administrator(ready)


@pytest.fixture
def bob(ready: Flask, admin: FlaskClient) -> FlaskClient:
    """A client of ``ready`` that is logged in to an account without permissions."""
    return user(ready, "bob")
