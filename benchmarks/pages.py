"""What the first pages weigh in a browser, and how soon something is to be seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from playwright.sync_api import sync_playwright

from benchmarks.figures import Figure, repeat
from benchmarks.starting import server
from tests.support.browser import Visitor, launched
from tests.support.loading import Loaded, loaded
from tests.support.people import PERSON, REGISTER


def pages() -> Iterator[Figure]:
    """Yield bytes and first paint of the wizard and of the overview, nothing cached."""
    with server() as running, sync_playwright() as playwright, launched(playwright) as browser:
        cookies: list[str] = []

        def come(path: str) -> Loaded:
            visitor = Visitor(browser, running.origin)
            for cookie in cookies:
                name, _, value = cookie.split(";")[0].partition("=")
                visitor.context.add_cookies([{"name": name, "value": value, "url": running.origin}])
            visitor.page.goto(path)
            took = loaded(visitor.page)
            assert visitor.page.url == running.origin + path
            visitor.context.close()
            return took

        yield from _figures("the wizard", lambda: come("/setup"))
        assert running.post("/api/db/setup", {"type": "sqlite"}).status == 200
        cookies += running.post(REGISTER, PERSON).headers.get_all("Set-Cookie", [])
        yield from _figures("the overview", lambda: come("/"))


def _figures(name: str, come: Callable[[], Loaded]) -> Iterator[Figure]:
    took: list[Loaded] = []

    def measure() -> float:
        took.append(come())
        return took[-1].first_paint

    yield Figure(f"first paint of {name}", "ms", repeat(measure), "< 300")
    weights = [each.transferred / 1000 for each in took]
    yield Figure(f"all that {name} transfers", "kB", weights, "< 60")
