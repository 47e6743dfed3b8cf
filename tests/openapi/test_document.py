"""The document itself: complete, valid, and the same as the code and the pages say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator

from deploystack.database.codes import REFUSED, UNAVAILABLE
from deploystack.openapi.kept import get_texts
from deploystack.openapi.meanings import MEANINGS
from deploystack.plugins.codes import OUT_OF_SERVICE
from tests.auth.test_access_matrix import ROUTES
from tests.support.documented import DOCUMENT
from tests.support.pages import DOCS, quoted, table
from tests.support.schemathesis import codes_of, operations

JSON = "application/json"
UNREFUSED = {"GET /livez", "GET /readyz"}
"""Whoever watches the process is never told to have done wrong."""


def template(rule: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def everywhere(part: Any) -> Iterator[dict[str, Any]]:
    """Yield each object in a document."""
    if isinstance(part, dict):
        yield part
    for inner in (
        part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    ):
        yield from everywhere(inner)


def test_the_file_is_current(app: Flask) -> None:
    """`make api-spec` writes all."""
    texts = get_texts(app)

    assert DOCUMENT.read_text("utf-8") == texts.text("json")
    assert (DOCS / "postman.json").read_text("utf-8") == texts.text("postman")
    assert (DOCS / "reference" / "routes.md").read_text("utf-8") == texts.text("markdown")


def test_it_is_valid(document: dict[str, Any]) -> None:
    """By the official schema of OpenAPI 3.1, and by what that cannot say."""
    OpenAPIV31SpecValidator(document).validate()


def test_every_route_is_in_it(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        f"{method} {template(rule.rule)}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not str(rule.endpoint).startswith("web.")
    }

    assert {name for name, _ in operations(document)} == routes


def test_every_operation_is_said_in_full(document: dict[str, Any]) -> None:
    names = []
    for name, operation in operations(document):
        names.append(operation["operationId"])
        assert operation["summary"].strip(), name
        assert not operation["summary"].endswith("."), name
        assert operation["description"].strip(), name
        assert operation["tags"], name
        assert name in UNREFUSED or any(s.startswith("4") for s in operation["responses"]), name
        assert {*operation["responses"]} & {"200", "201"}, f"{name} says nothing of itself"
        assert "500" in operation["responses"], name
        for parameter in operation.get("parameters", []):
            assert "$ref" in parameter or parameter.get("description"), (name, parameter)
    assert len(names) == len(set(names))
    assert all(tag["description"] for tag in document["tags"])
    assert {tag["name"] for tag in document["tags"]} == {
        tag for _, operation in operations(document) for tag in operation["tags"]
    }


def test_what_is_not_used_is_not_there(document: dict[str, Any]) -> None:
    references = {part["$ref"] for part in everywhere(document) if "$ref" in part}
    components = {
        f"#/components/{kind}/{name}"
        for kind, named in document["components"].items()
        if kind != "securitySchemes"
        for name in named
    }

    assert components == references


@pytest.mark.parametrize("name", [f"{method} {template(rule)}" for method, rule in ROUTES])
def test_who_may_ask_is_what_the_matrix_says(document: dict[str, Any], name: str) -> None:
    who = {f"{method} {template(rule)}": who for (method, rule), who in ROUTES.items()}[name]
    operation = dict(operations(document))[name]
    ways = {way for choice in operation["security"] for way in choice}
    refused = codes_of(document, operation["responses"].get("401", {}))

    if who == "anybody":
        assert ways <= {"setup_token"}
        assert "login_required" not in refused
    else:
        assert ways == ({"session"} if who == "session" else {"session", "bearer"})
        assert refused == {"login_required"}
    if "." in who:
        assert f"`{who}`" in operation["description"]


def test_each_code_is_explained_as_on_the_page(document: dict[str, Any]) -> None:
    rows = {quoted(row["code"]): row for row in table(DOCS / "reference/error-codes.md", "code")}
    plain = {
        code: re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", row["what it means"])
        for code, row in rows.items()
        if row.get("status")
    }
    used = {
        code
        for _, operation in operations(document)
        for response in operation["responses"].values()
        for code in codes_of(document, response)
    }

    assert plain == MEANINGS
    assert used <= plain.keys()
    for name, operation in operations(document):
        for status, response in operation["responses"].items():
            for code in codes_of(document, response):
                assert status in rows[code]["status"], (name, status, code)


def who_may(operation: dict[str, Any]) -> str:
    """Return who may call an operation, as the page says it."""
    ways = {way for choice in operation["security"] for way in choice}
    permission = re.search(r"Takes the permission (`[\w.]+`)", operation.get("description", ""))
    if permission:
        return permission[1]
    if "setup_token" in ways:
        return "who may set up"
    return {0: "anybody", 1: "a session", 2: "a session or token"}[len(ways)]


def test_the_page_lists_every_route(document: dict[str, Any]) -> None:
    rows = [tuple(row.values()) for row in table(DOCS / "reference/api.md", "route")]

    assert sorted(rows) == sorted(
        (f"`{name}`", who_may(operation), operation["summary"])
        for name, operation in operations(document)
    )


def test_a_database_has_the_codes_that_the_page_says() -> None:
    rows = table(DOCS / "reference/error-codes.md", "code")
    of_databases = [row for row in rows if re.match(r"`(db|migration)_", row["code"])]
    others = {"database_file_missing", "not_configured", "out_of_resources", "selection_unreadable"}

    for status, codes in (("422", set(REFUSED)), ("503", set(UNAVAILABLE) - others)):
        named = {quoted(row["code"]) for row in of_databases if status in row.get("status", "")}
        assert codes == named


def test_a_plugin_has_the_codes_that_the_page_says() -> None:
    rows = table(DOCS / "reference/error-codes.md", "code")
    of_plugins = [row for row in rows if row["code"].startswith("`plugin_")]

    assert set(OUT_OF_SERVICE) == {
        quoted(row["code"]) for row in of_plugins if "503" in row.get("status", "")
    }


def test_examples_are_what_they_are_examples_of(document: dict[str, Any]) -> None:
    components = {"components": document["components"]}
    seen = 0
    for part in everywhere(document):
        if "schema" not in part:
            continue
        given = [part["example"]] if "example" in part else []
        given += [example["value"] for example in part.get("examples", {}).values()]
        validator = jsonschema_rs.Draft202012Validator({**part["schema"], **components})
        for example in given:
            validator.validate(example)
            seen += 1
    for name, schema in document["components"]["schemas"].items():
        for part in everywhere(schema):
            if isinstance(part.get("examples"), list) and "$ref" not in part:
                validator = jsonschema_rs.Draft202012Validator({**part, **components})
                assert all(map(validator.is_valid, part["examples"])), (name, part)

    assert seen > 100


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for body in bodies:
            content = body.get("content", {}).get(JSON)
            if content and content["schema"] != {"type": "object"}:
                assert content.keys() & {"example", "examples"}, name
                assert '"text"' not in json.dumps(content), name
