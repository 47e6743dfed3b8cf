"""What runs from the image."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploystack import __version__
from tests.support.containers.compose import Project
from tests.support.containers.dockerfile import Image
from tests.support.server import ROOT

IMAGE = f"deploystack:{__version__}"

MakeProject = Callable[[str, Path], Project]


@pytest.fixture
def project(image: Image, tmp_path: Path) -> Iterator[MakeProject]:
    """Make projects of a compose file, in a folder that has what is to be beside it."""
    made = []

    def make(name: str, folder: Path) -> Project:
        folder.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, folder)
        one = Project([folder / name], {IMAGE: image}, tmp_path / "engine")
        made.append(one)
        return one

    yield make
    for one in made:
        one.down(volumes=True)
