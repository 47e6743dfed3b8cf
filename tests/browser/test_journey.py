"""The whole way, from an empty folder to a changed setting."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser import wizard
from tests.browser.conftest import Enter
from tests.support.people import PASSWORD, PERSON
from tests.support.refusing import PASSWORD as ODD_PASSWORD
from tests.support.server import Server
from tests.support.stage import Stage


@pytest.fixture
def uri(stage: Stage) -> Iterator[str]:
    """A database whose password has every character that a connection string cannot hold."""
    role = stage.postgres.create_role(password=ODD_PASSWORD)
    uri = stage.postgres.create_database(owner=role)
    yield uri
    stage.postgres.drop_database(uri)
    stage.postgres.drop_role(role.name)


def change_a_setting(page: Page, server: Server) -> None:
    """Change a setting in the console, and see it changed in every worker."""
    page.get_by_role("link", name="Go to the console").click()
    wizard.heading(page, "Overview")
    page.get_by_role("link", name="Settings", exact=True).click()
    page.locator("[name='global.page_url']").fill("https://app.example.org")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#status")).to_have_text("Saved.")
    page.reload()
    expect(page.locator("[name='global.page_url']")).to_have_value("https://app.example.org")


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_from_an_empty_folder_to_a_changed_setting(
    dialect: str, uri: str, stage: Stage, enter: Enter
) -> None:
    server = stage.fresh(f"journey-{dialect}")
    server.until(lambda: len(server.workers()) > 1)
    visitor = enter(server)
    page = visitor.page
    sent: list[str] = []
    visitor.context.on("request", lambda request: sent.append(request.url))
    page.goto("/settings")
    assert urlsplit(page.url).path == "/setup"
    wizard.heading(page, wizard.SET_UP)

    if dialect == "sqlite":
        wizard.choose_sqlite(page)
        expect(page.get_by_text("deploystack.db")).to_be_visible()
    else:
        wizard.type_in(page, uri)
    wizard.press_test(page)
    expect(page.get_by_role("heading", name="This database can be used")).to_be_focused()
    expect(page.locator(".checks .is-passed")).to_have_count(2 if dialect == "sqlite" else 7)
    assert server.status()["configured"] is False
    wizard.set_up(page)
    wizard.heading(page, wizard.ACCOUNT)
    assert ODD_PASSWORD not in visitor.kept() + page.content()

    page.get_by_label("Password", exact=True).fill("password")
    expect(page.locator("#strength")).to_contain_text("Too easy")
    page.get_by_role("button", name="Create the account").click()
    expect(page.locator("[aria-invalid=true]").first).to_be_focused()
    wizard.make_account(page)
    wizard.heading(page, f"All set, {PERSON['username']}")
    expect(page.get_by_text("tables").first).to_be_visible()
    kept = visitor.kept() + page.content()
    change_a_setting(page, server)

    assert PASSWORD not in kept
    assert {server.get("/readyz").status for _ in range(10)} == {200}
    for secret in (PASSWORD, ODD_PASSWORD, quote(ODD_PASSWORD, safe="")):
        assert not [url for url in sent if secret in url]
        assert secret not in server.log.read_text()
    page.goto("/setup")
    wizard.heading(page, wizard.ALREADY)


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_without_javascript(dialect: str, uri: str, stage: Stage, enter: Enter) -> None:
    server = stage.fresh(f"plain-{dialect}")
    page = enter(server, java_script_enabled=False).page
    page.goto("/")
    if dialect == "postgres":
        wizard.paste(page, "nonsense")
        wizard.press_test(page)
        expect(page.get_by_role("radio", name="PostgreSQL")).to_be_checked()
        expect(page.get_by_text("must start with postgresql://").first).to_be_visible()
        wizard.paste(page, uri)
    wizard.press_test(page)
    expect(page.get_by_role("heading", name="This database can be used")).to_be_visible()
    assert ODD_PASSWORD not in page.content()
    if dialect == "postgres":
        wizard.type_in(page, uri)
    wizard.set_up(page)
    wizard.make_account(page)
    wizard.heading(page, f"All set, {PERSON['username']}")
    page.get_by_role("link", name="Go to the console").click()
    wizard.heading(page, "Overview")
    page.go_back()
    page.go_back()
    page.reload()
    assert PASSWORD not in page.content()


def test_with_the_keyboard_alone(stage: Stage, enter: Enter) -> None:
    visitor = enter(stage.fresh("keyboard"))
    page = visitor.page
    page.goto("/")
    wizard.heading(page, wizard.SET_UP)

    def to(name: str) -> None:
        """Press Tab until the focus is on what is called so; it must be seen there."""
        for _ in range(30):
            page.keyboard.press("Tab")
            focused = page.evaluate(FOCUSED)
            assert focused["outline"] != "none" or focused["name"] == "", focused
            if focused["name"].startswith(name):
                return
        raise AssertionError(f"Tab leads never to {name}")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("radio", name="SQLite")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="PostgreSQL")).to_be_checked()
    expect(page.get_by_label("Host")).to_be_visible()
    page.keyboard.press("ArrowUp")
    to("Test connection")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="This database can be used")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Set up")).to_be_focused()
    page.keyboard.press("Space")

    wizard.heading(page, wizard.ACCOUNT)
    expect(page.locator("h1")).to_be_focused()
    to("E-mail address")
    page.keyboard.type(PERSON["email"])
    page.keyboard.press("Tab")
    page.keyboard.type(PERSON["username"])
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    to("Create the account")
    page.keyboard.press("Enter")
    wizard.heading(page, f"All set, {PERSON['username']}")
    to("Go to the console")
    page.keyboard.press("Enter")
    wizard.heading(page, "Overview")


FOCUSED = """() => {
    const element = document.activeElement;
    const label = element.labels?.[0]?.textContent ?? element.getAttribute("aria-label");
    const shown = element.matches(".choice input") ? element.closest(".choice") : element;
    return {
        name: (label ?? element.textContent).trim(),
        outline: getComputedStyle(shown).outlineStyle,
    };
}"""
