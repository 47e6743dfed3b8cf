"""Each way in which the first step can fail: what is said, and that nothing typed is lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from deploystack.testing.ports import HOST
from tests.browser import wizard
from tests.browser.conftest import Enter
from tests.support.direct import Direct
from tests.support.refusing import PASSWORD, REASONS, refusing
from tests.support.server import Server
from tests.support.stage import Stage

POINTS = {
    "reachable": [
        "db_unreachable",
        "db_timeout",
        "db_not_postgres",
        "db_starting_up",
        "db_tls_failed",
        "db_too_many_connections",
    ],
    "signed in": ["db_access_denied", "db_authentication_failed"],
    "exists": ["db_does_not_exist"],
    "version": [],
    "encoding": ["db_not_utf8"],
    "tables": ["db_read_only", "db_no_permission"],
    "contents": ["db_not_empty", "db_newer"],
}
SQL = {
    "db_authentication_failed": "ALTER ROLE",
    "db_does_not_exist": 'CREATE DATABASE "no such database"',
    "db_not_utf8": "ENCODING 'UTF8'",
    "db_no_permission": "GRANT ",
}


@pytest.mark.parametrize("code", REASONS)
def test_a_database_that_is_refused(code: str, stage: Stage, enter: Enter) -> None:
    server = stage.server("new")
    visitor = enter(server)
    page = visitor.page
    page.goto("/setup")
    with refusing(code, stage.postgres) as uri:
        wizard.paste(page, uri)
        before = typed(page)
        wizard.press_test(page)
        see_refused(page, code)
        assert typed(page) == before

        wizard.set_up(page)
        see_refused(page, code)
        assert typed(page) == before
    assert server.status()["configured"] is False
    assert PASSWORD not in visitor.kept() + page.content()


def typed(page: Page) -> list[str]:
    names = ["host", "port", "database", "user", "password", "sslmode", "connectionString"]
    return [page.locator(f"[name={name}]").input_value() for name in names]


def see_refused(page: Page, code: str) -> None:
    """See which point has failed, and what to do about it."""
    title = page.get_by_role("heading", name="This database cannot be used yet")
    expect(title).to_be_focused()
    at = next(number for number, codes in enumerate(POINTS.values()) if code in codes)
    points = page.locator(".checks li")
    expect(points.nth(at)).to_have_class("is-failed")
    expect(page.locator(".checks .is-passed")).to_have_count(at)
    expect(page.locator("#remedy .failure-sentence")).not_to_be_empty()
    sql = page.locator("#remedy-sql")
    if code in SQL:
        expect(sql).to_contain_text(SQL[code])
        expect(sql.get_by_role("button", name="Copy SQL")).to_be_visible()
    else:
        expect(sql).to_be_hidden()


def test_what_is_missing_or_no_string_is_said_at_its_field(stage: Stage, enter: Enter) -> None:
    page = enter(stage.server("new")).page
    page.goto("/setup")
    wizard.paste(page, "mysql://u:p@h/d")
    wizard.press_test(page)
    expect(page.locator("[name=connectionString]")).to_be_focused()
    expect(page.locator("#field-connectionString-error")).to_contain_text("postgresql://")

    wizard.paste(page, "")
    for name in ("host", "user"):
        page.locator(f"[name={name}]").fill("")
    wizard.set_up(page)
    expect(page.locator("[name=host]")).to_be_focused()
    expect(page.locator("[aria-invalid=true]")).to_have_count(2)

    wizard.paste(page, "postgresql://u:p@169.254.169.254/d")
    wizard.press_test(page)
    expect(page.locator(".checks li").first).to_have_class("is-failed")


def test_fields_and_string_are_kept_in_step(stage: Stage, enter: Enter) -> None:
    page = enter(stage.server("new")).page
    page.goto("/setup")
    wizard.type_in(page, f"postgresql://us%40er:s3cret%2F%40%3A%25%23%3F@{HOST}:5433/my%20data")
    string = page.locator("[name=connectionString]")
    expect(string).to_have_value(
        f"postgresql://us%40er:s3cret%2F%40%3A%25%23%3F@{HOST}:5433/my%20data"
    )
    page.get_by_label("Encryption (TLS)").select_option("require")
    expect(string).to_have_value(
        f"postgresql://us%40er:s3cret%2F%40%3A%25%23%3F@{HOST}:5433/my%20data?sslmode=require"
    )

    string.fill("postgres://bob:p@ss/w:rd%@[::1]:6000/other?sslmode=disable&connect_timeout=5")
    assert typed(page)[:6] == ["::1", "6000", "other", "bob", "p@ss/w:rd%", "disable"]
    page.get_by_label("Password", exact=True).fill("x")
    expect(string).to_have_value(
        "postgresql://bob:x@[::1]:6000/other?sslmode=disable&connect_timeout=5"
    )


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sslmode=verify-ca", "Use sslmode=verify-full"),
        ("sslmode=nonsense", "sslmode"),
        ("sslmode=require&sslmode=disable", "sslmode"),
        ("application_name=a@b&application_name=c", "application_name"),
    ],
)
def test_a_query_is_sent_as_it_was_pasted(
    query: str, said: str, stage: Stage, enter: Enter
) -> None:
    page = enter(stage.server("new")).page
    page.goto("/setup")
    string = page.locator("[name=connectionString]")
    wizard.paste(page, f"postgresql://bob:p@ss@{HOST}:9/data?{query}")
    assert typed(page)[:6] == [HOST, "9", "data", "bob", "p@ss", "prefer"]
    page.get_by_label("Database", exact=True).fill("other")
    kept = f"postgresql://bob:p%40ss@{HOST}:9/other?{query.replace('@', '%40')}"
    expect(string).to_have_value(kept)
    wizard.press_test(page)
    expect(page.locator(".failure-sentence:visible")).to_contain_text(said)
    expect(string).to_have_value(kept)

    page.get_by_label("Encryption (TLS)").select_option("require")
    rest = "" if "sslmode" in query else f"&{query.replace('@', '%40')}"
    expect(string).to_have_value(f"postgresql://bob:p%40ss@{HOST}:9/other?sslmode=require{rest}")


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("h/d?application_name=a@b", ["h", "", "d", "", ""]),
        ("u:1@h/d?application_name=a@b", ["h", "", "d", "u", "1"]),
        ("u@[::1]:5/d?application_name=a@b/c?d", ["::1", "5", "d", "u", ""]),
        ("u:a?bcd=c@h/d", ["h", "", "d", "u", "a?bcd=c"]),
        ("u:p/w?abc=x@h:5/d", ["h", "5", "d", "u", "p/w?abc=x"]),
    ],
)
def test_which_at_sign_ends_the_password(
    written: str, parts: list[str], stage: Stage, enter: Enter
) -> None:
    page = enter(stage.server("new")).page
    page.goto("/setup")
    wizard.paste(page, f"postgresql://{written}")
    assert typed(page)[:5] == parts


def test_that_a_database_can_be_used_is_said_of_that_one(stage: Stage, enter: Enter) -> None:
    page = enter(stage.server("new")).page
    page.goto("/setup")
    usable = page.get_by_role("heading", name="This database can be used")
    wizard.choose_sqlite(page)
    wizard.press_test(page)
    expect(usable).to_be_visible()
    wizard.paste(page, "postgresql://u:p@h/d")
    expect(usable).to_be_hidden()

    wizard.choose_sqlite(page)

    def choose_another(route: Route) -> None:
        page.get_by_role("radio", name="PostgreSQL").check()
        route.continue_()

    page.route("**/api/db/check", choose_another, times=1)
    with page.expect_response("**/api/db/check"):
        wizard.press_test(page)
    expect(page.locator("#testing")).to_be_empty()
    expect(usable).to_be_hidden()


def test_the_sql_is_copied(stage: Stage, enter: Enter) -> None:
    visitor = enter(stage.server("new"), permissions=["clipboard-read", "clipboard-write"])
    page = visitor.page
    page.goto("/setup")
    with refusing("db_no_permission", stage.postgres) as uri:
        wizard.paste(page, uri)
        wizard.press_test(page)
        page.locator("#remedy-sql").get_by_role("button").click()
        expect(page.locator("#remedy-sql").get_by_role("button")).to_have_text("Copied")
        copied = page.evaluate("navigator.clipboard.readText()")
        stage.postgres.execute(copied, database=uri)
        wizard.press_test(page)
        expect(page.get_by_role("heading", name="This database can be used")).to_be_visible()


def test_a_file_that_is_no_database(stage: Stage, enter: Enter) -> None:
    server: Server = stage.fresh("no-database")
    file = Direct({"type": "sqlite"}, server.data_dir).file
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("Not a database at all.\n" * 100)
    page = enter(server).page
    page.goto("/setup")
    wizard.choose_sqlite(page)
    wizard.set_up(page)
    expect(page.locator(".checks li").last).to_have_class("is-failed")
    file.unlink()
    wizard.set_up(page)
    wizard.heading(page, wizard.ACCOUNT)
