"""What the first page of somebody weighs, how soon it is there, and that it then stays put."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Enter
from tests.browser.states import log_in
from tests.support.loading import loaded, shifts
from tests.support.stage import Stage

KILOBYTES = 60
SECONDS = 3  # beside other tests; `make bench` measures it alone, where the goal is 0.3


@pytest.mark.parametrize(
    ("kind", "path"), [("new", "/setup"), ("sqlite", "/login"), ("sqlite", "/")]
)
def test_the_first_page_is_light_quick_and_calm(
    stage: Stage, enter: Enter, kind: str, path: str
) -> None:
    visitor = enter(stage.server(kind))
    if path == "/":
        log_in(visitor)
    visitor.page.goto(path)
    took = loaded(visitor.page)

    assert visitor.page.url.endswith(path)
    assert 1_000 < took.transferred < KILOBYTES * 1000
    assert took.first_paint < SECONDS * 1000
    assert shifts(visitor.page) == []
