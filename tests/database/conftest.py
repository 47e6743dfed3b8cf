"""What several tests of the database ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from deploystack.database import get_database
from tests.conftest import MakeApp
from tests.support.applications import set_up
from tests.support.direct import Direct
from tests.support.revisions import Revisions
from tests.support.rows import add_routes


@pytest.fixture
def sqlite_app(make_app: MakeApp) -> Flask:
    """An application over a SQLite file that is in use: it has served the row "first"."""
    app = make_app()
    add_routes(app)
    set_up(app, {"type": "sqlite"})
    assert app.test_client().post("/rows/first").status_code == 200
    return app


@pytest.fixture
def sqlite_path(sqlite_app: Flask, data_dir: Path) -> Path:
    """The file of ``sqlite_app``."""
    return data_dir / "database" / "deploystack.db"


@pytest.fixture
def revisions(tmp_path: Path) -> Revisions:
    """The project's revisions, to which a test adds its own."""
    return Revisions(tmp_path / "migrations")


@pytest.fixture
def direct(body: dict[str, str], data_dir: Path, make_app: MakeApp) -> Direct:
    """A database that was set up with the project's own revisions, and that nobody serves now."""
    app = make_app()
    set_up(app, body)
    get_database(app).close()
    return Direct(body, data_dir)
