"""People with a browser, and servers that tests can share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import WAIT, Visitor
from tests.support.server import Server
from tests.support.stage import Stage

expect.set_options(timeout=WAIT)

Enter = Callable[..., Visitor]


@pytest.fixture
def enter(browser: Browser) -> Iterator[Enter]:
    """Let somebody come to a server with a browser; at the end no page has done what none may.

    Keyword arguments are options of the browser's context.
    """
    visitors: list[Visitor] = []

    def come(server: Server, **options: Any) -> Visitor:
        visitor = Visitor(browser, server.origin, **options)
        visitors.append(visitor)
        return visitor

    yield come
    for visitor in visitors:
        visitor.context.close()
    assert [fault for visitor in visitors for fault in visitor.watch.faults] == []


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Servers in every state, which tests share and leave as they are."""
    with Stage(tmp_path_factory.mktemp("stage")) as stage:
        yield stage
