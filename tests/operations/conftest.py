"""One image for all tests of it, and what runs from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from filelock import FileLock

from tests.support.containers import sandbox
from tests.support.containers.compose import Project, copy_of
from tests.support.containers.dockerfile import Builder, Image
from tests.support.server import ROOT

MakeProject = Callable[[str, Path], Project]


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Image]:
    """The image that the Dockerfile describes, built once for all workers of the test run."""
    sandbox.require()
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    folder, users = shared / "image", shared / "image-users"
    told = folder / "image.json"
    with FileLock(shared / "image.lock"):
        if not told.exists():
            folder.mkdir()
            built = Builder(ROOT, folder).build(ROOT / "Dockerfile")
            told.write_text(json.dumps(asdict(built), default=str))
            users.write_text("")
        users.write_text(users.read_text() + "x")
        found = json.loads(told.read_text())
    yield Image(**{**found, "root": Path(found["root"]), "user": tuple(found["user"])})
    with FileLock(shared / "image.lock"):
        users.write_text(users.read_text()[1:])
        if not users.read_text():  # it is large, and the folders of a test run are kept
            sandbox.as_root_of_a_sandbox("rm", "-rf", str(folder))


@pytest.fixture
def project(image: Image, tmp_path: Path) -> Iterator[MakeProject]:
    """Make projects of a compose file, in a folder that has what is to be beside it."""
    made = []

    def make(name: str, folder: Path) -> Project:
        one = Project(copy_of(ROOT / name, folder), image, tmp_path / "engine")
        made.append(one)
        return one

    yield make
    for one in made:
        one.down(volumes=True)
