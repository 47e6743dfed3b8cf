"""Plugins whose routes are unusual, or say what is wrong: the document has them, and is valid."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.conftest import MakeApp
from tests.openapi.conftest import document_with
from tests.support.applications import set_up
from tests.support.people import administrator

HOME = "/api/plugin/odd"
SOURCE = '''
import enum

from flask import Blueprint
from flask.views import MethodView
from marshmallow import Schema, fields, validate
from deploystack.plugins import *

class Note(Schema):
    text = fields.String(required=True, metadata={"example": "Buy milk."})

blueprint = Blueprint("odd", __name__)
route = blueprint.route

def view(**variables):
    """Do it."""
    return {}

def add(path, endpoint="it", function=view, **options):
    blueprint.add_url_rule(path, endpoint, function, **options)

%s

@hookimpl
def deploystack_metadata():
    return PluginMetadata(name="odd", version="1.0")

@hookimpl
def deploystack_blueprints():
    return [blueprint]
'''


def odd(code: str) -> str:
    return SOURCE % textwrap.dedent(code)


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the operations of the plugin by their method and the rest of their path."""
    return {
        f"{method.upper()} {path.removeprefix(HOME)}": operation
        for path, methods in document["paths"].items()
        if path.startswith(f"{HOME}/")
        for method, operation in methods.items()
    }


ROUTES = {
    "a method that OpenAPI does not know": (
        'add("/a", methods=["PROPFIND", "GET"])',
        {"GET /a"},
    ),
    "HEAD alone": ('add("/a", methods=["HEAD"])', {"HEAD /a"}),
    "OPTIONS alone": ('add("/a", methods=["OPTIONS"])', {"OPTIONS /a"}),
    "an address for url_for() alone": ('add("/a"); add("/b", "b", build_only=True)', {"GET /a"}),
    "two addresses of one endpoint": ('add("/a"); add("/b")', {"GET /a", "GET /b"}),
    "endpoints that are alike": (
        'add("/a", "x", methods=["GET", "POST"]); add("/b", "x_get"); add("/c", "x-get")',
        {"GET /a", "POST /a", "GET /b", "GET /c"},
    ),
    "one path, with variables of two names": (
        'add("/<int:x>", "x"); add("/<int:y>", "y", methods=["PUT"])',
        {"GET /{x}", "PUT /{x}"},
    ),
    "one path, with variables of two kinds": (
        'add("/<int:x>", "x"); add("/<y>", "y")',
        {"GET /{x}"},
    ),
    "what an address cannot hold": (
        'add("/a?b#c%/<x>/ü d")',
        {"GET /a%3Fb%23c%25/{x}/%C3%BC%20d"},
    ),
    "braces": ('add("/{a}/<b>")', {"GET /%7Ba%7D/{b}"}),
    "a docstring that is no Unicode": (
        r"""
        def bad(): ...
        bad.__doc__ = "No \udc80."
        add("/a", function=bad)
        """,
        {"GET /a"},
    ),
    "attributes of its own": (
        """
        view.permissions = 5
        view.documentation = "mine"
        add("/a")
        """,
        {"GET /a"},
    ),
}


@pytest.mark.parametrize("what", ROUTES)
def test_every_route_is_in_it(tmp_path: Path, what: str) -> None:
    code, expected = ROUTES[what]

    made = operations(document_with(tmp_path, odd(code)))

    assert made.keys() == expected
    assert len({operation["operationId"] for operation in made.values()}) == len(made)


def test_what_each_method_of_a_class_says_is_said_of_it(tmp_path: Path) -> None:
    code = """
    class Notes(MethodView):
        '''The notes.'''

        def get(self):
            '''Return them.

            All of them.

            Args:
                self: nobody's business.
            '''

        @require_permission("odd.write")
        @Documented({201: Note}, body=Note)
        def post(self):
            '''Write one.'''

    add("/notes", function=Notes.as_view("notes"))
    """
    made = operations(document_with(tmp_path, odd(code)))
    get, post = made["GET /notes"], made["POST /notes"]

    assert (get["summary"], get["description"]) == ("Return them", "All of them.")
    assert get["security"] == []
    assert post["summary"] == "Write one"
    assert "`odd.write`" in post["description"]
    assert post["security"] != []
    assert "201" in post["responses"]


