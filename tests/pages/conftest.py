"""A reader for the page that a test names: ``@pytest.mark.page("how-to/proxy.md")``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.direct import Direct
from tests.support.machine import Machine
from tests.support.pages import DOCS
from tests.support.reader import Reader
from tests.support.waiting import until

PASSWORD = "correct horse battery"
"""Alice's."""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine with a fresh checkout."""
    made = Machine(tmp_path)
    yield made
    made.close()


@pytest.fixture
def reader(request: pytest.FixtureRequest, machine: Machine) -> Iterator[Reader]:
    """Somebody who reads the page, and has carried out all of it when the test ends."""
    marker = request.node.get_closest_marker("page")
    made = Reader(DOCS / marker.args[0], machine)
    yield made
    assert [block.text for block in made.left] == []


@pytest.fixture
def site(machine: Machine) -> Machine:
    """A machine on which the server runs, and SQLite is set up."""
    machine.serve("make run")
    ended = machine.run(
        "curl -X POST http://127.0.0.1:3000/api/db/setup"
        """ -H 'Content-Type: application/json' -d '{"type": "sqlite"}'"""
    )
    assert ended.code == 0, ended.stdout
    return machine


@pytest.fixture
def owned(site: Machine) -> Machine:
    """A site with an administrator, alice."""
    ended = site.run(
        f"echo '{PASSWORD}' | .venv/bin/flask users create"
        " --username alice --email alice@example.org --admin --password-stdin"
    )
    assert ended.code == 0, ended.stderr
    return site


@pytest.fixture
def direct(machine: Machine) -> Direct:
    """The SQLite database of the machine."""
    return Direct({"type": "sqlite"}, machine.folder / "persistent_data")


@pytest.fixture
def rows(direct: Direct) -> Callable[[str], list[Any]]:
    """Ask the SQLite database of the machine."""
    return direct.rows


def restart(machine: Machine) -> None:
    """Start the server again, and wait until the database is up to date."""
    machine.stop()
    machine.serve("make run")
    until(lambda: machine.run("curl http://127.0.0.1:3000/readyz").code == 0, 30)


def make_known(machine: Machine, line: str) -> None:
    """Import a model beside the others, as the page says, and name it among what they export."""
    models = machine.folder / "deploystack" / "models" / "__init__.py"
    source = models.read_text()
    for after, more in ("LoginSession\n", line), ('    "LoginSession",\n', '    "Note",\n'):
        assert source.count(after) == 1
        source = source.replace(after, after + more)
    models.write_text(source)
