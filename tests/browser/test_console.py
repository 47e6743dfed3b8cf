"""What an administrator does in the console, and what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Dialog, Page, Route, expect

from tests.browser.conftest import Enter
from tests.browser.states import CHANGE, log_in
from tests.support.mail import MailServer
from tests.support.people import PASSWORD
from tests.support.server import Server
from tests.support.stage import Stage, make_administrator, plugins, set_up


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server of these tests is."""
    return tmp_path_factory.mktemp("console")


@pytest.fixture(scope="module")
def server(stage: Stage, home: Path) -> Iterator[Server]:
    """A server that the tests here may change."""
    server = stage.start(home, plugins(home))
    set_up(server, {"type": "sqlite"})
    make_administrator(server)
    yield server
    server.kill()


@pytest.fixture
def page(server: Server, enter: Enter) -> Page:
    """A page of the administrator's."""
    visitor = enter(server)
    log_in(visitor)
    return visitor.page


def save(page: Page, said: str = "Saved.") -> None:
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#status")).to_have_text(said)


def test_a_setting_is_changed_and_stays_so(page: Page) -> None:
    page.goto("/settings/smtp")
    host, port = page.locator("[name='smtp.host']"), page.locator("[name='smtp.port']")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#status")).to_have_text("Nothing is changed.")

    host.fill("mail.example.org")
    expect(page.locator("#status")).to_have_text("One unsaved change.")
    port.fill("ninety")
    page.get_by_role("button", name="Save").click()
    expect(port).to_be_focused()
    expect(port).to_have_attribute("aria-invalid", "true")
    expect(page.locator(f"#{port.get_attribute('id')}-error")).to_be_visible()

    port.fill("2525")
    save(page)
    expect(port).not_to_have_attribute("aria-invalid", "true")
    page.reload()
    expect(host).to_have_value("mail.example.org")
    expect(port).to_have_value("2525")


def test_a_secret_can_be_written_and_never_read(page: Page) -> None:
    page.goto("/settings/smtp")
    secret = page.locator("[data-setting='smtp.password']")
    expect(secret.locator("[data-secret-state]")).to_have_text("Not set")
    secret.get_by_role("button", name="Set it").click()
    expect(secret.locator("input")).to_be_focused()
    page.keyboard.type("c4nary-of-mail")
    save(page)
    expect(secret.locator("[data-secret-state]")).to_have_text("Set")
    expect(secret.locator("input")).to_have_value("")
    expect(secret.get_by_role("button", name="Replace")).to_be_visible()

    for path in ("/settings/smtp", "/database/tables/global_settings?per_page=100", "/log"):
        page.goto(path)
        assert "c4nary-of-mail" not in page.content()
    page.goto("/database/tables/global_settings?column=key&operator=is&value=smtp.password")
    expect(page.locator(".masked")).to_have_count(1)

    page.goto("/settings/smtp")
    secret.get_by_role("button", name="Clear").click()
    save(page)
    expect(secret.locator("[data-secret-state]")).to_have_text("Not set")


def test_two_change_the_same_setting(server: Server, page: Page, enter: Enter) -> None:
    other = enter(server)
    log_in(other)
    for each in (page, other.page):
        each.goto("/settings/global")
    field = "[name='global.page_url']"
    page.locator(field).fill("https://first.example.org")
    save(page)

    other.page.locator(field).fill("https://second.example.org")
    other.page.get_by_role("button", name="Save").click()
    dispute = other.page.locator("[data-conflict]:visible")
    expect(dispute).to_contain_text("https://first.example.org")
    expect(dispute).to_contain_text("https://second.example.org")
    dispute.get_by_role("button", name="Keep mine").click()
    save(other.page)
    page.reload()
    expect(page.locator(field)).to_have_value("https://second.example.org")


def test_what_is_typed_during_a_save_stays_unsaved(page: Page) -> None:
    page.goto("/settings/smtp")
    host, name = page.locator("[name='smtp.host']"), page.locator("[name='smtp.from_name']")
    secret = page.locator("[data-setting='smtp.password']")

    def type_meanwhile(route: Route) -> None:
        answer = route.fetch()
        host.fill("later.example.org")
        name.fill("Later")
        secret.locator("input").fill("typed-later")
        route.fulfill(response=answer)

    page.route("**/api/settings/bulk", type_meanwhile, times=1)
    host.fill("sent.example.org")
    secret.get_by_role("button", name=re.compile("Replace|Set it")).click()
    secret.locator("input").fill("sent-first")
    save(page, "Saved. Unsaved changes: 3.")
    expect(host).to_have_value("later.example.org")
    expect(name).to_have_value("Later")
    expect(secret.locator("input")).to_have_value("typed-later")
    expect(page.locator("[data-conflict]:visible")).to_have_count(0)

    save(page)
    page.reload()
    expect(host).to_have_value("later.example.org")
    expect(name).to_have_value("Later")