def test_what_a_view_is_called_by_is_no_sentence_of_its_own(tmp_path: Path) -> None:
    code = """
    import functools

    def told(x, y):
        '''Tell of everything, in a sentence that takes more than one
        line.

        - One
        - two

        And
        more.

        Parameters
        ----------
        x : nobody's business
        '''

    def with_list():
        '''Tell:
        - one
        - two
        '''

    add("/told", "told", functools.partial(require_permission("odd.tell")(told), 1))
    add("/list", "list", with_list)
    add("/lambda", "by-lambda", lambda: {})
    """
    made = operations(document_with(tmp_path, odd(code)))
    told, with_list, nameless = made["GET /told"], made["GET /list"], made["GET /lambda"]

    assert told["summary"] == "Tell of everything, in a sentence that takes more than one line"
    assert told["description"] == ("- One\n- two\n\nAnd more.\n\nTakes the permission `odd.tell`.")
    assert told["security"] != []
    assert (with_list["summary"], with_list["description"]) == ("Tell:", "- one\n- two")
    assert nameless["summary"] == "By lambda"


def test_what_leads_on_says_so(tmp_path: Path) -> None:
    """A route that is an old address of another, and one that says what is left out by default."""
    code = """
    Documented({200: Note})(view)
    add("/pages", "pages", defaults={"page": 1})
    add("/pages/<int:page>", "pages")
    add("/old", "old", redirect_to="/api/plugin/odd/pages")
    """
    made = operations(document_with(tmp_path, odd(code)))

    leads = {name for name, operation in made.items() if "308" in operation["responses"]}
    assert leads == {"GET /pages/{page}", "GET /old"}
    assert "Location" in made["GET /old"]["responses"]["308"]["headers"]


def test_a_route_may_answer_what_is_no_json(tmp_path: Path) -> None:
    code = """
    add("/a", function=Documented({200: File("text/csv", "All notes.")})(view))
    """
    said = operations(document_with(tmp_path, odd(code)))["GET /a"]["responses"]["200"]

    assert said["description"] == "All notes."
    assert said["content"] == {"text/csv": {"schema": {"type": "string"}}}


def test_an_administrator_may_what_a_method_of_a_class_asks_for(
    make_app: MakeApp, tmp_path: Path, body: dict[str, str]
) -> None:
    code = """
    import functools

    class Notes(MethodView):
        @require_permission("odd.write")
        def post(self):
            return {}

    add("/notes", function=Notes.as_view("notes"))
    partly = functools.partial(require_permission("odd.more")(view), x=1)
    add("/partly", "partly", partly, methods=["POST"])
    """
    (tmp_path / "odd.py").write_text(odd(code))
    app = make_app(DEPLOYSTACK_PLUGINS_PATH=tmp_path)
    set_up(app, body)

    admin = administrator(app)
    for place in ("notes", "partly"):
        assert admin.post(f"{HOME}/{place}", json={}).status_code == 200


@pytest.mark.parametrize(
    "default", ['float("nan")', r'"\udc80"', "float('inf')"], ids=["nan", "surrogate", "infinity"]
)
def test_what_json_cannot_say_is_left_out(tmp_path: Path, default: str) -> None:
    code = f"""
    class Wrong(Schema):
        it = fields.Raw(load_default={default})

    add("/a", function=Documented({{200: Note}}, body=Wrong)(view), methods=["PUT"])
    """
    assert "2XX" in operations(document_with(tmp_path, odd(code)))["PUT /a"]["responses"]


def test_what_yaml_does_not_know_is_the_same_in_it(tmp_path: Path) -> None:
    code = """
    class Color(str, enum.Enum):
        RED = "red"

    class Paint(Schema):
        color = fields.String(load_default=Color.RED, metadata={"1": {1: 2}})

    add("/a", function=Documented({200: Note}, body=Paint)(view), methods=["PUT"])
    """
    assert "200" in operations(document_with(tmp_path, odd(code)))["PUT /a"]["responses"]


@pytest.mark.parametrize(
    "errors", ["{409: 'note_exists'}", "{409: ['Note exists!']}", "{42: ['no_status']}"]
)
def test_codes_that_no_error_can_have_are_left_out(tmp_path: Path, errors: str) -> None:
    code = f"add('/a', function=Documented({{200: Note}}, errors={errors})(view))"

    assert "2XX" in operations(document_with(tmp_path, odd(code)))["GET /a"]["responses"]


