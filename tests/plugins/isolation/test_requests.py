"""A plugin that fails while it answers a request, and one that merely says no."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from flask import Flask

from tests.plugins.isolation.catalogue import RAISED, ROUTES, THING, UNUSUAL, hook
from tests.plugins.isolation.conftest import Start
from tests.support.answers import assert_error
from tests.support.plugins import Folder, ask, assert_others_work, states, told

SQLITE = {"type": "sqlite"}
FAILED = {"plugin": "bad", "reason": "plugin_request_failed"}

PLUGIN = UNUSUAL + THING + ROUTES


def view(*lines: str) -> str:
    """Return a route ``/fail`` that does this."""
    return "\n@things.get('/fail')\ndef fail():\n    {}\n".format("\n    ".join(lines))


def around(decorator: str, arguments: str, *lines: str) -> str:
    """Return a route that works, and a function beside it that does this."""
    body = "\n    ".join(lines)
    return view("return {}") + f"\n@things.{decorator}\ndef beside({arguments}):\n    {body}\n"


BLAMED = {
    **{f"view raises {what}": view(f"raise {what}") for what in RAISED},
    "wrong SQL": view("db.session.execute(sa.text('SELECT * FROM nothing'))"),
    "row that refers to nothing": view(
        "db.session.add(Thing(user_id='nobody'))", "db.session.commit()"
    ),
    "transaction left open": view("db.session.add(Thing())", "db.session.flush()", "1 / 0"),
    "view returns nothing": view("pass"),
    "view returns what is no JSON": view("return {'x': object()}"),
    "before_request": around("before_request", "", "1 / 0"),
    "after_request": around("after_request", "response", "1 / 0"),
    "after_request returns nothing": around("after_request", "response", "pass"),
    "teardown_request": around("teardown_request", "error", "1 / 0"),
    "url_value_preprocessor": around("url_value_preprocessor", "endpoint, values", "1 / 0"),
    "after_this_request": view(
        "from flask import after_this_request",
        "after_this_request(lambda response: 1 / 0)",
        "return {}",
    ),
    "its own error handler": view("1 / 0")
    + around("errorhandler(ZeroDivisionError)", "error", "raise KeyError")
    .replace("/fail", "/other")
    .replace("def fail", "def other"),
    "a database error of its own making": view(
        "raise sa.exc.OperationalError('x', {}, Exception('x'))"
    ),
    "a body that breaks off": view(
        "def body():", "    yield 'begun'", "    raise ValueError", "return body()"
    ),
}
AFTERWARDS = {"teardown_request", "a body that breaks off"}

INNOCENT: dict[str, tuple[str, int, str]] = {
    "ApiError": (view("raise ApiError(418, 'teapot', 'It is a teapot.')"), 418, "teapot"),
    "ApiError 503": (view("raise ApiError(503, 'teapot', 'It is a teapot.')"), 503, "teapot"),
    "abort 404": (view("abort(404)"), 404, "not_found"),
    "abort 503": (view("abort(503)"), 503, "service_unavailable"),
    "ValidationError": (view("raise ValidationError({'x': ['No.']})"), 400, "validation_error"),
    "no connection left": (view("raise sa.exc.TimeoutError"), 503, "db_busy"),
    "ApiError before": (
        around("before_request", "", "raise ApiError(418, 'teapot', 'It is a teapot.')"),
        418,
        "teapot",
    ),
    "ApiError after": (
        around("after_request", "response", "raise ApiError(418, 'teapot', 'It is a teapot.')"),
        418,
        "teapot",
    ),
    "abort after": (around("after_request", "response", "abort(404)"), 404, "not_found"),
    "ApiError from its handler": (
        view("1 / 0") + "\n@things.errorhandler(ZeroDivisionError)\ndef handle(error):\n"
        "    raise ApiError(418, 'teapot', 'It is a teapot.')\n",
        418,
        "teapot",
    ),
}


REFUSED = {
    "a number of a hundred digits": ("CAST(:value AS INTEGER)", "10 ** 100"),
    "half a surrogate pair": ("CAST(:value AS TEXT)", "'\\ud800'"),
    "NUL in a text": ("CAST(:value AS TEXT)", "'a\\0b'"),
}
"""An expression, and a value that a driver or a server refuses for it."""


@pytest.fixture
def plugin(folder: Folder, start: Start) -> Callable[[str], Flask]:
    """Set up an application with a plugin that has this beside a route that works."""

    def set_up(text: str) -> Flask:
        folder.add("bad", PLUGIN + text)
        app = start()
        answer = app.test_client().post("/api/db/setup", json=SQLITE)
        assert (answer.status_code, answer.json["restart_required"]) == (200, False)
        return app

    return set_up


@pytest.mark.parametrize("what", BLAMED)
def test_what_fails_is_quarantined(
    plugin: Callable[[str], Flask], caplog: pytest.LogCaptureFixture, what: str
) -> None:
    app = plugin(BLAMED[what])
    answer = ask(app, "fail")

    if what in AFTERWARDS:  # it was answered already
        with suppress(ValueError):
            answer.get_data()
        answer.close()
        answer = ask(app, "fail")
    assert answer.status_code == 503, answer.text
    assert (answer.json["code"], answer.json["details"]) == ("plugin_request_failed", FAILED)
    assert states(app)["bad"] == "quarantined plugin_request_failed"
    assert "The plugin bad is quarantined: plugin_request_failed: " in caplog.text
    assert ask(app, "things").json["details"] == FAILED
    assert_others_work(app)


@pytest.mark.parametrize("what", INNOCENT)
def test_what_says_no_is_not(plugin: Callable[[str], Flask], what: str) -> None:
    text, status, code = INNOCENT[what]
    app = plugin(text)
    answer = ask(app, "fail")

    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert states(app)["bad"] == "active"
    if "fore" not in what and "after" not in what:
        assert ask(app, "things").status_code == 200
    assert_others_work(app)


def test_nothing_of_the_cause_is_answered(plugin: Callable[[str], Flask], folder: Folder) -> None:
    secret = "postgresql://me:secret@localhost/db"
    app = plugin(view(f"raise ValueError('{secret} ' + __file__)"))

    for answer in (ask(app, "fail"), ask(app, "things"), app.test_client().get("/api/plugins")):
        assert "secret" not in answer.text
        assert str(folder.path) not in answer.text


# Each marks the answer, or goes wrong without a database.
UNASKED = {
    "before_request": around("before_request", "", "return {'mine': 1}"),
    "after_request": around(
        "after_request", "response", "response.status_code = 200", "return response"
    ),
    "after_request without a database": around(
        "after_request", "response", "db.session.execute(sa.text('SELECT 1'))", "return response"
    ),
    "after_request that fails": around("after_request", "response", "1 / 0"),
    "teardown_request that fails": around("teardown_request", "error", "1 / 0"),
    "url_value_preprocessor": around("url_value_preprocessor", "endpoint, values", "1 / 0"),
    "errorhandler": around("errorhandler(ApiError)", "error", "return {'mine': 1}"),
    "errorhandler of everything": around("errorhandler(Exception)", "error", "return {'mine': 1}"),
    "errorhandler that fails": around("errorhandler(Exception)", "error", "1 / 0"),
    "errorhandler of the status": around("errorhandler(503)", "error", "return {'mine': 1}"),
}


@pytest.mark.parametrize("what", UNASKED)
def test_nothing_of_it_is_asked_while_it_is_out_of_service(
    folder: Folder, start: Start, what: str
) -> None:
    """Neither before there is a database, nor while it is quarantined."""
    folder.add("bad", PLUGIN + UNASKED[what] + hook("database_ready(app)", "raise ValueError"))
    app = start()

    answer = ask(app, "fail")
    assert (answer.status_code, answer.json["code"]) == (503, "not_configured")
    assert told(app)["bad"]["code"] is None

    assert app.test_client().post("/api/db/setup", json=SQLITE).status_code == 200
    for _ in range(2):
        assert states(app)["bad"] == "quarantined plugin_ready_failed"
        answer = ask(app, "fail")
        assert (answer.status_code, answer.json["code"]) == (503, "plugin_ready_failed")
        assert answer.json["details"] == {"plugin": "bad", "reason": "plugin_ready_failed"}
    assert_others_work(app)


@pytest.mark.parametrize("what", REFUSED)
def test_a_value_that_no_column_holds_blames_nobody(
    folder: Folder, start: Start, body: dict[str, str], what: str
) -> None:
    """Anybody may send one, so it must not put the plugin out of service for everybody."""
    expression, value = REFUSED[what]
    query = f"db.session.scalar(sa.text('SELECT {expression}'), {{'value': {value}}})"
    folder.add("bad", PLUGIN + view(query, "return {}"))
    app = start()
    assert app.test_client().post("/api/db/setup", json=body).status_code == 200

    answer = ask(app, "fail")

    if what == "NUL in a text" and body["type"] == "sqlite":
        assert answer.status_code == 200  # SQLite holds it
    else:
        assert_error(answer, 400, "value_refused")
    assert states(app)["bad"] == "active"
    assert ask(app, "fail").status_code == answer.status_code
