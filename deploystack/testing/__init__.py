"""Fixtures for the tests of a plugin: it, in an application that was set up, on each database.

An author names the plugin, and asks for what a test needs::

    @pytest.fixture
    def deploystack_plugins():
        return ["deploystack_notes"]

    def test_notes_are_listed(deploystack_client):
        assert deploystack_client.get("/api/plugin/notes/").status_code == 200

pytest loads this module wherever DeployStack is installed, for other projects' tests too. So what
takes time to import is imported when a fixture is used.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient

    from .postgres import Postgres


@pytest.fixture
def deploystack_plugins() -> list[object]:
    """The plugins under test, besides those that are installed: to be overridden.

    Each is a module, the name of one, or an object with hooks.
    """
    return []


@pytest.fixture(params=["sqlite", "postgres"])
def deploystack_dialect(request: pytest.FixtureRequest) -> str:
    """Each kind of database in turn; to be overridden by tests that are about one only."""
    return str(request.param)


@pytest.fixture(scope="session")
def deploystack_postgres() -> Iterator[Postgres]:
    """A PostgreSQL server: the tests' own, or the one DEPLOYSTACK_TEST_POSTGRES_URL names."""
    from .postgres_server import external_or_private

    try:
        server = external_or_private()
    except FileNotFoundError as error:  # tests that nobody ran must not look like tests that passed
        pytest.fail(str(error), pytrace=False)
    with server:
        yield server


@pytest.fixture
def deploystack_app(
    deploystack_plugins: list[object],
    deploystack_dialect: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Flask]:
    """An application with the plugins, set up on a new database of ``deploystack_dialect``.

    It is configured by nothing but its defaults, whatever the environment of the tests says.
    """
    from .. import Config, create_app
    from ..database import get_database
    from ..plugins.service import get_service

    for name in list(os.environ):  # libpq reads variables too, and so may a plugin
        if name.startswith(("DEPLOYSTACK_", "FLASK_", "PG")) and "_TEST_" not in name:
            monkeypatch.delenv(name)
    config = Config.from_environment(
        {
            "DEPLOYSTACK_DATA_DIR": str(tmp_path / "deploystack"),
            "DEPLOYSTACK_LOG_FORMAT": "human",
        }
    )
    with _setup_body(deploystack_dialect, request) as body:
        app = create_app(config, plugins=deploystack_plugins)
        try:
            answer = app.test_client().post("/api/db/setup", json=body)
            assert answer.status_code == 200, answer.text  # noqa: S101
            get_service(app).settled()
            yield app
        finally:
            get_database(app).close()


@contextmanager
def _setup_body(dialect: str, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Give what to POST to set up a new database, which is dropped afterwards."""
    if dialect == "sqlite":
        yield {"type": "sqlite"}
        return
    server: Postgres = request.getfixturevalue("deploystack_postgres")
    uri = server.create_database()
    try:
        yield {"type": "postgres", "connectionString": uri}
    finally:
        server.drop_database(uri)


@pytest.fixture
def deploystack_client(deploystack_app: Flask) -> FlaskClient:
    """A client of ``deploystack_app``."""
    return deploystack_app.test_client()


@pytest.fixture
def deploystack_check(deploystack_app: Flask) -> Callable[[str], None]:
    """A function that fails the test unless the plugin it names is sound: see :mod:`.check`."""
    from .check import check

    return functools.partial(check, deploystack_app)