def test_a_code_may_come_with_several_statuses(tmp_path: Path) -> None:
    """Each says its own status, and has the headers of that."""
    code = """
    errors = {409: ["not_found"], 422: ["not_found"], 499: ["not_found"]}
    add("/a", function=Documented({200: Note, 204: None, 299: Note}, errors=errors)(view))
    """
    document = document_with(tmp_path, odd(code))
    said = operations(document)["GET /a"]["responses"]
    named = document["components"]["responses"]
    found = {
        status: named[said[status]["$ref"].rpartition("/")[2]] for status in ("409", "422", "499")
    }

    assert found["409"]["description"].startswith("Conflict.")
    assert "Retry-After" in found["409"]["headers"]
    assert found["422"]["description"].startswith("Unprocessable")
    assert found["499"]["description"].startswith("Status 499.")
    assert "content" not in said["204"]
    assert "example" in said["299"]["content"]["application/json"]


def test_a_schema_may_have_any_name_and_hold_itself(tmp_path: Path) -> None:
    code = """
    class Bäume(Schema):
        name = fields.String(required=True)
        children = fields.List(fields.Nested(lambda: Bäume()), required=True)
        parent = fields.Nested(lambda: Bäume(), allow_none=True)

    add("/a", function=Documented({200: Bäume})(view))
    """
    said = operations(document_with(tmp_path, odd(code)))["GET /a"]["responses"]["200"]

    assert said["content"]["application/json"]["example"] == {
        "name": "text",
        "children": [],
        "parent": None,
    }


def test_examples_are_examples(tmp_path: Path) -> None:
    """Also where nobody gave one; and there is none where none can be found."""
    code = """
    class All(Schema):
        date = fields.Date(required=True)
        moment = fields.DateTime(required=True)
        uuid = fields.UUID(required=True)
        email = fields.Email(required=True)
        url = fields.Url(required=True)
        long = fields.String(required=True, validate=validate.Length(min=10))
        short = fields.String(required=True, validate=validate.Length(max=2))
        many = fields.List(fields.Integer(), required=True, validate=validate.Length(min=3))
        small = fields.Float(required=True, validate=validate.Range(-2, -1))
        less = fields.Integer(required=True, validate=validate.Range(max=0))
        one = fields.String(required=True, validate=validate.OneOf(["a", "b"]), allow_none=True)
        color = fields.String(validate=validate.Regexp("#[0-9a-f]{6}"))

    class Pattern(Schema):
        color = fields.String(required=True, validate=validate.Regexp("#[0-9a-f]{6}"))

    add("/a", function=Documented({200: All, 201: Pattern})(view))
    """
    document = document_with(tmp_path, odd(code))
    said = operations(document)["GET /a"]["responses"]
    content = said["200"]["content"]["application/json"]
    validator = jsonschema_rs.Draft202012Validator(
        {**content["schema"], "components": document["components"]}, validate_formats=True
    )

    validator.validate(content["example"])
    assert "color" not in content["example"]
    assert "example" not in said["201"]["content"]["application/json"]


@pytest.mark.parametrize(
    ("variable", "schema"),
    [
        ("string(length=3):x", {"type": "string", "minLength": 3, "maxLength": 3}),
        ("string(2, 5):x", {"type": "string", "minLength": 2, "maxLength": 5}),
        ("int(0, 1, 9):x", {"type": "integer", "minimum": 1, "maximum": 9}),
        ("int(signed=True):x", {"type": "integer"}),
        ("float:x", {"type": "number", "minimum": 0}),
        ("any('a)b', \"c,d\"):x", {"type": "string", "enum": ["a)b", "c,d"]}),
        ("int(fixed_digits=4):x", {"type": "string", "pattern": "^[0-9]{4}$"}),
        ("uuid:x", {"type": "string", "format": "uuid"}),
        ("path:x", {"type": "string", "minLength": 1}),
    ],
)
def test_what_a_variable_is_like_is_said(
    tmp_path: Path, variable: str, schema: dict[str, Any]
) -> None:
    document = document_with(tmp_path, odd(f"add({json.dumps(f'/<{variable}>')})"))

    assert [p["schema"] for p in operations(document)["GET /{x}"]["parameters"]] == [schema]
