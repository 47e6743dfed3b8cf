"""One route as OpenAPI has it: from its rule, its view, and what is said of it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from apispec import APISpec
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.routing.rules import parse_converter_args

from ..documented import Documented, File
from . import errors
from .examples import example_of
from .schemas import Plugin

_VARIABLE = re.compile(r"<(?:(?P<kind>\w+)(?:\((?P<arguments>.*?)\))?:)?(?P<name>\w+)>")
_DECLARES_NOTHING = Documented({})

SETUP_TOKEN = "setup_token"
SESSION, TOKEN = "session", "bearer"
IF_MATCH = "If-Match"  # by this name apispec refers to a component

REQUEST_ID = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}
_WAIT = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
_HOW = {"WWW-Authenticate": {"$ref": "#/components/headers/WWW-Authenticate"}}
_ETAG = {"ETag": {"$ref": "#/components/headers/ETag"}}
_HEADERS = {401: _HOW, 409: _WAIT, 412: _ETAG, 429: _WAIT, 503: _WAIT}


def path_of(rule: Rule) -> str:
    """Return the path of ``rule`` as a template of OpenAPI."""
    return _VARIABLE.sub(r"{\g<name>}", rule.rule)


def methods_of(rule: Rule) -> list[str]:
    """Return the methods that a view is for; Flask answers HEAD and OPTIONS by itself."""
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


class Operations:
    """Makes operations, and the components that several share.

    Args:
        app: whose routes they are.
        spec: where the components are kept.
        plugin: turns schemas into JSON Schema.
    """

    def __init__(self, app: Flask, spec: APISpec, plugin: Plugin) -> None:
        self._app = app
        self._spec = spec
        self._plugin = plugin

    def operation(self, rule: Rule, method: str, *, unsaid: bool = False) -> dict[str, Any]:
        """Return the operation of a route.

        Args:
            rule: the route.
            method: one of its methods.
            unsaid: whether to leave out what is said of it.
        """
        view = self._app.view_functions[rule.endpoint]
        said: Documented = getattr(view, "documentation", _DECLARES_NOTHING)
        if unsaid:
            said = _DECLARES_NOTHING
        permissions: frozenset[str] = getattr(view, "permissions", frozenset())
        summary, description = _told(view)
        made: dict[str, Any] = {
            "operationId": _identifier(rule, method),
            "tags": [tag_of(rule)],
            "summary": summary,
            "security": _security(bool(permissions), said),
        }
        for permission in sorted(permissions):
            description = f"{description}\n\nTakes the permission `{permission}`.".strip()
        if description:
            made["description"] = description
        parameters: list[Any] = [*self._in_path(rule), *self._in_query(said)]
        if said.takes_if_match:
            parameters.append(IF_MATCH)
        if parameters:
            made["parameters"] = parameters
        if said.body is not None:
            made["requestBody"] = {
                "required": said.needs_body,
                "content": {"application/json": self._content(said.body)},
            }
        elif said is _DECLARES_NOTHING and method not in errors.SAFE:
            made["requestBody"] = {"content": {"application/json": {"schema": {}}}}
        made["responses"] = self._responses(rule, method, bool(permissions), said)
        return made

    def _responses(
        self, rule: Rule, method: str, is_guarded: bool, said: Documented
    ) -> dict[str, Any]:
        found = {str(status): self._answer(status, said) for status in sorted(said.answers)}
        if said is _DECLARES_NOTHING:
            found["2XX"] = {"description": "Whatever the plugin answers."}
            failure = self._component("Failure", _any_failure)
            found |= {"4XX": failure, "5XX": failure}
        name = _identifier(rule, method)
        for status, codes in errors.errors_of(rule, method, is_guarded, said).items():
            found[str(status)] = self._error(status, codes, name)
        return found

    def _answer(self, status: int, said: Documented) -> dict[str, Any]:
        schema = said.answers[status]
        headers = {**REQUEST_ID, **(_ETAG if said.sends_etag else {})}
        if isinstance(schema, File):
            is_object = schema.media_type in {"application/json", "application/yaml"}
            kind = {"type": "object" if is_object else "string"}
            content: dict[str, Any] = {schema.media_type: {"schema": kind}}
            return {"description": schema.description, "headers": headers, "content": content}
        return {
            "description": HTTPStatus(status).phrase + ".",
            "headers": headers,
            "content": {"application/json": self._content(schema)},
        }

    def _error(self, status: int, codes: list[str], operation: str) -> dict[str, Any]:
        name = errors.name_of(status, codes, operation)
        headers = {**REQUEST_ID, **_HEADERS.get(status, {})}

        def make() -> dict[str, Any]:
            self._spec.components.schema(f"{name}Error", errors.schema(codes))
            of = {"$ref": f"#/components/schemas/{name}Error"}
            return errors.response(status, codes, of, headers)

        return self._component(name, make)

    def _component(self, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        if name not in self._spec.components.responses:
            self._spec.components.response(name, make())
        return {"$ref": f"#/components/responses/{name}"}

    def _content(self, schema: Any) -> dict[str, Any]:
        convert: Any = self._plugin.schemas.resolve_nested_schema  # apispec has no types here
        reference = convert(schema)
        return {
            "schema": reference,
            "example": example_of(reference, self._spec.components.schemas),
        }

    def _in_path(self, rule: Rule) -> list[dict[str, Any]]:
        return [
            {
                "name": found["name"],
                "in": "path",
                "required": True,
                "description": _described(found["name"]),
                "schema": self._of_variable(found["kind"] or "default", found["arguments"] or ""),
            }
            for found in _VARIABLE.finditer(rule.rule)
        ]

    def _of_variable(self, kind: str, arguments: str) -> dict[str, Any]:
        values, named = parse_converter_args(arguments)
        if kind == "any":
            return {"type": "string", "enum": list(values)}
        if kind in {"int", "float"}:
            bounds = {"minimum": named.get("min"), "maximum": named.get("max")}
            bounds["minimum"] = bounds["minimum"] if named.get("signed") else bounds["minimum"] or 0
            given = {name: bound for name, bound in bounds.items() if bound is not None}
            return {"type": "integer" if kind == "int" else "number", **given}
        if kind == "uuid":
            return {"type": "string", "format": "uuid"}
        own: dict[str, Any] = getattr(self._app.url_map.converters[kind], "json_schema", {})
        return {"type": "string", "minLength": 1, **own}

    def _in_query(self, said: Documented) -> list[dict[str, Any]]:
        if said.query is None:
            return []
        schema = said.query() if isinstance(said.query, type) else said.query
        found: list[dict[str, Any]] = self._plugin.schemas.schema2parameters(
            schema, location="query"
        )
        return found


def tag_of(rule: Rule) -> str:
    """Return the heading that a route is under: the plugin's name, or its place below ``/api``."""
    parts = rule.rule.strip("/").split("/")
    if parts[:2] == ["api", "plugin"]:
        return f"plugin {parts[2]}"
    names = {"db": "database", "openapi.json": "documentation", "openapi.yaml": "documentation"}
    if parts[0] != "api":
        return "documentation" if parts[0] == "documentation" else "health"
    return names.get(parts[1], parts[1])


