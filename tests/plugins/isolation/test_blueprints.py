"""A plugin's routes are below its own address, whatever it passes; nobody else's change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask

from tests.plugins.isolation.catalogue import blueprint, hook
from tests.plugins.isolation.conftest import Start
from tests.support.applications import command, set_up
from tests.support.plugins import Folder, ask, assert_others_work, told

SQLITE = {"type": "sqlite"}
REFUSED = "quarantined plugin_route_invalid"

APPLICATION_WIDE = {
    "before_app_request": "bp.before_app_request(lambda: abort(418))",
    "after_app_request": "bp.after_app_request(lambda response: ('mine', 200))",
    "teardown_app_request": "bp.teardown_app_request(lambda error: 1 / 0)",
    "app_errorhandler": "bp.app_errorhandler(404)(lambda error: ('mine', 200))",
    "app_errorhandler of everything": "bp.app_errorhandler(Exception)(lambda error: 'mine')",
    "app_context_processor": "bp.app_context_processor(lambda: {})",
    "app_url_defaults": "bp.app_url_defaults(lambda endpoint, values: values.update(x=1))",
    "app_url_value_preprocessor": "bp.app_url_value_preprocessor(lambda *arguments: abort(418))",
    "record a function before requests": "bp.record(lambda s: s.app.before_request(lambda: 'x'))",
    "record a teardown": "bp.record(lambda s: s.app.teardown_appcontext(lambda error: 1 / 0))",
    "record a route": "bp.record(lambda s: s.app.add_url_rule('/livez', 'x', lambda: 'mine'))",
    "record a rule": "from werkzeug.routing import Rule\n"
    "bp.record(lambda s: s.app.url_map.add(Rule('/api/db/status', endpoint='bad.things')))",
    "record and fail": "bp.record(lambda s: 1 / 0)",
    "record with the real application": "bp.record(lambda s: current_app.before_request(print))",
    "its own register": "class Mine(Blueprint):\n    def register(self, app, options):\n"
    "        app.before_request(lambda: 'mine')\nbp = Mine('bad', __name__)",
    "nested": "inner = Blueprint('inner', __name__)\ninner.before_app_request(lambda: 'mine')\n"
    "bp.register_blueprint(inner)",
    "nested elsewhere": "inner = Blueprint('inner', __name__, url_prefix='/api/db')\n"
    "inner.add_url_rule('/status', 'x', lambda: 'mine')\nbp.register_blueprint(inner)",
    "static files elsewhere": "bp = Blueprint('bad', __name__, static_folder='.', "
    "static_url_path='/api/db')",
    "subdomain": "bp.subdomain = 'localhost'",
    "host": "bp.add_url_rule('/x', 'x', lambda: 'mine', host='localhost')",
    "twice": "bp = [bp, bp]",
    "two of one name": "bp = [bp, Blueprint('bad', __name__)]",
    "an application": "bp = Flask('bad')",
    "a route without a function": "bp.add_url_rule('/x', 'x')",
}

# They are not refused, because they reach nobody.
IN_VAIN = {
    "record a view": "bp.record(lambda s: s.app.view_functions.update({'database.status': print}))",
    "record the application itself": "bp.record(lambda s: setattr(s.app, 'wsgi_app', None))",
    "record for a blueprint of the core": "bp.record(lambda s: s.app.before_request_funcs"
    ".setdefault('database', []).append(lambda: 'mine'))",
    "the name of one of the core's": "bp = Blueprint('database', __name__)\n"
    "bp.add_url_rule('/status', 'status', lambda: 'mine')\n"
    "bp.before_request(lambda: 'mine')\nbp.errorhandler(Exception)(lambda error: 'mine')",
    "the name of another plugin's": "bp = Blueprint('pears', __name__)\n"
    "bp.add_url_rule('/items', 'index', lambda: 'mine')\nbp.before_request(lambda: 'mine')",
    "the name that plugins are below": "bp = Blueprint('plugin', __name__)\n"
    "bp.add_url_rule('/items', 'index', lambda: 'mine')\nbp.before_request(lambda: 'mine')",
    "a prefix that leads out": "bp.url_prefix = '/../pears'",
    "a prefix with a variable": "bp.url_prefix = '/<path:x>'",
    "a redirection": "bp.add_url_rule('/x', 'x', lambda: 'x', redirect_to='/api/db/status')",
}


def answers(app: Flask) -> list[Any]:
    """Return what everybody else answers, and the addresses they answer at."""
    client = app.test_client()
    found: list[Any] = sorted(
        f"{rule} {rule.endpoint}" for rule in app.url_map.iter_rules() if "/bad" not in rule.rule
    )
    for method, path in (
        ("GET", "/livez"),
        ("GET", "/readyz"),
        ("GET", "/api/db/status"),
        ("DELETE", "/api/db/status"),
        ("POST", "/api/db/setup"),
        ("GET", "/api/plugin/pears/items"),
        ("GET", "/api/plugin/pears/nothing"),
        ("GET", "/nowhere"),
        ("GET", "/x"),
        ("GET", "/static/x"),
    ):
        answer = client.open(path, method=method)
        headers = {key: value for key, value in answer.headers if key != "X-Request-ID"}
        found.append((path, answer.status_code, answer.text, headers))
    return found


@pytest.mark.parametrize("what", [*APPLICATION_WIDE, *IN_VAIN])
def test_others_answer_as_before(folder: Folder, start: Start, what: str) -> None:
    expected = answers(start())
    folder.add(
        "bad",
        blueprint((APPLICATION_WIDE | IN_VAIN)[what]).replace(
            "[bp]", "bp if isinstance(bp, list) else [bp]"
        ),
    )
    app = start()

    assert answers(app) == expected
    bad = told(app)["bad"]
    assert bad["code"] == ("plugin_route_invalid" if what in APPLICATION_WIDE else None)
    addresses = [rule.rule for rule in app.url_map.iter_rules() if "bad" in rule.endpoint]
    assert all(address.startswith("/api/plugin/bad/") for address in addresses)
    assert bool(addresses) == (what in IN_VAIN)
    if what in APPLICATION_WIDE:
        assert ask(app, "things").json["details"]["plugin"] == "bad"
    else:
        set_up(app, SQLITE)
        assert_others_work(app)


@pytest.mark.parametrize(
    "lines",
    [
        "def inner(): return {'things': []}\nnested = Blueprint('nested', __name__)\n"
        "nested.add_url_rule('/things', 'x', inner)\n"
        "bp = Blueprint('outer', __name__)\nbp.register_blueprint(nested)",
        "bp.url_prefix = '/api/plugin/bad'",
        "bp = Blueprint('bad', __name__, static_folder='.', static_url_path='')\n"
        "Path(__file__).with_name('things').write_text('{\"things\": []}')",
        "bp.url_prefix = ''",
    ],
    ids=["nested", "in full", "static", "no prefix"],
)
def test_what_works(folder: Folder, start: Start, lines: str) -> None:
    folder.add("bad", blueprint(*lines.splitlines()))
    app = start()
    set_up(app, SQLITE)

    answer = ask(app, "things")
    assert answer.status_code == 200
    assert json.loads(answer.text) == {"things": []}
    answer.close()
    assert app.test_client().get("/things").status_code == 404
    assert_others_work(app)


def test_two_plugins_with_a_blueprint_of_the_same_name(folder: Folder, start: Start) -> None:
    for name in ("bad", "worse"):
        folder.add(
            name,
            "bp = Blueprint('common', __name__)\n"
            "@bp.get('/who')\ndef who():\n    from flask import url_for\n"
            "    return {'who': 'NAME', 'url': url_for('common.who'), 'dot': url_for('.who')}\n"
            "@bp.before_request\ndef before():\n    g.who = 'NAME'\n"
            "@bp.after_request\ndef after(response):\n"
            "    response.headers.add('X-Who', g.who)\n    return response\n"
            + hook("blueprints()", "return [bp]"),
        )
    app = start()
    set_up(app, SQLITE)

    for name in ("bad", "worse"):
        answer = ask(app, "who", name)
        url = f"/api/plugin/{name}/who"
        assert answer.json == {"who": name, "url": url, "dot": url}
        assert answer.headers.getlist("X-Who") == [name]
    assert "X-Who" not in ask(app, "items", "pears").headers


def test_commands_that_come_with_a_blueprint(folder: Folder, start: Start) -> None:
    for group, refused in ((None, False), ("bad", False), ("db", True), ("plugins", True)):
        folder.add(
            "bad",
            blueprint(
                "bp.cli.command('status')(lambda: click.echo('mine'))", f"bp.cli_group = {group!r}"
            ),
        )
        app = start()
        assert told(app)["bad"]["code"] == ("plugin_command_invalid" if refused else None)
        assert "mine" not in command(app, "db", "status").output
        assert "apples" in command(app, "plugins", "list").output
