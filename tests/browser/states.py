"""Every page in every state, and how somebody comes to see it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlencode

from playwright.sync_api import Page

from tests.browser.wizard import paste
from tests.support.browser import Visitor
from tests.support.people import PASSWORD, PERSON
from tests.support.refusing import refusing
from tests.support.stage import Stage


class State(NamedTuple):
    """One state of a page.

    Args:
        name: what its picture is called.
        kind: the kind of server that it is on; see `Stage.server`.
        show: brings a page there.
        is_own: whether somebody has to be logged in.
        expected: what stands in the one fault that the page cannot but have.
    """

    name: str
    kind: str
    show: Callable[[Page, Stage], None]
    is_own: bool = False
    expected: str = ""


def log_in(visitor: Visitor, path: str = "/livez") -> None:
    """Log in as the administrator, and come to a page."""
    page = visitor.page
    page.goto(f"/login?{urlencode({'next': path})}")
    page.locator("[name=login]").fill(PERSON["username"])
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("main [type=submit]").click()
    page.wait_for_url(path)


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


def _own(name: str, path: str, kind: str = "sqlite") -> State:
    return State(name, kind, _at(path), is_own=True)


def _settings_unsaved(page: Page, _: Stage) -> None:
    page.goto("/settings/smtp")
    page.locator("[name='smtp.host']").fill("mail.example.org")
    page.locator("[data-setting='smtp.password'] [data-replace]").click()
    page.locator("[name='smtp.password']").wait_for()


def _settings_refused(page: Page, _: Stage) -> None:
    page.goto("/settings/smtp")
    page.locator("[name='smtp.port']").fill("ninety")
    page.locator("#save").click()
    page.locator("[aria-invalid=true]").wait_for()


CHANGE = """async ([key, value]) => (await fetch(`/api/settings/${key}`, {
    method: "PUT",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify({value}),
})).ok"""


def _settings_disputed(page: Page, stage: Stage) -> None:
    page.goto("/settings/global")
    field = page.locator("[name='global.page_url']")
    field.fill("https://mine.example.org")
    theirs = f"https://theirs-{secrets.token_hex(3)}.example.org"
    assert page.evaluate(CHANGE, ["global.page_url", theirs])
    page.locator("#save").click()
    page.locator("[data-conflict] button").first.wait_for()


def _token_made(page: Page, _: Stage) -> None:
    page.goto("/account")
    page.locator("#token [name=name]").fill("backup script")
    page.locator("#token [name=scopes]").first.check()
    page.locator("#token [type=submit]").click()
    page.locator("#new-token").wait_for()
    # A picture does not show a token, not even of a server that is gone.
    page.locator("#token-value").evaluate("element => element.value = `dst_${'x'.repeat(43)}`")


def _plugin_fails_again(page: Page, _: Stage) -> None:
    page.goto("/plugins")
    page.locator("[data-retry]").click()
    page.get_by_role("alert").wait_for()


def _asked_before_deleting(page: Page, _: Stage) -> None:
    page.goto("/users")
    form = page.locator("#create")
    if not page.locator("[data-delete]").count():
        form.locator("[name=username]").fill("bob")
        form.locator("[name=email]").fill("bob@example.org")
        form.locator("[name=password]").fill(PASSWORD)
        form.locator("[type=submit]").click()
    page.locator("[data-delete]").first.click()
    page.get_by_role("dialog").wait_for()


def _refused(code: str) -> Callable[[Page, Stage], None]:
    def show(page: Page, stage: Stage) -> None:
        page.goto("/setup")
        with refusing(code, stage.postgres) as uri:
            paste(page, uri)
            page.locator("#test").click()
            page.locator("#checks").wait_for()

    return show


def _setup_postgres(page: Page, _: Stage) -> None:
    page.goto("/setup")
    paste(
        page, "postgresql://deploystack:s3cret%40@db.example.org:5432/deploystack?sslmode=require"
    )


def _setup_usable(page: Page, _: Stage) -> None:
    page.goto("/setup")
    page.locator("#test").click()
    page.locator("#checks").wait_for()


def _setup_wrong_string(page: Page, _: Stage) -> None:
    page.goto("/setup")
    paste(page, "mysql://u:p@h/d")
    page.locator("#test").click()


def _setup_silent(page: Page, _: Stage) -> None:
    """Show what is said where no answer comes."""
    page.goto("/setup")
    page.route("**/api/db/check", lambda route: route.abort())
    page.locator("#test").click()
    page.locator("#failure").wait_for()


def _token_refused(page: Page, _: Stage) -> None:
    page.goto("/setup")
    page.locator("[name=token]").fill("wrong")
    page.keyboard.press("Enter")
    page.locator("[aria-invalid=true]").wait_for()


def _account_weak(page: Page, _: Stage) -> None:
    page.goto("/setup")
    page.locator("[name=email]").fill("alice@example.org")
    page.locator("[name=username]").fill("al")
    page.locator("[name=password]").fill("password")
    page.locator("main [type=submit]").click()
    page.locator("[aria-invalid=true]").first.wait_for()


FILTERED = (
    "/database/tables/global_settings?column=key&operator=begins&value=smtp&sort=key&order=desc"
)

STATES = [
    State("setup", "new", _at("/setup")),
    State("setup-usable", "new", _setup_usable),
    State("setup-postgres", "new", _setup_postgres),
    State("setup-no-right", "new", _refused("db_no_permission")),
    State("setup-unreachable", "new", _refused("db_unreachable")),
    State("setup-not-empty", "new", _refused("db_not_empty")),
    State("setup-wrong-string", "new", _setup_wrong_string),
    State("setup-no-answer", "new", _setup_silent, expected="ERR_FAILED"),
    State("setup-interrupted", "interrupted", _at("/setup")),
    State("setup-running", "running", _at("/setup")),
    State("setup-token", "guarded", _at("/setup")),
    State("setup-token-refused", "guarded", _token_refused),
    State("setup-account", "ownerless", _at("/setup")),
    State("setup-account-weak", "ownerless", _account_weak),
    _own("setup-done", "/setup/done", "postgres"),
    _own("setup-restart", "/setup/done"),
    State("setup-already", "sqlite", _at("/setup")),
    State("setup-unreadable", "unreadable", _at("/setup")),
    State("setup-waiting", "away", _at("/setup")),
    State("login", "sqlite", _at("/login")),
    State("login-refused", "sqlite", _login_refused),
    State("not-found", "new", _at("/nowhere")),
    State("database-away", "away", _at("/login")),
    _own("overview", "/"),
    _own("overview-postgres", "/", "postgres"),
    _own("database", "/database"),
    _own("database-postgres", "/database", "postgres"),
    _own("revisions", "/database/revisions"),
    _own("table", "/database/tables/users"),
    _own("table-filtered", FILTERED),
    _own("table-refused", "/database/tables/users?column=id&operator=less&value=many"),
    _own("table-postgres", "/database/tables/audit_log", "postgres"),
    _own("settings", "/settings/global"),
    _own("settings-mail", "/settings/smtp"),
    State("settings-unsaved", "sqlite", _settings_unsaved, is_own=True),
    State("settings-refused", "sqlite", _settings_refused, is_own=True),
    State("settings-disputed", "sqlite", _settings_disputed, is_own=True),
    _own("plugins", "/plugins"),
    State("plugins-failed-again", "sqlite", _plugin_fails_again, is_own=True),
    _own("account", "/account"),
    State("account-token", "sqlite", _token_made, is_own=True),
    _own("users", "/users"),
    State("users-asked", "sqlite", _asked_before_deleting, is_own=True),
    _own("log", "/log"),
]
