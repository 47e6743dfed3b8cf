"""The steps of the wizard, as somebody takes them."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from playwright.sync_api import Page, expect

from tests.support.people import PASSWORD, PERSON

SET_UP = "Where should your data live?"
ACCOUNT = "Your administrator account"
RUNNING = "A setup is running"
ALREADY = "This server is already set up"


def heading(page: Page, text: str) -> None:
    """See that this is what a page is about."""
    expect(page.locator("h1:visible")).to_have_text(text, timeout=30_000)


def choose_sqlite(page: Page) -> None:
    """Choose SQLite."""
    page.get_by_role("radio", name="SQLite").check()


def paste(page: Page, uri: str) -> None:
    """Choose PostgreSQL, by a connection string."""
    page.get_by_role("radio", name="PostgreSQL").check()
    page.locator("[name=connectionString]").fill(uri)


def type_in(page: Page, uri: str) -> None:
    """Choose PostgreSQL, with each part in its field, the password as it is."""
    page.get_by_role("radio", name="PostgreSQL").check()
    parts = urlsplit(uri)
    page.get_by_label("Host").fill(parts.hostname or "")
    page.get_by_label("Port").fill(str(parts.port))
    page.get_by_label("Database", exact=True).fill(unquote(parts.path[1:]))
    page.get_by_label("User", exact=True).fill(unquote(parts.username or ""))
    page.get_by_label("Password", exact=True).fill(unquote(parts.password or ""))


def press_test(page: Page) -> None:
    """Press the button."""
    page.get_by_role("button", name="Test connection").click()


def set_up(page: Page) -> None:
    """Press the button."""
    page.get_by_role("button", name="Set up").click()


def make_account(page: Page) -> None:
    """Fill the third step in, and send it."""
    heading(page, ACCOUNT)
    page.get_by_label("E-mail address").fill(PERSON["email"])
    page.get_by_label("Username").fill(PERSON["username"])
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
