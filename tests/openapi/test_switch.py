"""Who sees the documentation, and when."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient

from deploystack.openapi.files import page_assets
from deploystack.openapi.routes import SETTING
from tests.conftest import MakeApp
from tests.support.answers import assert_error
from tests.support.applications import look_again, set_up
from tests.support.documented import check
from tests.support.people import LOGIN, REGISTER, administrator, switch
from tests.support.waiting import until

ADDRESSES = {
    "/api/openapi.json": "application/json",
    "/api/openapi.yaml": "application/yaml",
    "/documentation": "text/html",
    "/documentation/json": "application/json",
    "/documentation/yaml": "application/yaml",
    "/documentation/files/any/start.js": "text/javascript",
    "/documentation/files/any/page.css": "text/css",
    "/documentation/files/any/swagger-ui.css": "text/css",
    "/documentation/files/any/swagger-ui-bundle.js": "text/javascript",
    "/documentation/files/any/favicon-32x32.png": "image/png",
    "/documentation/files/any/LICENSE": "text/plain",
}


def statuses(client: FlaskClient) -> set[int]:
    return {client.get(address).status_code for address in ADDRESSES}


@pytest.mark.parametrize("address", ADDRESSES)
def test_it_is_open_before_setup(client: FlaskClient, address: str) -> None:
    answer = client.get(address)

    assert (answer.status_code, answer.mimetype) == (200, ADDRESSES[address])
    assert answer.data


def test_a_browser_is_shown_errors_as_documented(client: FlaskClient) -> None:
    browser = {"Accept": "text/html,*/*;q=0.8"}
    for address in (*(each for each in ADDRESSES if "/api/" not in each), "/api/openapi.json"):
        answer = client.get(address, headers={**browser, "Host": "elsewhere.example"})

        assert answer.mimetype == ("application/json" if "/api/" in address else "text/html")
        check("GET", address, 403, answer.mimetype, dict(answer.headers), answer.text)


def test_all_formats_are_one_document(client: FlaskClient) -> None:
    document = json.loads(client.get("/api/openapi.json").text)

    assert client.get("/documentation/json").json == document
    for address in ("/api/openapi.yaml", "/documentation/yaml"):
        assert yaml.safe_load(client.get(address).text) == document


def test_the_switch_hides_all_of_it_at_once(make_app: MakeApp, body: dict[str, str]) -> None:
    """From everybody, in every worker; and an administrator by the API shows it again."""
    app, neighbour = make_app(), make_app()
    current = page_assets(app).address("start.js")
    set_up(app, body)
    admin, other = administrator(app), neighbour.test_client()
    until(lambda: statuses(other) == {200})

    switched = admin.put(f"/api/settings/{SETTING}", json={"value": False})
    assert switched.status_code == 200

    assert statuses(admin) == {404}
    until(lambda: statuses(other) == {404}, 1)
    assert admin.get(current).status_code == 404
    for address in ADDRESSES:
        for answer in (admin.get(address), admin.options(address), admin.head(address)):
            assert answer.status_code == 404
        assert_error(admin.get(address), 404, "not_found")
        assert admin.get(address).json == admin.get("/documentation/no/such").json

    switch(neighbour, SETTING, True)
    assert statuses(other) == {200}
    until(lambda: statuses(admin) == {200}, 1)


def test_nothing_is_shown_while_nobody_can_tell_whether_it_may_be(
    app: Flask, client: FlaskClient, data_dir: Path
) -> None:
    set_up(app, {"type": "sqlite"})
    switch(app, SETTING, False)
    (data_dir / "db.selection.json").write_text("{")
    look_again(data_dir)

    for address in ADDRESSES:
        assert_error(client.get(address), 503, "selection_unreadable")


def test_a_switch_that_cannot_be_decrypted_is_told_as_documented(make_app: MakeApp) -> None:
    """An administrator may encrypt any setting, and the key may be lost later."""
    app = make_app(DEPLOYSTACK_ENCRYPTION_SECRET="a" * 32)
    set_up(app, {"type": "sqlite"})
    admin = administrator(app)
    for key in (SETTING, "global.enable_login", "global.enable_email_registration"):
        assert admin.put(f"/api/settings/{key}", json={"encrypted": True}).status_code == 200

    other = make_app(DEPLOYSTACK_ENCRYPTION_SECRET="b" * 32).test_client()

    asked = [("GET", address) for address in (*ADDRESSES, "/api/auth/status")]
    for method, address in (*asked, ("POST", LOGIN), ("POST", REGISTER)):
        answer = other.open(address, method=method)
        assert_error(answer, 503, "encryption_key_wrong")
        check(method, address, 503, answer.mimetype, dict(answer.headers), answer.text)
