"""What several tests of settings ask for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from deploystack import create_app
from deploystack.database import get_database
from tests.conftest import MakeApp
from tests.support.applications import set_up
from tests.support.opened import open_to_all
from tests.support.postgres import Postgres


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


@contextmanager
def running(data_dir: Path, body: dict[str, str]) -> Iterator[Flask]:
    """Make an application that is set up, and asks nobody for a password."""
    app = create_app({"DEPLOYSTACK_DATA_DIR": data_dir})
    open_to_all(app)
    set_up(app, body)
    yield app
    get_database(app).close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """One application for many tests, on SQLite: each leaves it as it was."""
    with running(tmp_path_factory.mktemp("shared") / "data", {"type": "sqlite"}) as app:
        yield app


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shared_each(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """The same on each database: for tests with many examples."""
    body = {"type": request.param}
    if request.param == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        body["connectionString"] = server.create_database()
    with running(tmp_path_factory.mktemp("shared") / "data", body) as app:
        yield app
    if request.param == "postgres":
        server.drop_database(body["connectionString"])


@pytest.fixture
def on_sqlite(make_app: MakeApp) -> Flask:
    """The same on SQLite only, for what has nothing to do with the database."""
    app = make_app()
    open_to_all(app)
    set_up(app, {"type": "sqlite"})
    return app
