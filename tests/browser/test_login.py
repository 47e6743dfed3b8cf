"""Logging in and out."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Enter
from tests.browser.states import log_in
from tests.support.people import PASSWORD, PERSON
from tests.support.stage import Stage


@pytest.mark.parametrize("scripts", [True, False], ids=["javascript", "none"])
def test_in_and_out(stage: Stage, enter: Enter, scripts: bool) -> None:
    visitor = enter(stage.server("sqlite"), java_script_enabled=scripts)
    page = visitor.page
    page.goto("/plugins")
    assert "/login" in page.url
    page.get_by_label("Username or e-mail").fill(PERSON["username"])
    page.get_by_label("Password", exact=True).fill("not the password")
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert")).to_contain_text("Invalid email/username or password.")
    expect(page.get_by_label("Username or e-mail")).to_have_value(PERSON["username"])
    expect(page.get_by_label("Password", exact=True)).to_have_value("")
    if scripts:
        expect(page.get_by_role("alert")).to_be_focused()

    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("/plugins")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("/login")
    page.goto("/plugins")
    assert "/login" in page.url


def test_the_password_can_be_shown_and_is_kept_nowhere(stage: Stage, enter: Enter) -> None:
    visitor = enter(stage.server("sqlite"))
    page = visitor.page
    page.goto("/login")
    field = page.get_by_label("Password", exact=True)
    field.fill("not the password")
    page.get_by_role("button", name="Show password").click()
    expect(field).to_have_attribute("type", "text")
    page.get_by_label("Username or e-mail").fill(PERSON["username"])
    page.get_by_role("button", name="Log in").click()

    expect(page.get_by_role("alert")).to_be_visible()
    assert "not the password" not in page.content() + visitor.kept()
    page.go_back()
    expect(field).to_have_value("")


def test_the_language_is_the_browsers_until_another_is_chosen(stage: Stage, enter: Enter) -> None:
    visitor = enter(stage.server("sqlite"), locale="de-AT")
    page = visitor.page
    page.goto("/login?next=/plugins")
    expect(page.get_by_role("heading")).to_have_text("Anmelden")
    expect(page.locator("html")).to_have_attribute("lang", "de")

    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading")).to_have_text("Log in")
    log_in(visitor, "/plugins")
    expect(page.locator("html")).to_have_attribute("lang", "en")