def test_saving_again_does_not_decide_a_conflict(page: Page) -> None:
    page.goto("/settings/smtp")
    host = page.locator("[name='smtp.host']")
    secret = page.locator("[data-setting='smtp.password']")
    replace = secret.get_by_role("button", name=re.compile("Replace|Set it"))
    host.fill("mine.example.org")
    replace.click()
    secret.locator("input").fill("mine-of-mail")
    for key, value in (("smtp.host", "theirs.example.org"), ("smtp.password", "theirs-of-mail")):
        assert page.evaluate(CHANGE, [key, value])

    disputes, failure = page.locator("[data-conflict]:visible"), page.locator("#failure")
    for _ in range(2):
        page.get_by_role("button", name="Save").click()
        expect(disputes).to_have_count(2)
        expect(disputes.first).to_be_focused()
        expect(failure).to_contain_text("Choose which to keep")
    assert (
        page.evaluate(
            "async () => (await (await fetch('/api/settings/smtp.host')).json()).data.value"
        )
        == "theirs.example.org"
    )

    disputes.last.get_by_role("button", name="Take theirs").click()
    expect(replace).to_be_focused()
    expect(failure).to_be_visible()
    disputes.get_by_role("button", name="Take theirs").click()
    expect(host).to_be_focused()
    expect(host).to_have_value("theirs.example.org")
    expect(failure).to_be_hidden()
    save(page, "Nothing is changed.")


def test_an_arrow_key_makes_nobody_an_administrator(page: Page) -> None:
    page.goto("/users")
    form = page.locator("#create")
    form.locator("[name=username]").fill("carol")
    form.locator("[name=email]").fill("carol@example.org")
    form.locator("[name=password]").fill(PASSWORD)
    form.get_by_role("button", name="Create the account").click()
    role = page.get_by_label("Role of carol", exact=True)
    button = page.get_by_role("button", name="Save the role of carol")
    expect(role).to_have_value("global_user")
    expect(button).to_be_hidden()
    for key, is_offered in (("ArrowUp", True), ("ArrowDown", False), ("Home", True)):
        role.press(key)
        expect(button).to_be_visible(visible=is_offered)
    page.reload()
    expect(role).to_have_value("global_user")
    expect(button).to_be_hidden()

    role.press("Home")
    page.keyboard.press("Tab")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_have_text("carol has another role now.")
    expect(role).to_be_focused()
    expect(button).to_be_hidden()
    page.reload()
    expect(role).to_have_value("global_admin")


def test_what_is_unsaved_is_not_lost_by_accident(page: Page) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.goto("/settings/smtp")
    page.locator("[name='smtp.username']").fill("somebody")
    page.get_by_role("link", name="Overview").click()
    expect(page.locator("[name='smtp.username']")).to_have_value("somebody")
    assert asked == ["beforeunload"]

    page.get_by_role("button", name="Discard").click()
    expect(page.locator("[name='smtp.username']")).to_have_value("")
    page.get_by_role("link", name="Overview").click()
    page.wait_for_url("/")
    assert len(asked) == 1


def test_a_message_is_sent_to_see_whether_mail_works(page: Page) -> None:
    with MailServer() as mail:
        page.goto("/settings/smtp")
        page.locator("[name='smtp.host']").fill("127.0.0.1")
        page.locator("[name='smtp.port']").fill(str(mail.port))
        page.locator("[name='smtp.from_email']").fill("app@example.org")
        secure = page.locator("[name='smtp.secure']")
        secure.set_checked(False)
        save(page)
        page.goto("/settings/global")
        page.locator("[name='global.send_mail']").check()
        save(page)

        page.goto("/settings/smtp")
        page.get_by_label("To", exact=True).fill("alice@example.org")
        page.get_by_role("button", name="Send").click()
        expect(page.locator("#mail-status")).to_have_text(
            "The message was sent to alice@example.org."
        )
        assert [received.recipients for received in mail.received] == [["alice@example.org"]]

    page.get_by_role("button", name="Send").click()
    expect(page.locator("#mail-status")).to_contain_text("smtp.host")


