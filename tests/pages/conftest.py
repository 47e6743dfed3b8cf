"""A reader for the page that a test names: ``@pytest.mark.page("how-to/proxy.md")``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machine import Machine
from tests.support.pages import DOCS
from tests.support.reader import Reader


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
