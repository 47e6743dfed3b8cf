"""What every test may ask for: applications, real servers, real databases."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

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

HERE = Path(__file__).parent
DIALECTS = ("sqlite", "postgres")
PROCESSES = {"commands", "enter", "machine", "serve"}
"""Fixtures that start processes."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Have two processes more than there are processors: servers and browsers are waited for."""
    return len(os.sched_getaffinity(0)) + 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave half of what is tried on both databases, and takes long, to ``make test-slow``.

    Long take the tests that start processes, and the many of plugins. In each file the databases
    take turns, from case to case, so that each kind of failure is met on both. What is marked
    ``both`` is about the databases themselves, and is ordinarily tried on both.
    """
    cases: dict[object, dict[str, pytest.Item]] = {}
    for item in items:
        if isinstance(item, pytest.Function) and hasattr(item, "callspec") and _takes_turns(item):
            params = item.callspec.params
            others = {name: value for name, value in params.items() if value not in DIALECTS}
            for dialect in [name for name in DIALECTS if name in params.values()]:
                case = (item.path, item.originalname, repr(others))
                cases.setdefault(case, {})[dialect] = item
    turns: dict[Path, int] = {}
    for case in cases.values():
        if len(case) == len(DIALECTS):
            path = case["sqlite"].path
            turn = turns[path] = turns.get(path, crc32(path.name.encode())) + 1
            case[DIALECTS[turn % 2]].add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """Look for garbage seldom, and not among what is there until the end: a sixth of all time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _takes_turns(item: pytest.Function) -> bool:
    if item.get_closest_marker("both"):
        return False
    return bool(PROCESSES.intersection(item.fixturenames)) or item.path.is_relative_to(
        HERE / "plugins"
    )


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
    """Keep the developer's own variables out of the tests, and our plugins out of pytest in them.

    Authors of plugins do not have those, which take 1.5 s of each start.
    """
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:anyio -p no:hypothesispytest -p no:schemathesis")
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
def common(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder of the test run, in which its workers share what takes long to make."""
    folder = tmp_path_factory.getbasetemp()
    return folder if worker_id == "master" else folder.parent


@pytest.fixture(scope="session")
def image(common: Path) -> Iterator[Image]:
    """The image that the Dockerfile describes."""
    with shared_image(common) as found:
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
