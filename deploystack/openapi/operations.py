"""Routes as OpenAPI has them: from the rule, the view, and what is said of it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from apispec import APISpec
from flask import Flask
from werkzeug.routing import Rule

from ..access import SAFE_METHODS, answering, asked_for
from ..documented import NOTHING, Documented, File, said_of
from . import errors
from .examples import NoExample, example_of
from .places import for_people, may_redirect, methods_of, parameters, path_of, shape_of, tag_of
from .schemas import Plugin, distinct

SETUP_TOKEN = "setup_token"
SESSION, TOKEN = "session", "bearer"
IF_MATCH = "If-Match"  # by this name apispec refers to a component

REQUEST_ID = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}
_WAIT = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
_HOW = {"WWW-Authenticate": {"$ref": "#/components/headers/WWW-Authenticate"}}
_ETAG = {"ETag": {"$ref": "#/components/headers/ETag"}}
_COOKIE = {"Set-Cookie": {"$ref": "#/components/headers/Set-Cookie"}}
_ALLOW = {"Allow": {"$ref": "#/components/headers/Allow"}}
_HEADERS = {401: _HOW, 405: _ALLOW, 409: _WAIT, 412: _ETAG, 429: _WAIT, 503: _WAIT}

_BEFORE_IT = {401, 403, 503}
"""What is answered before a view is called; any other may be its own, if it says nothing."""

_WHATEVER = {"description": "Whatever the plugin answers."}
_ELSEWHERE = {
    "description": "Permanent Redirect.",
    "headers": {
        **REQUEST_ID,
        "Location": {
            "description": "Where it is.",
            "required": True,
            "schema": {"type": "string", "format": "uri-reference"},
        },
    },
    "content": {"text/html": {"schema": {"type": "string"}}},
}
_NOT_FOR_CALLERS = re.compile(
    r"^(?:(?:Args|Raises|Returns|Yields):$|:\w[\w ]*:|(?:Parameters|Raises|Returns|Yields)\n-+$)",
    re.MULTILINE,
)
_IN_LINES = re.compile(r"^(?:[-*+|#>]|\d+[.)]| {4}|```)", re.MULTILINE)
"""A list, a table, a heading, what is quoted, code."""


class Operations:
    """Adds routes to a document, and the components that several share.

    Args:
        app: whose routes they are.
        spec: the document.
        plugin: turns schemas into JSON Schema.
    """

    def __init__(self, app: Flask, spec: APISpec, plugin: Plugin) -> None:
        self._app = app
        self._spec = spec
        self._plugin = plugin
        self._paths: dict[str, str] = {}
        self._done: set[tuple[str, str]] = set()
        self._identifiers: set[str] = set()
        self._errors: dict[tuple[object, ...], dict[str, str]] = {}

    def add(self, rule: Rule, *, unsaid: bool = False) -> None:
        """Add a route.

        A path is there once, whatever its variables are called and of whichever kind they are.
        Where two routes share path and method, OpenAPI has room for the first.

        Args:
            rule: the route.
            unsaid: whether to leave out what is said of it.
        """
        own = path_of(rule)
        path = self._paths.setdefault(shape_of(own), own)
        for method in methods_of(rule):
            if (path, method) not in self._done:
                self._done.add((path, method))
                made = self._operation(rule, method, path, unsaid=unsaid)
                self._spec.path(path, operations={method.lower(): made})

    def _operation(self, rule: Rule, method: str, path: str, *, unsaid: bool) -> dict[str, Any]:
        view = self._app.view_functions[rule.endpoint]
        answers = answering(view, method)
        said = NOTHING if unsaid else said_of(answers)
        permissions = asked_for(view, method)
        summary, description = _told(answers, rule.endpoint)
        for permission in sorted(permissions):
            description += f"\n\nTakes the permission `{permission}`."
        made: dict[str, Any] = {
            "operationId": self._identifier(rule, method),
            "tags": [tag_of(rule)],
            "summary": summary,
            "description": description.strip() or f"{summary}.",
            "security": _security(bool(permissions), said),
        }
        given: list[Any] = parameters(rule, path, self._app.url_map.converters)
        given += self._in_query(said)
        given += [IF_MATCH] if said.takes_if_match else []
        if given:
            made["parameters"] = given
        if said.body is not None:
            made["requestBody"] = {
                "required": said.needs_body,
                "content": {"application/json": self._content(said.body, without="readOnly")},
            }
        elif said is NOTHING and method not in SAFE_METHODS:
            made["requestBody"] = {"content": {"application/json": {"schema": {}}}}
        may_fail = errors.errors_of(rule, method, bool(permissions), said)
        made["responses"] = self._responses(said, may_fail, made["operationId"], for_people(rule))
        if may_redirect(rule, self._app.url_map.iter_rules(rule.endpoint)):
            made["responses"]["308"] = _ELSEWHERE
        return made

    def _responses(
        self,
        said: Documented,
        may_fail: Mapping[int, list[str]],
        identifier: str,
        is_for_people: bool,
    ) -> dict[str, Any]:
        found = {str(status): self._answer(status, said) for status in sorted(said.answers)}
        if not said.answers:
            found |= {"2XX": _WHATEVER, "default": _WHATEVER}
        for status, codes in may_fail.items():
            if said is not NOTHING or status in _BEFORE_IT:
                told = self._error_or_page if is_for_people else self._error
                found[str(status)] = told(status, codes, identifier)
        return found

    def _identifier(self, rule: Rule, method: str) -> str:
        """Return what an operation is called, another name for each."""
        name = re.sub(r"\W+", "_", rule.endpoint, flags=re.ASCII)
        if len(methods_of(rule)) > 1:
            name = f"{name}_{method.lower()}"
        name = distinct(name, self._identifiers)
        self._identifiers.add(name)
        return name

    def _answer(self, status: int, said: Documented) -> dict[str, Any]:
        schema = said.answers[status]
        headers = {
            **REQUEST_ID,
            **(_ETAG if said.sends_etag else {}),
            **(_COOKIE if said.sets_cookie else {}),
        }
        made: dict[str, Any] = {"description": errors.phrase(status), "headers": headers}
        if isinstance(schema, File):
            is_object = schema.media_type in {"application/json", "application/yaml"}
            kind = {"type": "object" if is_object else "string"}
            made["description"] = schema.description
            made["content"] = {schema.media_type: {"schema": kind}}
        elif schema is not None:
            made["content"] = {"application/json": self._content(schema, without="writeOnly")}
        return made

    def _error(self, status: int, codes: list[str], operation: str) -> dict[str, str]:
        """Return where in the document the answer is that has this status and one of the codes."""
        wanted = errors.name_of(status, codes, operation)
        key = (wanted, status, *codes)
        if key not in self._errors:
            components = self._spec.components
            name = distinct(wanted, components.responses)
            components.schema(f"{name}Error", errors.schema(codes))
            of = {"$ref": f"#/components/schemas/{name}Error"}
            headers = {**REQUEST_ID, **_HEADERS.get(status, {})}
            components.response(name, errors.response(status, codes, of, headers))
            self._errors[key] = {"$ref": f"#/components/responses/{name}"}
        return self._errors[key]

    def _error_or_page(self, status: int, codes: list[str], operation: str) -> dict[str, str]:
        """Return where the same is for an address at which a browser is shown a page of it."""
        where = self._error(status, codes, operation)["$ref"]
        name, told = where.rpartition("/")[2], self._spec.components.responses
        if f"{name}OrPage" not in told:
            content = {**told[name]["content"], "text/html": {"schema": {"type": "string"}}}
            self._spec.components.response(f"{name}OrPage", {**told[name], "content": content})
        return {"$ref": f"{where}OrPage"}

    def _content(self, schema: Any, *, without: str) -> dict[str, Any]:
        convert: Any = self._plugin.schemas.resolve_nested_schema  # apispec has no types here
        made = {"schema": convert(schema)}
        with suppress(NoExample):
            made["example"] = example_of(made["schema"], self._spec.components.schemas, without)
        return made

    def _in_query(self, said: Documented) -> list[dict[str, Any]]:
        if said.query is None:
            return []
        schema = said.query() if isinstance(said.query, type) else said.query
        found: list[dict[str, Any]] = self._plugin.schemas.schema2parameters(
            schema, location="query"
        )
        return found


def _told(view: Callable[..., Any], endpoint: str) -> tuple[str, str]:
    """Return the first paragraph of what a view says of itself, and the rest for its callers."""
    text = (inspect.getdoc(view) or "").encode("utf-8", "replace").decode()
    text = _NOT_FOR_CALLERS.split(text, 1)[0].replace("``", "`").strip()
    if not text:
        name = getattr(view, "__name__", "")
        named = name if name.isidentifier() else endpoint.rpartition(".")[2]
        text = re.sub(r"\W|_", " ", named).capitalize()
    first, *others = re.split(r"\n\s*\n", text)
    if _IN_LINES.search(first):
        first, _, second = first.partition("\n")
        others = [second, *others]
    summary = " ".join(first.split()).removesuffix(".")
    return summary, "\n\n".join(map(_joined, filter(None, others)))


def _joined(paragraph: str) -> str:
    """Return a paragraph on one line, unless Markdown means something by its lines."""
    return paragraph if _IN_LINES.search(paragraph) else " ".join(paragraph.split())


def _security(is_guarded: bool, said: Documented) -> list[dict[str, Any]]:
    if said.who == "setup":
        return [{}, {SETUP_TOKEN: []}]
    if said.who == "session":
        return [{SESSION: []}]
    return [{SESSION: []}, {TOKEN: []}] if is_guarded or said.who == "login" else []