def test_a_plugin_that_failed_is_tried_again(page: Page, home: Path) -> None:
    page.goto("/")
    expect(page.get_by_text("needs your attention")).to_be_visible()
    page.get_by_role("link", name="Manage plugins").click()
    broken = page.get_by_role("region", name="broken")
    expect(broken).to_contain_text("flask plugins show broken")
    broken.get_by_role("button", name="Try again").click()
    expect(broken.get_by_role("alert")).to_be_visible()

    (home / "plugins" / "mended").touch()
    broken.get_by_role("button", name="Try again").click()
    expect(page.locator("#status")).to_have_text("broken works.")
    expect(broken.get_by_role("button", name="Try again")).to_have_count(0)
    page.goto("/")
    expect(page.get_by_text("Everything works.")).to_be_visible()


def test_a_token_is_shown_once_works_and_is_revoked(server: Server, page: Page) -> None:
    page.goto("/account")
    page.get_by_role("button", name="Create the token").click()
    expect(page.locator("#token [name=name]")).to_be_focused()
    page.locator("#token [name=name]").fill("backup")
    page.locator("#token [name=scopes][value='settings.view']").check()
    page.get_by_role("button", name="Create the token").click()
    expect(page.locator("#new-token")).to_be_focused()
    token = page.get_by_label("New token").input_value()
    bearer = {"Authorization": f"Bearer {token}"}
    assert server.get("/api/settings", bearer).status == 200
    assert server.get("/api/users", bearer).status == 403

    page.reload()
    assert token not in page.content()
    page.get_by_role("button", name="Revoke backup").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Revoke backup")).to_be_focused()
    page.get_by_role("button", name="Revoke backup").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.locator("#token-status")).to_have_text("backup is revoked.")
    assert server.get("/api/settings", bearer).status == 401


def test_rows_are_sorted_filtered_and_paged(page: Page) -> None:
    page.goto("/database")
    page.get_by_role("link", name="global_settings", exact=True).last.click()
    page.get_by_label("Rows on a page").select_option(index=0)
    page.get_by_role("button", name="Show").click()
    keys = page.locator("table.data tbody tr td:first-child")
    first = keys.all_inner_texts()
    page.get_by_role("columnheader").get_by_role("link", name="key").click()
    expect(page.get_by_role("columnheader", name="key")).to_have_attribute("aria-sort", "ascending")
    assert keys.all_inner_texts() == sorted(first)
    page.get_by_role("columnheader").get_by_role("link", name="key").click()
    expect(page.get_by_role("columnheader", name="key")).to_have_attribute(
        "aria-sort", "descending"
    )

    page.get_by_label("Column", exact=True).select_option("key")
    page.get_by_label("Comparison").select_option("begins")
    page.get_by_label("Value").fill("smtp.")
    page.get_by_role("button", name="Show").click()
    expect(keys.first).to_have_text(re.compile(r"^smtp\."))
    assert all(key.startswith("smtp.") for key in keys.all_inner_texts())
    page.get_by_role("link", name="Take away the filter").click()
    expect(page.get_by_role("link", name="Take away the filter")).to_have_count(0)


def test_reading_needs_no_javascript(server: Server, enter: Enter) -> None:
    visitor = enter(server, java_script_enabled=False)
    log_in(visitor)
    for path, heading in [
        ("/", "Overview"),
        ("/database", "Database"),
        ("/database/tables/users", "users"),
        ("/settings/smtp", "Settings"),
        ("/plugins", "Plugins"),
        ("/account", "Account"),
    ]:
        visitor.page.goto(path)
        expect(visitor.page.get_by_role("heading", level=1)).to_have_text(heading)

    # What only a script can send, nothing sends: least of all a password, in the address.
    for path, form in [
        ("/account", "#password"),
        ("/users", "#create"),
        ("/settings/smtp", "#mail"),
    ]:
        visitor.page.goto(path)
        for button in visitor.page.locator("main form [type=submit]").all():
            expect(button).to_be_disabled()
        visitor.page.locator(f"{form} input:visible").last.fill(PASSWORD)
        visitor.page.keyboard.press("Enter")
        with visitor.page.expect_navigation():
            visitor.page.evaluate("form => document.querySelector(form).submit()", form)
        assert PASSWORD not in visitor.page.url
