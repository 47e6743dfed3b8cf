"""Setting up with others in the way: no token, another browser, a reload, a server that dies."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser import wizard
from tests.browser.conftest import Enter
from tests.support.people import PERSON
from tests.support.postgres import PostgresServer
from tests.support.refusing import PASSWORD
from tests.support.stage import Gate, Stage, set_up

WAITING = "Waiting for the database"
TOKEN = "Who are you?"
ALWAYS = {"DEPLOYSTACK_SETUP_TOKEN_MODE": "always"}


def test_the_token_is_typed_in(stage: Stage, enter: Enter) -> None:
    server = stage.server("guarded")
    token = (server.data_dir / "setup.token").read_text().strip()
    page = enter(server).page
    page.goto("/")
    wizard.heading(page, TOKEN)
    field = page.get_by_label("Setup token", exact=True)
    expect(page.get_by_text("flask db setup-token")).to_be_visible()
    field.fill("wrong")
    page.keyboard.press("Enter")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    expect(page.locator("#field-token-error")).to_contain_text("not the setup token")

    field.fill(token)
    page.keyboard.press("Enter")
    wizard.heading(page, wizard.SET_UP)
    page.reload()
    wizard.heading(page, wizard.SET_UP)


@pytest.mark.parametrize("scripts", [True, False], ids=["javascript", "none"])
def test_the_token_opens_all_steps(scripts: bool, stage: Stage, enter: Enter) -> None:
    server = stage.fresh(f"token-{scripts}", ALWAYS)
    token = (server.data_dir / "setup.token").read_text().strip()
    visitor = enter(server, java_script_enabled=scripts)
    page = visitor.page
    sent: list[str] = []
    visitor.context.on("request", lambda request: sent.append(request.url))
    if scripts:
        page.goto(f"/setup#token={token}")
        wizard.heading(page, wizard.SET_UP)
        assert token not in visitor.kept() + page.content()
        page.go_back()
        assert token not in page.url
        page.go_forward()
    else:
        page.goto("/setup")
        page.get_by_label("Setup token", exact=True).fill(token)
        page.get_by_role("button", name="Continue").click()
    wizard.heading(page, wizard.SET_UP)
    wizard.set_up(page)
    wizard.make_account(page)
    wizard.heading(page, f"All set, {PERSON['username']}")
    assert not [url for url in sent if token in url]
    assert token not in server.log.read_text()
    assert "deploystack_setup" not in str(visitor.context.cookies())


@pytest.mark.parametrize("kind", ["new", "ownerless", "sqlite", "away"])
def test_a_token_that_nobody_asks_for_leaves_the_address(
    kind: str, stage: Stage, enter: Enter
) -> None:
    visitor = enter(stage.server(kind))
    page = visitor.page
    page.goto("/setup#token=s3cret-token")
    page.wait_for_url("/setup")
    page.evaluate("location.hash = 'token=s3cret-token'")
    page.wait_for_url("/setup")
    assert "s3cret-token" not in visitor.kept()


def test_two_browsers_and_a_reload(stage: Stage, enter: Enter) -> None:
    gate = Gate(stage.folder / "two")
    server = stage.start(stage.folder / "two", gate.variables)
    first, second, third = (enter(server).page for _ in range(3))
    for page in (first, second):
        page.goto("/setup")
    wizard.set_up(first)
    server.until(lambda: gate.is_reached, 20)
    wizard.heading(first, "Setting up")
    expect(first.locator("#progress-steps li").first).to_have_class("is-done")
    expect(first.locator("#progress-steps .is-running")).to_have_text("Plugin gated")
    expect(first.locator("#progress-status")).to_contain_text("Plugin gated: step")

    wizard.set_up(second)
    third.goto("/")
    for page in (second, third):
        wizard.heading(page, wizard.RUNNING)
        expect(page.locator("#progress-steps .is-running")).to_have_text("Plugin gated")
    first.reload()
    wizard.heading(first, wizard.RUNNING)

    gate.open()
    for page in (first, second, third):
        wizard.heading(page, wizard.ACCOUNT)
    wizard.make_account(second)
    wizard.heading(second, f"All set, {PERSON['username']}")
    wizard.make_account(first)
    wizard.heading(first, wizard.ALREADY)
    third.reload()
    wizard.heading(third, wizard.ALREADY)
    second.go_back()
    wizard.heading(second, wizard.ALREADY)
    expect(second.get_by_role("link", name="Go to the console")).to_be_visible()


def test_a_server_that_dies_in_the_middle(stage: Stage, enter: Enter) -> None:
    gate = Gate(stage.folder / "dies")
    server = stage.start(stage.folder / "dies", gate.variables)
    visitor = enter(server)
    page = visitor.page
    page.goto("/setup")
    wizard.set_up(page)
    server.until(lambda: gate.is_reached, 20)
    server.kill()
    expect(page.locator("#progress-status")).to_contain_text("does not answer")

    server.start()
    wizard.heading(page, wizard.SET_UP)
    expect(page.get_by_role("alert")).to_contain_text("Nothing is half done")
    page.reload()
    expect(page.locator("#interrupted")).to_be_visible()
    gate.open()
    wizard.set_up(page)
    wizard.heading(page, wizard.ACCOUNT)
    visitor.watch.forget("ERR_")


def test_a_server_that_is_stopped_goes_on_where_it_was(stage: Stage, enter: Enter) -> None:
    server = stage.fresh("stopped")
    visitor = enter(server)
    page = visitor.page
    page.goto("/setup")
    server.stop()
    wizard.press_test(page)
    expect(page.get_by_role("alert")).to_contain_text("server does not answer")
    server.start()
    wizard.set_up(page)
    wizard.heading(page, wizard.ACCOUNT)
    server.stop()
    server.start()
    wizard.make_account(page)
    wizard.heading(page, f"All set, {PERSON['username']}")
    visitor.watch.forget("ERR_CONNECTION_REFUSED")


def test_a_database_that_goes_away_in_the_middle(
    stage: Stage, enter: Enter, own_postgres: PostgresServer
) -> None:
    gate = Gate(stage.folder / "lost")
    server = stage.start(stage.folder / "lost", gate.variables)
    role = own_postgres.create_role(password=PASSWORD)
    uri = own_postgres.create_database(owner=role)
    visitor = enter(server)
    page = visitor.page
    page.goto("/setup")
    wizard.type_in(page, uri)
    wizard.set_up(page)
    server.until(lambda: gate.is_reached, 20)
    own_postgres.stop("immediate")
    gate.open()
    wizard.heading(page, wizard.SET_UP)
    see_failed(page)
    expect(page.get_by_label("Password", exact=True)).to_have_value(PASSWORD)
    assert server.status()["configured"] is False
    assert PASSWORD not in visitor.kept() + page.content()

    own_postgres.start()
    wizard.set_up(page)
    wizard.heading(page, wizard.ACCOUNT)

    own_postgres.stop()
    page.goto("/setup")
    wizard.heading(page, WAITING)
    own_postgres.start()
    wizard.heading(page, wizard.ACCOUNT)  # by itself

    def mend_first(route: Route) -> None:
        """Let the database come back before the page begins to look whether it does."""
        own_postgres.start()
        server.until(lambda: all(server.get("/readyz").status == 200 for _ in range(10)), 20)
        route.continue_()

    own_postgres.stop()
    page.route("**/wait.js", mend_first)
    page.goto("/setup")
    wizard.heading(page, wizard.ACCOUNT)


def test_a_choice_that_cannot_be_read(stage: Stage, enter: Enter) -> None:
    server = stage.fresh("unreadable-for-a-while")
    set_up(server, {"type": "sqlite"})
    page = enter(server).page
    selection = server.data_dir / "db.selection.json"
    chosen = selection.read_text()
    selection.write_text("{")
    page.goto("/")
    page.goto("/setup")
    wizard.heading(page, "The choice of database cannot be read")
    expect(page.get_by_text("Setting up stays closed")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    selection.write_text(chosen)
    wizard.heading(page, wizard.ACCOUNT)  # by itself


def see_failed(page: Page) -> None:
    """See that it is said what failed, in one place or the other."""
    said = page.locator("#failure:visible, #remedy:visible")
    expect(said).to_have_count(1)
    expect(said.locator(".failure-sentence")).not_to_be_empty()
