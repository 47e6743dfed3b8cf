"""The pages of the console, without a browser: what they show, to whom, on both databases."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from deploystack.openapi.routes import SETTING
from tests.inspection.conftest import Site
from tests.support import canary
from tests.support.applications import command
from tests.support.browsing import ACCEPT, browser
from tests.support.people import PASSWORD, log_in, switch, user

ALL = ["/", "/database", "/database/revisions", "/settings/global", "/plugins", "/users", "/log"]


@pytest.fixture
def admin(site: Site) -> FlaskClient:
    """A browser in which the administrator is logged in."""
    client = browser(site.app)
    assert log_in(client).status_code == 200
    return client


def text(client: FlaskClient, path: str, status: int = 200, **query: object) -> str:
    """Return a page."""
    response = client.get(path, query_string=query or None)
    assert response.status_code == status, response.text
    assert response.mimetype == "text/html"
    inline = r"<script(?![^>]* (src|type=\"application/json\"))|\bstyle="
    assert not re.search(inline, response.text)
    return response.text


def words(html: str) -> str:
    """Return what a page says."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@pytest.mark.parametrize("path", [*ALL, "/account", "/database/tables/users"])
def test_every_page_is_there_in_both_languages(admin: FlaskClient, path: str) -> None:
    english = text(admin, path)
    assert english.count("<h1>") == 1
    assert 'aria-current="page"' in english
    german = admin.get(path, headers={"Accept": ACCEPT, "Accept-Language": "de"}).text
    assert '<html lang="de">' in german
    assert "Konsole" in german


@pytest.mark.parametrize("path", ["/", "/account", "/setup/done"])
def test_the_way_to_the_documentation_is_there_as_long_as_that_is(
    site: Site, admin: FlaskClient, path: str
) -> None:
    switch(site.app, SETTING, False)
    try:
        assert "/documentation" not in text(admin, path)
    finally:
        switch(site.app, SETTING, True)
    assert 'href="/documentation"' in text(admin, path)


def test_an_overview_tells_what_is_to_be_done(site: Site, admin: FlaskClient) -> None:
    page = text(admin, "/")

    assert "Everything works." in page
    assert "Settings that are needed are empty: smtp.from_email, smtp.host." in words(page)
    assert 'href="/settings/smtp"' in page
    assert {"sqlite": "SQLite", "postgres": "PostgreSQL"}[site.direct.dialect] in words(page)


def test_whoever_may_less_sees_less(site: Site) -> None:
    user(site.app, "bob")
    try:
        client = browser(site.app)
        assert log_in(client, "bob").status_code == 200
        assert client.get("/").headers["Location"] == "/account"
        page = text(client, "/account")
        assert re.findall(r'<li><a href="([^"]+)"', page) == ["/account"]
        assert "no permissions" in page
        for path in [*ALL[1:], "/database/tables/users", "/settings/smtp"]:
            assert "You may not see this page" in text(client, path, 403)
    finally:
        assert command(site.app, "users", "delete", "bob", "--yes").exit_code == 0


def test_whoever_may_only_look_is_given_nothing_to_change(site: Site) -> None:
    may, day = '["settings.view", "users.view"]', "2026-01-01 00:00:00"
    site.direct.execute(
        "INSERT INTO roles (id, name, description, permissions, created_at, updated_at) "
        f"VALUES ('viewer', 'Viewer', '', '{may}', '{day}', '{day}')"
    )
    user(site.app, "carla")
    assert command(site.app, "users", "set-role", "carla", "viewer").exit_code == 0
    try:
        client = browser(site.app)
        assert log_in(client, "carla").status_code == 200
        assert client.get("/").headers["Location"] == "/settings"
        page = text(client, "/settings/smtp")
        assert page.count("readonly") == 5  # all but the secret and the switch
        assert 'id="save"' not in page
        assert "data-replace" not in page
        assert 'id="mail"' not in page
        page = text(client, "/users")
        assert "Viewer" in page
        assert "data-role" not in page
        assert "data-delete" not in page
        assert 'id="create"' not in page
    finally:
        assert command(site.app, "users", "delete", "carla", "--yes").exit_code == 0
        site.direct.execute("DELETE FROM roles WHERE id = 'viewer'")


def test_the_schema_is_drawn_and_told(admin: FlaskClient) -> None:
    page = text(admin, "/database")

    boxes = re.findall(r'class="drawing-box drawing-(\w+)"', page)
    assert set(boxes) == {"core", "plugin"}
    assert "things_thing refers to users." in words(page)
    assert page.count("marker-end") == 5
    for table in ("users", "things_thing", "alembic_version", "schema_plugins"):
        assert f'<th scope="row"><a href="/database/tables/{table}">' in page


def test_a_table_is_shown_with_its_rows(admin: FlaskClient) -> None:
    page = text(admin, "/database/tables/things_thing")

    said = words(page)
    assert "Plugin things" in said
    assert '{"a": [1, "é"]}' in said
    assert "2026-11-25T16:30:00Z" in said
    assert "•••••••• secret" in said
    assert canary.leaks(page) == []
    assert "1,000 in all" in page
    assert "Page 1" in said
    assert 'rel="next" href="/database/tables/things_thing?page=2"' in page
    assert "cascade" in said
    assert "There are no such rows." in words(text(admin, "/database/tables/things_thing", page=9))


