"""Every page in every state, and how somebody comes to see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from playwright.sync_api import Page

from tests.support.browser import Visitor
from tests.support.people import PASSWORD, PERSON
from tests.support.stage import Stage


class State(NamedTuple):
    """One state of a page.

    Args:
        name: what its picture is called.
        kind: the kind of server that it is on; see `Stage.server`.
        show: brings a page there.
        is_own: whether somebody has to be logged in.
    """

    name: str
    kind: str
    show: Callable[[Page, Stage], None]
    is_own: bool = False


def log_in(visitor: Visitor) -> None:
    """Log in as the administrator."""
    page = visitor.page
    page.goto("/login?next=/livez")
    page.locator("[name=login]").fill(PERSON["username"])
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main [type=submit]").click()
    page.wait_for_url("/livez")


def _at(path: str) -> Callable[[Page, Stage], None]:
    def show(page: Page, _: Stage) -> None:
        page.goto(path)

    return show


def _login_refused(page: Page, _: Stage) -> None:
    page.goto("/login")
    page.locator("[name=login]").fill("alice")
    page.locator("[name=password]").fill("not the password")
    page.locator("main [type=submit]").click()
    page.get_by_role("alert").wait_for()


STATES = [
    State("login", "sqlite", _at("/login")),
    State("login-refused", "sqlite", _login_refused),
    State("not-found", "new", _at("/nowhere")),
    State("database-away", "away", _at("/login")),
]
