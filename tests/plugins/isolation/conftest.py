"""A folder with two plugins that work, to which each test adds a bad one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from deploystack.database import get_database
from tests.conftest import MakeApp
from tests.support.applications import set_up
from tests.support.plugins import Folder, Snapshots, alike

Start = Callable[..., Flask]
Everything = dict[str, list[Any]]

SECONDS = "10"
"""How long a hook may take: longer than any does, and shorter than somebody waits."""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """The folder."""
    folder = Folder(tmp_path / "plugins")
    folder.add_good()
    return folder


@pytest.fixture
def start(make_app: MakeApp, folder: Folder) -> Start:
    """Make applications with the plugins in ``folder``, as each start of the program does."""

    def start(**variables: Any) -> Flask:
        return make_app(
            **{
                "DEPLOYSTACK_PLUGINS_PATH": folder.path,
                "DEPLOYSTACK_PLUGIN_TIMEOUT": SECONDS,
                "DEPLOYSTACK_LOG_LEVEL": "INFO",
                **variables,
            }
        )

    return start


@pytest.fixture
def direct(body: dict[str, str], data_dir: Path) -> Snapshots:
    """The database that ``body`` sets up, past the application."""
    return Snapshots(body, data_dir)


@dataclass
class Running:
    """A site that was set up with the two plugins, and is stopped.

    Attributes:
        data_dir: its data folder.
        direct: its database.
        found: what was in the database.
        is_as_it_was: whether the next test may have it, too.
    """

    data_dir: Path
    direct: Snapshots
    found: Everything
    is_as_it_was: bool = False


@pytest.fixture(scope="session")
def sites() -> dict[str, Running]:
    """The sites that are as they were, by dialect."""
    return {}


@pytest.fixture
def running(
    dialect: str,
    request: pytest.FixtureRequest,
    start: Start,
    sites: dict[str, Running],
    tmp_path: Path,
) -> Iterator[Running]:
    """A running site, at the moment in which it is started again.

    What is left as it was is used again: that is what these tests are about.
    """
    site = sites.pop(dialect, None)
    if site is None:
        body = {"type": "sqlite"}
        if dialect == "postgres":
            uri = request.getfixturevalue("postgres").create_database()
            body = {"type": "postgres", "connectionString": uri}
        app = start(DEPLOYSTACK_DATA_DIR=tmp_path / "site")
        set_up(app, body)
        get_database(app).close()
        site = Running(tmp_path / "site", Snapshots(body, tmp_path / "site"), {})
    site.found, site.is_as_it_was = site.direct.everything(), False
    yield site
    if site.is_as_it_was:
        sites[dialect] = site


@pytest.fixture(scope="session")
def references() -> dict[str, Everything]:
    """What ``reference`` has found, by dialect."""
    return {}


@pytest.fixture
def reference(
    dialect: str,
    new_body: Callable[[str], dict[str, str]],
    make_app: MakeApp,
    tmp_path: Path,
    references: dict[str, Everything],
) -> Everything:
    """What a site holds after a setup with the two plugins and no other."""
    if dialect not in references:
        folder, body = Folder(tmp_path / "reference"), new_body(dialect)
        folder.add_good()
        data_dir = tmp_path / "other"
        app = make_app(DEPLOYSTACK_PLUGINS_PATH=folder.path, DEPLOYSTACK_DATA_DIR=data_dir)
        set_up(app, body)
        references[dialect] = alike(Snapshots(body, data_dir).everything())
        get_database(app).close()
    return references[dialect]
