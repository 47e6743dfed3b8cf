"""The wizard without JavaScript: the whole way, and what is shown in each state of the application.

What it does in a browser with JavaScript is tried in tests/browser.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from deploystack import Config
from deploystack.auth import passwords
from deploystack.database import get_database
from deploystack.database.claim import claim
from deploystack.database.migrations.migrator import Contents
from deploystack.database.progress import Record
from deploystack.errors import ApiError
from deploystack.web.sentence_tables import ALL
from deploystack.web.wizard.checks import POINT_OF
from deploystack.web.wizard.connection import Typed
from tests.conftest import MakeApp
from tests.support.applications import set_up
from tests.support.browsing import Form, browser, submit
from tests.support.crashes import set_up_in_a_process
from tests.support.pages import DOCS, quoted, table
from tests.support.people import PASSWORD, administrator
from tests.support.postgres import Postgres
from tests.support.refusing import REASONS, refusing

AWAY = {"X-Forwarded-For": "192.0.2.1"}
ACCOUNT = {"email": "alice@example.org", "username": "alice", "password": PASSWORD}


def heading(response: TestResponse) -> str:
    found = re.search(r"<h1[^>]*>(?:<span[^>]*></span>)?\s*(.*?)</h1>", response.text, re.DOTALL)
    assert found, response.text
    return found[1]


def test_the_whole_way_without_javascript(page: FlaskClient, body: dict[str, str]) -> None:
    start = page.get("/setup")
    assert heading(start) == "Where should your data live?"

    tested = submit(page, start, "/setup", action="check", **body)
    assert tested.status_code == 200
    assert "This database can be used" in tested.text
    assert "It is empty: the tables will be created." in tested.text

    done = submit(page, tested, "/setup", action="setup", **body)
    assert (done.status_code, done.headers["Location"]) == (303, "/setup")
    third = page.get("/setup")
    assert heading(third) == "Your administrator account"

    made = submit(page, third, "/setup/account", **ACCOUNT)
    assert (made.status_code, made.headers["Location"]) == (303, "/setup/done")
    last = page.get("/setup/done")
    assert heading(last) == "All set, alice"
    assert ("SQLite" if body["type"] == "sqlite" else "PostgreSQL") in last.text
    assert "postgres:" not in last.text  # no password beside where the data is
    assert page.get("/api/users/me").get_json()["role_id"] == "global_admin"
    assert heading(page.get("/setup")) == "This server is already set up"


def test_separate_fields_take_any_password(page: FlaskClient, postgres: Postgres) -> None:
    with refusing("db_not_empty", postgres) as uri:
        name = uri.rpartition("/")[2].partition("?")[0]
        found = re.fullmatch(r"postgresql://(.*?):(.*?)@(.*?):(\d+)/.*", uri)
        assert found
        typed = {
            "type": "postgres",
            "user": found[1],
            "password": "s3cret/@:%#?",
            "host": found[3],
            "port": found[4],
            "database": name,
        }
        response = submit(page, page.get("/setup"), "/setup", action="check", **typed)

    assert response.status_code == 422
    assert response.text.count('class="is-passed"') == 6
    assert response.text.count('class="is-failed"') == 1
    assert "s3cret" not in response.text
    assert Form(response.text, "/setup").fields["user"] == found[1]
    assert not Form(response.text, "/setup").fields["password"]


def test_each_reason_to_refuse_a_database_is_a_point() -> None:
    assert REASONS.keys() - POINT_OF.keys() == set()


@pytest.mark.parametrize("code", ["db_authentication_failed", "db_does_not_exist", "db_not_utf8"])
def test_each_refusal_is_a_point_that_failed(
    page: FlaskClient, postgres: Postgres, code: str
) -> None:
    with refusing(code, postgres) as uri:
        typed = {"type": "postgres", "connectionString": uri}
        response = submit(page, page.get("/setup"), "/setup", action="check", **typed)

    assert response.status_code == 422
    assert response.text.count('class="is-failed"') == 1
    assert re.search(r'id="remedy-sql">', response.text), "no SQL to copy"


def test_what_is_missing_is_told_at_its_field(page: FlaskClient) -> None:
    typed = {"type": "postgres", "host": "", "database": "", "user": "me"}
    response = submit(page, page.get("/setup"), "/setup", action="setup", **typed)

    assert response.status_code == 400
    assert response.text.count('aria-invalid="true"') == 2
    assert 'value="me"' in response.text


def test_a_string_that_cannot_be_read_is_not_sent_back(page: FlaskClient) -> None:
    typed = {"type": "postgres", "connectionString": "postgresql://u:c4nary@@h/d"}
    response = submit(page, page.get("/setup"), "/setup", action="setup", **typed)

    assert response.status_code == 400
    assert "c4nary" not in f"{response.text}{response.headers}"


def test_an_account_that_is_refused_is_told_why(app: Flask, page: FlaskClient) -> None:
    set_up(app, {"type": "sqlite"})
    third = page.get("/setup")

    weak = submit(page, third, "/setup/account", **{**ACCOUNT, "password": "c4c4c4c4"})
    assert weak.status_code == 400
    assert "c4c4c4c4" not in weak.text
    assert 'value="alice@example.org"' in weak.text
    assert weak.text.count('aria-invalid="true"') == 1
    wrong = submit(page, weak, "/setup/account", **{**ACCOUNT, "email": "alice", "username": "a b"})
    assert wrong.text.count('aria-invalid="true"') == 2


def test_the_token_is_asked_for_once(app: Flask, data_dir: Path) -> None:
    page = browser(app)
    page.environ_base["HTTP_X_FORWARDED_FOR"] = "192.0.2.1"
    asked = page.get("/setup")
    assert heading(asked) == "Who are you?"
    assert submit(page, asked, token="wrong").status_code == 401
    assert page.post("/api/db/check", json={"type": "sqlite"}).status_code == 401

    token = (data_dir / "setup.token").read_text().strip()
    entered = submit(page, page.get("/setup"), token=f" {token} ")
    assert (entered.status_code, entered.headers["Location"]) == (303, "/setup")
    assert token not in f"{entered.headers}{entered.text}"
    assert heading(page.get("/setup")) == "Where should your data live?"
    assert page.post("/api/db/check", json={"type": "sqlite"}).status_code == 200

    submit(page, page.get("/setup"), "/setup", action="setup")
    made = submit(page, page.get("/setup"), "/setup/account", **ACCOUNT)
    assert made.headers["Location"] == "/setup/done"


def test_a_token_that_was_renewed_is_asked_for_again(app: Flask, data_dir: Path) -> None:
    page = browser(app)
    page.environ_base["HTTP_X_FORWARDED_FOR"] = "192.0.2.1"
    asked = page.get("/setup")
    submit(page, asked, token=(data_dir / "setup.token").read_text().strip())
    app.test_cli_runner().invoke(args=["db", "setup-token", "--renew"])

    assert heading(page.get("/setup")) == "Who are you?"
    refused = submit(page, asked, "/setup/token", token="")
    assert refused.status_code == 401


def test_a_setup_that_is_running_is_watched(app: Flask, page: FlaskClient) -> None:
    database = get_database(app)
    start = page.get("/setup")
    record = Record(database.config, "sqlite", database.schema, Contents("empty"))
    with claim(database.config), record.kept():
        record.tell("claimed")
        watched = page.get("/setup")
        assert heading(watched) == "A setup is running"
        assert watched.text.count('class="is-running"') == 1
        tried = submit(page, start, "/setup", action="setup")
        assert (tried.status_code, tried.headers["Location"]) == (303, "/setup")
    record.remove()
    assert heading(page.get("/setup")) == "Where should your data live?"


def test_a_setup_that_was_interrupted_is_told(page: FlaskClient, data_dir: Path) -> None:
    set_up_in_a_process({"type": "sqlite"}, data_dir, killed_after="seeding")

    assert re.search(r'id="interrupted">', page.get("/setup").text)


def unreadable(app: Flask) -> None:
    get_database(app).config.selection_file.write_text("{")


def waiting(app: Flask) -> None:
    set_up(app, {"type": "sqlite"})
    get_database(app).config.sqlite_file.unlink()


@pytest.mark.parametrize(
    ("state", "title"),
    [
        (unreadable, "The choice of database cannot be read"),
        (waiting, "Waiting for the database"),
    ],
)
def test_what_holds_it_up_is_told(
    app: Flask, page: FlaskClient, state: Callable[[Flask], None], title: str
) -> None:
    start = page.get("/setup")
    state(app)

    shown = page.get("/setup")
    assert (shown.status_code, heading(shown)) == (503, title)
    assert int(shown.headers["Retry-After"]) > 0
    assert submit(page, start, "/setup", action="setup").headers["Location"] == "/setup"
    assert page.get("/login").status_code == 503


def test_the_operators_choice_is_told(make_app: MakeApp) -> None:
    page = browser(make_app(DEPLOYSTACK_DATABASE_URL="sqlite:///own.db"))

    third = page.get("/setup")
    assert heading(third) == "Your administrator account"
    submit(page, third, "/setup/account", **ACCOUNT)
    assert "DEPLOYSTACK_DATABASE_URL" in page.get("/setup").text


def test_whoever_comes_second_makes_no_account(app: Flask, page: FlaskClient) -> None:
    set_up(app, {"type": "sqlite"})
    third = page.get("/setup")
    administrator(app)

    late = submit(page, third, "/setup/account", **{**ACCOUNT, "username": "mallory"})
    assert late.headers["Location"] == "/setup"
    shown = page.get("/setup")
    assert heading(shown) == "This server is already set up"
    assert 'href="/login"' in shown.text
    assert page.get("/setup/done").headers["Location"] == "/login?next=%2Fsetup%2Fdone"


def test_a_plugin_that_failed_is_told_with_its_reason(make_app: MakeApp, tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "broken.py").write_text("raise ImportError('c4nary')")
    app = make_app(DEPLOYSTACK_PLUGINS_PATH=plugins)
    page = browser(app)
    submit(page, page.get("/setup"), "/setup", action="setup")

    third = page.get("/setup")
    assert "not everything works" in third.text
    submit(page, third, "/setup/account", **ACCOUNT)
    last = page.get("/setup/done")
    assert "A restart is needed" in last.text
    assert "broken" in last.text
    assert "c4nary" not in last.text


def test_no_other_site_sends_these_forms(page: FlaskClient) -> None:
    typed: dict[str, Any] = {"type": "sqlite", "action": "setup"}
    for address in ("/setup", "/setup/token", "/setup/account"):
        assert page.post(address, data=typed).status_code == 403
    assert page.get("/api/db/status").get_json()["configured"] is False


def test_each_code_that_the_pages_can_meet_has_a_sentence() -> None:
    documented = {
        quoted(row["code"])
        for row in table(DOCS / "reference/error-codes.md", "code")
        if row.get("status")
    }

    assert documented - ALL.keys() == set()


@pytest.mark.parametrize("password", ["short", "x" * 257, "alice@example.org", "password1"])
def test_why_a_password_is_weak_is_told_in_german(password: str) -> None:
    with pytest.raises(ApiError) as raised:
        passwords.check(password, "alice", "alice@example.org")

    assert raised.value.sentence in ALL


@pytest.mark.parametrize(
    ("host", "port", "password"),
    [
        ("h", "0", "p"),
        ("h", "x", "p"),
        ("a,b", "1", "p"),
        ("%2Fvar%2Frun", "1", "p"),
        ("1::2::3", "1", "p"),
        ("1.2.3", "1", "p"),
        ("-", "1", "p"),
        ("h", "1", "p" * 1025),
    ],
)
def test_why_a_field_is_refused_is_told_in_german(host: str, port: str, password: str) -> None:
    typed = Typed("postgres", host, port, password=password)
    with pytest.raises(ApiError) as raised:
        typed.target(Config())

    assert raised.value.sentence in ALL
