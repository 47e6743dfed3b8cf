"""The documentation of the API: every route, tried by whoever has logged in."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import Enter
from tests.browser.states import log_in
from tests.conftest import Serve
from tests.support.browser import Visitor
from tests.support.people import PERSON
from tests.support.schemathesis import signed_in
from tests.support.server import Server
from tests.support.stage import Stage, make_administrator, set_up

ME = "#operations-users-users_me"
UPDATE = "#operations-settings-settings_update"
SET_UP = "#operations-database-database_set_up"

TELLING_HTML = '''
from flask import Blueprint
from deploystack.plugins import PluginMetadata, hookimpl

blueprint = Blueprint("notes", __name__)

@blueprint.get("/all")
def tell():
    """Tell all. <script>window.it_ran = 1</script>

    [This](javascript:window.it_ran=1)
    """

@hookimpl
def deploystack_metadata():
    return PluginMetadata(name="notes", version="1.0")

@hookimpl
def deploystack_blueprints():
    return [blueprint]
'''


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


def test_a_change_is_made_with_the_session(enter: Enter, serve: Serve) -> None:
    """And at once there is nothing there any more."""
    server = configured(serve)
    make_administrator(server)
    visitor = enter(server)
    log_in(visitor, "/")
    visitor.page.goto("/documentation")

    status = execute(visitor, UPDATE, {"value": False}, key="global.enable_swagger_docs")

    assert status == "200"
    assert server.get("/documentation").status == 404


def test_a_token_is_shown_for_a_call(enter: Enter, serve: Serve) -> None:
    server = configured(serve)
    bearer = signed_in(server)["bearer"]["bearer"]
    visitor = enter(server)
    visitor.page.goto("/documentation")

    assert execute(visitor, UPDATE, {"value": 26}, key="smtp.port") == "401"
    authorize(visitor, "bearer (http, Bearer)", bearer)
    assert execute(visitor, UPDATE, {"value": 26}, key="smtp.port") == "200"


def test_the_token_of_setup_is_shown_for_a_call(enter: Enter, serve: Serve) -> None:
    server = serve(DEPLOYSTACK_SETUP_TOKEN_MODE="always")
    visitor = enter(server)
    visitor.page.goto("/documentation")

    assert execute(visitor, SET_UP, {"type": "sqlite"}) == "401"
    authorize(
        visitor, "setup_token (apiKey)", (server.data_dir / "setup.token").read_text().strip()
    )
    assert execute(visitor, SET_UP, {"type": "sqlite"}) == "200"
    assert server.status()["initialized"] is True


def test_what_a_plugin_says_is_text(enter: Enter, serve: Serve, tmp_path: Path) -> None:
    """No script of it runs, and an attempt would be a fault of the visitor's."""
    (tmp_path / "notes.py").write_text(TELLING_HTML)
    visitor = enter(serve(DEPLOYSTACK_PLUGINS_PATH=tmp_path))
    page = visitor.page
    page.goto("/documentation")
    told = page.locator("[id^='operations-plugin_notes']")
    told.locator(".opblock-summary-control").click()

    expect(told).to_contain_text("Tell all.")
    assert page.evaluate("window.it_ran") is None
    assert page.locator("a[href^='javascript:']").count() == 0


def configured(serve: Serve) -> Server:
    server = serve()
    set_up(server, {"type": "sqlite"})
    return server


def execute(visitor: Visitor, place: str, body: object, **variables: str) -> str:
    """Try a call, and return the status that the page shows."""
    operation = visitor.page.locator(place)
    if operation.locator(".opblock-body").count() == 0:
        operation.locator(".opblock-summary-control").click()
    for name, value in variables.items():
        operation.locator(f"tr[data-param-name='{name}'] input").fill(value)
    operation.locator("textarea.body-param__text").fill(json.dumps(body))
    with visitor.page.expect_response(lambda answer: answer.request.method != "GET") as answered:
        operation.get_by_role("button", name="Execute").click()
    status = str(answered.value.status)
    shown = operation.locator(".live-responses-table .response-col_status").last
    expect(shown).to_contain_text(status)
    return status


def authorize(visitor: Visitor, scheme: str, value: str) -> None:
    """Give the page what shows who asks."""
    page = visitor.page
    page.locator(".scheme-container .authorize").click()
    form = page.locator(".auth-container", has_text=scheme)
    form.locator("input").fill(value)
    form.get_by_role("button", name="Apply").click()
    page.get_by_role("button", name="Close").last.click()
