"""What several tests of plugins ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MakeApp
from tests.support.site import Site


@pytest.fixture
def site(tmp_path: Path, data_dir: Path, body: dict[str, str], make_app: MakeApp) -> Site:
    """A site of ``dialect`` with a folder for plugins, which nobody has set up yet."""
    return Site(tmp_path, data_dir, body, make_app)
