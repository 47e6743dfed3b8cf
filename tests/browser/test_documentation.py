"""The documentation of the API: every route, tried by whoever has logged in."""

from __future__ import annotations

import json

from playwright.sync_api import expect

from tests.browser.conftest import Enter
from tests.browser.states import log_in
from tests.support.people import PERSON
from tests.support.stage import Stage

ME = "#operations-users-users_me"


def test_a_call_is_tried_with_the_session(enter: Enter, stage: Stage) -> None:
    """What the policy of the page forbids would be a fault of the visitor's."""
    server = stage.server("sqlite")
    paths = server.get("/api/openapi.json").json["paths"]
    visitor = enter(server)
    page = visitor.page
    log_in(visitor, "/")
    with page.expect_response("**/documentation") as opened:
        page.get_by_role("link", name="API documentation").click()

    assert "script-src 'self'; style-src 'self'" in opened.value.header_value(
        "Content-Security-Policy"
    )
    expect(page.locator(ME)).to_be_visible()
    shown = page.locator("[data-path]").evaluate_all("all => all.map(one => one.dataset.path)")
    assert set(shown) == set(paths)

    page.locator(ME).locator(".opblock-summary-control").click()
    page.locator(ME).get_by_role("button", name="Execute").click()
    answer = page.locator(ME).locator(".live-responses-table .response")
    expect(answer.locator(".response-col_status")).to_contain_text("200")
    told = json.loads(answer.locator(".response-col_description pre").first.inner_text())
    assert told["username"] == PERSON["username"]
