"""What several tests of plugins ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MakeApp
from tests.support.site import Site

HERE = Path(__file__).parent
KEPT = 4
"""Of so many tests on PostgreSQL, the ordinary ones keep one."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave most of what is tried on PostgreSQL again, after SQLite, to ``make test-slow``.

    There are a thousand tests of plugins, and nearly all have nothing to do with the kind of the
    database. One of four stays, so that each kind of failure is still met on both.
    """
    again = [
        item
        for item in items
        if isinstance(item, pytest.Function)
        and item.path.is_relative_to(HERE)
        and item.path.name != "test_hooks.py"
        and "postgres" in _parameters(item)
    ]
    for number, item in enumerate(again):
        if number % KEPT:
            item.add_marker(pytest.mark.slow)


def _parameters(item: pytest.Function) -> list[object]:
    return list(item.callspec.params.values()) if hasattr(item, "callspec") else []


@pytest.fixture
def site(tmp_path: Path, data_dir: Path, body: dict[str, str], make_app: MakeApp) -> Site:
    """A site of ``dialect`` with a folder for plugins, which nobody has set up yet."""
    return Site(tmp_path, data_dir, body, make_app)
