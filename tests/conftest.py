"""What every test may ask for: applications, real servers, real databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from deploystack import Config, create_app
from deploystack.app import DeployStack
from deploystack.database import get_database
from tests.support import documented
from tests.support.containers.dockerfile import Image, shared_image
from tests.support.postgres import Postgres, PostgresServer, external_or_private
from tests.support.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

pytest_plugins = ["pytester"]

MakeApp = Callable[..., Flask]
Serve = Callable[..., Server]


class CheckedClient(FlaskClient):
    """A client that holds every answer to the documentation."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Send a request."""
        answer = super().open(*args, **kwargs)
        documented.check(
            answer.request.method,
            answer.request.path,
            answer.status_code,
            answer.mimetype,
            dict(answer.headers),
            answer.text if answer.mimetype == "application/json" else "",
        )
        return answer


DeployStack.test_client_class = CheckedClient


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own variables out of the tests."""
    import os

    for name in list(os.environ):
        if name.startswith(("DEPLOYSTACK_", "PG")) and "_TEST_" not in name:
            monkeypatch.delenv(name)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """An empty place for all data."""
    return tmp_path / "data"


@pytest.fixture
def make_app(data_dir: Path) -> Iterator[MakeApp]:
    """Make applications over ``data_dir``; keyword arguments are variables or Flask settings."""
    made = []

    def make(config: Config | None = None, **variables: Any) -> Flask:
        app = create_app(
            config
            or {
                "DEPLOYSTACK_DATA_DIR": data_dir,
                "DEPLOYSTACK_LOG_LEVEL": "DEBUG",
                **variables,
            }
        )
        made.append(app)
        return app

    yield make
    for app in made:
        get_database(app).close()


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An application with no database yet."""
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of ``app``."""
    return app.test_client()


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Image]:
    """The image that the Dockerfile describes, built once for all workers of the test run."""
    folder = tmp_path_factory.getbasetemp()
    with shared_image(folder if worker_id == "master" else folder.parent) as found:
        yield found


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server to make databases in."""
    with external_or_private() as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of the test's own, to stop, freeze and restart."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def dialect(request: pytest.FixtureRequest) -> str:
    """Each kind of database in turn."""
    return str(request.param)


@pytest.fixture
def new_body(request: pytest.FixtureRequest) -> Iterator[Callable[[str], dict[str, str]]]:
    """Return what to POST to set up a fresh database of a dialect."""
    made = []

    def body(dialect: str) -> dict[str, str]:
        if dialect == "sqlite":
            return {"type": "sqlite"}
        server: Postgres = request.getfixturevalue("postgres")
        uri = server.create_database()
        made.append((server, uri))
        return {"type": "postgres", "connectionString": uri}

    yield body
    for server, uri in made:
        server.drop_database(uri)


@pytest.fixture
def body(dialect: str, new_body: Callable[[str], dict[str, str]]) -> dict[str, str]:
    """What to POST to set up a fresh database of ``dialect``."""
    return new_body(dialect)


@pytest.fixture
def serve(data_dir: Path) -> Iterator[Serve]:
    """Start real servers over ``data_dir``; keyword arguments are variables."""
    started = []

    def start(*, wait: bool = True, command: list[str] | None = None, **variables: str) -> Server:
        server = Server(data_dir, variables, command)
        started.append(server)
        server.start(wait=wait)
        return server

    yield start
    for server in started:
        server.kill()


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """What drives browsers, once in a process."""
    from playwright.sync_api import sync_playwright  # slow, and rarely needed

    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """A browser, which at the end has asked no other host for anything."""
    from tests.support.browser import launched

    with launched(playwright) as browser:
        yield browser
