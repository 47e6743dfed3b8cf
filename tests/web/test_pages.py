"""What all pages have in common: headers, files, languages, errors, the way in and out."""

from __future__ import annotations

import gzip
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.answers import assert_error, at_route
from tests.support.applications import set_up
from tests.support.browsing import browser, submit
from tests.support.people import PASSWORD, administrator

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}


@pytest.fixture
def owned(app: Flask) -> Flask:
    """An application with a database and an administrator."""
    set_up(app, {"type": "sqlite"})
    administrator(app)
    return app


def test_a_page_forbids_the_browser_all_but_this_server(page: FlaskClient) -> None:
    response = page.get("/nope")

    assert response.mimetype == "text/html"
    assert set(response.headers["Content-Security-Policy"].split("; ")) == POLICY
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<script(?![^>]* src=)|<style|\bstyle=|\bon\w+=|https?://", response.text)


def test_an_error_is_a_page_for_a_browser_and_json_for_a_program(
    app: Flask, page: FlaskClient, client: FlaskClient
) -> None:
    shown = page.get("/nope")
    assert (shown.status_code, shown.mimetype) == (404, "text/html")
    assert "There is nothing here" in shown.text
    assert_error(client.get("/nope"), 404, "not_found")
    for path in ("/api", "/api/nope", "/api/db/"):
        assert_error(page.get(path), 404, "not_found")
    assert_error(page.get("/readyz"), 503, "not_configured")
    wrong_host = page.get("/nope", headers={"Host": "evil.example"})
    assert (wrong_host.status_code, wrong_host.mimetype) == (403, "text/html")


def test_what_nobody_foresaw_is_a_page_too(app: Flask) -> None:
    at_route(app, lambda: 1 / 0)
    response = browser(app).get("/test")

    assert (response.status_code, response.mimetype) == (500, "text/html")
    assert "ZeroDivision" not in response.text


def test_files_are_kept_for_ever_and_sent_small(page: FlaskClient) -> None:
    address = re.search(r'href="(/static/[^"]+base\.css)"', page.get("/nope").text)
    assert address
    plain = page.get(address[1])
    small = page.get(address[1], headers={"Accept-Encoding": "gzip"})

    assert "immutable" in plain.headers["Cache-Control"]
    assert plain.mimetype == "text/css"
    assert plain.headers["X-Content-Type-Options"] == "nosniff"
    assert gzip.decompress(small.data) == plain.data
    refused = page.get(address[1], headers={"Accept-Encoding": "br, gzip;q=0"})
    assert refused.data == plain.data
    assert len(small.data) < 6000
    of_yesterday = page.get(re.sub(r"/static/\w+", "/static/000000000000", address[1]))
    assert (of_yesterday.status_code, of_yesterday.headers["Cache-Control"]) == (200, "no-store")
    assert page.get("/static/000000000000/../__init__.py").status_code == 404


def test_the_language_is_the_browsers_until_one_is_chosen(app: Flask) -> None:
    page = browser(app, "fr, de-AT;q=0.8, en;q=0.5")
    assert '<html lang="de">' in page.get("/nope?a=b").text

    back = page.get("/language/en?next=/nope?a=b")
    assert (back.status_code, back.headers["Location"]) == (303, "/nope?a=b")
    assert '<html lang="en">' in page.get("/nope").text
    assert '<html lang="en">' in browser(app, "tlh").get("/nope").text
    assert page.get("/language/xx").status_code == 404


@pytest.mark.parametrize(
    "away",
    ["//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil", "/\t/evil", "", "x"],
)
def test_nobody_is_led_to_another_server(page: FlaskClient, away: str) -> None:
    response = page.get("/language/de", query_string={"next": away})

    assert response.headers["Location"] == "/"


def test_logging_in_and_out(owned: Flask) -> None:
    page = browser(owned)
    form = page.get("/login?next=/settings")
    refused = submit(page, form, login="alice", password="wrong one")
    assert refused.status_code == 400
    assert 'value="alice"' in refused.text
    assert "wrong one" not in refused.text

    entered = submit(page, refused, login="alice", password=PASSWORD)
    assert (entered.status_code, entered.headers["Location"]) == (303, "/settings")
    assert page.get("/api/users/me").status_code == 200
    assert page.get("/login").headers["Location"] == "/"


def test_logging_in_takes_what_is_needed(owned: Flask) -> None:
    page = browser(owned)

    assert submit(page, page.get("/login"), login="alice", password="").status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_site_is_refused(owned: Flask, headers: dict[str, str]) -> None:
    page = browser(owned)
    token = re.search(r'name="form_token" value="(\w+)"', page.get("/login").text)
    assert token
    data = {"form_token": token[1], "login": "alice", "password": PASSWORD}

    assert page.post("/login", data=data, headers=headers).status_code == 403
    assert page.post("/login", data={**data, "form_token": ""}).status_code == 403
    assert browser(owned).post("/login", data=data).status_code == 403  # without its cookie
    assert page.post("/login", data=data).status_code == 303


def test_a_form_is_bounded(owned: Flask) -> None:
    page = browser(owned)

    assert submit(page, page.get("/login"), login="a" * 20000).status_code == 413


def test_pages_lead_to_setup_until_there_is_somebody(app: Flask, page: FlaskClient) -> None:
    assert page.get("/login").headers["Location"] == "/setup"
    set_up(app, {"type": "sqlite"})
    assert page.get("/login").headers["Location"] == "/setup"


# --- Which pages there are --------------------------------------------------------------------

PAGES = {
    "/static/<version>/<path:name>": {"GET"},
    "/language/<code>": {"GET"},
    "/login": {"GET", "POST"},
    "/logout": {"POST"},
    "/setup": {"GET", "POST"},
    "/setup/token": {"POST"},
    "/setup/account": {"POST"},
}
"""The pages that anybody may ask for."""


def test_all_other_pages_lead_to_where_one_logs_in(owned: Flask) -> None:
    client = browser(owned)
    rules = [rule for rule in owned.url_map.iter_rules() if rule.endpoint.startswith("web.")]
    open_to_all = {rule.rule for rule in rules} & PAGES.keys()

    assert open_to_all == PAGES.keys()
    for rule in rules:
        if rule.rule in PAGES or "GET" not in (rule.methods or ()):
            continue
        address = rule.rule.replace("<", "x").replace(">", "")
        response = client.get(address)
        assert (response.status_code, response.headers["Location"][:6]) == (303, "/login"), rule