def _described(name: str) -> str:
    """Return what a variable of an address is, for a reader: its name, in words."""
    words = name.replace("_", " ")
    return f"The id of the {words[:-3]}." if words.endswith(" id") else f"The {words}."


def is_page(rule: Rule) -> bool:
    """Return whether it is a page for people, which is no part of the API."""
    return str(rule.endpoint).startswith("web.")


def _identifier(rule: Rule, method: str) -> str:
    name = re.sub(r"\W+", "_", rule.endpoint)
    return name if len(methods_of(rule)) == 1 else f"{name}_{method.lower()}"


def _told(view: Callable[..., Any]) -> tuple[str, str]:
    """Return the first line of what a view says of itself, and the rest that is for its callers."""
    text = inspect.getdoc(view) or view.__name__.replace("_", " ").capitalize() + "."
    text = text.partition("\nRaises:")[0]
    first, _, rest = text.replace("``", "`").partition("\n")
    return first.removesuffix("."), " ".join(rest.split())


def _security(is_guarded: bool, said: Documented) -> list[dict[str, Any]]:
    if said.who == "setup":
        return [{}, {SETUP_TOKEN: []}]
    if said.who == "session":
        return [{SESSION: []}]
    return [{SESSION: []}, {TOKEN: []}] if is_guarded or said.who == "login" else []


def _any_failure() -> dict[str, Any]:
    return {
        "description": "What went wrong.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
