"""What several tests of the database ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from tests.conftest import MakeApp
from tests.support.applications import set_up
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