def test_rows_are_sorted_and_filtered_by_links_and_forms(admin: FlaskClient) -> None:
    path = "/database/tables/things_thing"
    query = {"column": ["name", ""], "operator": ["begins", "is"], "value": ["thing 11", ""]}
    page = text(admin, path, sort="id", order="asc", per_page=25, **query)

    assert words(page).count("thing 11") == 11  # ten rows, and the filter
    [sort] = re.findall(r'aria-sort="ascending">\s*<a href="([^"]+)"', page)
    assert "order=desc" in sort
    assert "thing+11" in sort
    assert "per_page=25" in sort
    reverse = text(admin, unescape(sort))
    assert words(reverse).index("thing 119") < words(reverse).index("thing 110")
    [without] = re.findall(r'<a href="([^"]+)" aria-label="Take away the filter on name"', page)
    assert "column" not in without
    query = {"column": "key", "operator": "is", "value": "smtp.port"}
    linked = unescape(text(admin, "/database/tables/global_settings", **query))
    assert "/database/tables/global_setting_groups?column=id&operator=is&value=smtp" in linked


def test_what_cannot_be_asked_is_told_where_it_was_asked(admin: FlaskClient) -> None:
    path = "/database/tables/things_thing"
    page = text(
        admin, path, 400, column=["name", "id"], operator=["begins", "is"], value=["th", "many"]
    )

    assert "Give a whole number." in page
    assert 'value="many"' in page
    assert 'aria-invalid="true"' in page
    assert "thing 003" in page
    assert "That did not work" in text(admin, path, 400, sort="nothing")
    assert "That did not work" in text(admin, path, 400, per_page="x")
    assert "There is nothing here" in text(admin, "/database/tables/nothing", 404)


def test_revisions_are_shown_with_when_and_how_long(admin: FlaskClient) -> None:
    said = words(text(admin, "/database/revisions"))

    assert "Up to date" in said
    head = r"[0-9a-f]{12} current accounts and settings \d{4}-\d\d-\d\d \d\d:\d\d UTC"
    assert re.search(head, said)
    assert re.search(r"\d\xa0ms", text(admin, "/database/revisions"))


def test_settings_are_shown_but_no_secret(site: Site, admin: FlaskClient) -> None:
    switch(site.app, "smtp.password", canary.WORD)
    try:
        page = text(admin, "/settings/smtp")
        assert canary.leaks(page) == []
        [state] = re.findall(r'<script type="application/json" id="state">(.*?)</script>', page)
        found = json.loads(state)["settings"]
        assert found["smtp.password"] | {"updated_at": ""} == {
            "value": "",
            "type": "string",
            "label": "Password",
            "default": "",
            "is_secret": True,
            "is_set": True,
            "updated_at": "",
        }
        assert found["smtp.port"]["value"] == found["smtp.port"]["default"] == "587"
        etag = admin.get("/api/settings").headers["ETag"]
        assert json.loads(state)["etag"] == etag
        assert admin.get("/settings").headers["Location"] == "/settings/global"
        assert "There is nothing here" in text(admin, "/settings/nothing", 404)
    finally:
        switch(site.app, "smtp.password", None)


def test_settings_in_no_group_are_shown(admin: FlaskClient) -> None:
    made = {"key": "loose.one", "value": '<b>"&', "type": "string"}
    assert admin.post("/api/settings", json=made).status_code == 201
    try:
        page = text(admin, "/settings/ungrouped")
        assert 'value="&lt;b&gt;&#34;&amp;"' in page
        assert "loose.one" in page
    finally:
        assert admin.delete("/api/settings/loose.one").status_code == 200


def test_an_account_lists_its_tokens(site: Site, admin: FlaskClient) -> None:
    made = admin.post("/api/auth/tokens", json={"name": "ci <b>", "scopes": ["audit.view"]})
    page = text(admin, "/account")

    assert "ci &lt;b&gt;" in page
    assert made.get_json()["token"] not in page
    assert "See the log" in words(page)
    assert PASSWORD not in page
    token = made.get_json()["data"]["id"]
    assert admin.delete(f"/api/auth/tokens/{token}").status_code == 200
    with_token = {"Authorization": "Bearer dst_nothing", "Accept": ACCEPT}
    assert admin.get("/account", headers=with_token).status_code == 303


def test_the_log_is_filtered_and_paged(admin: FlaskClient) -> None:
    page = text(admin, "/log", limit=1)
    [older] = re.findall(r'<a class="button button-secondary" href="([^"]+)" rel="next"', page)
    assert "before=" in older
    assert "To the newest" in text(admin, unescape(older))
    initialised = words(text(admin, "/log", action="settings.initialise", subject="core"))
    assert "application" in initialised
    assert "There are no entries of this kind." in text(admin, "/log", actor="nobody")
    assert "That did not work" in text(admin, "/log", 400, limit="x")
