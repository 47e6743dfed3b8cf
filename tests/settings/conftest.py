"""What several tests of settings ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from deploystack import create_app
from deploystack.database import get_database
from tests.conftest import MakeApp
from tests.support.applications import set_up
from tests.support.opened import open_to_all


@pytest.fixture
def opened(make_app: MakeApp, body: dict[str, str]) -> Flask:
    """An application that is set up, and asks nobody for a password; on each database."""
    app = make_app()
    open_to_all(app)
    set_up(app, body)
    return app


@pytest.fixture
def admin(opened: Flask) -> FlaskClient:
    """A client of `opened` that may do everything."""
    return opened.test_client()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """One application for many tests, on SQLite: each leaves it as it was."""
    app = create_app({"DEPLOYSTACK_DATA_DIR": tmp_path_factory.mktemp("shared") / "data"})
    open_to_all(app)
    set_up(app, {"type": "sqlite"})
    yield app
    get_database(app).close()


@pytest.fixture
def on_sqlite(make_app: MakeApp) -> Flask:
    """The same on SQLite only, for what has nothing to do with the database."""
    app = make_app()
    open_to_all(app)
    set_up(app, {"type": "sqlite"})
    return app
