"""The same document as a page in Markdown, to be read: ``docs/reference/routes.md`` is one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .operations import SESSION, SETUP_TOKEN, TOKEN

_WHO = {
    SESSION: "whoever has logged in",
    TOKEN: "a token for scripts",
    SETUP_TOKEN: "whoever shows the setup token",
}
_KINDS = {"string": "text", "integer": "whole number", "boolean": "true or false", "array": "list"}
_BOUNDS = {
    "minimum": "from {}",
    "maximum": "up to {}",
    "minLength": "{} or more characters",
    "maxLength": "up to {} characters",
    "minItems": "{} or more of them",
    "maxItems": "up to {} of them",
}

Schema = Mapping[str, Any]


def page(document: Mapping[str, Any]) -> str:
    """Return the page: a part for each tag, a section for each route, and all bodies at the end."""
    return "\n\n".join(_Page(document).parts()) + "\n"


class _Page:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._components = document["components"]

    def parts(self) -> Iterator[str]:
        info = self._document["info"]
        yield f"# All routes\n\n{info['title']} {info['version']}, made from the code."
        yield "What each code means, and what to do, is told in [error codes](error-codes.md)."
        for tag in self._document["tags"]:
            yield f"## {tag['name'].capitalize()}\n\n{tag['description']}"
            for path, methods in self._document["paths"].items():
                for method, operation in methods.items():
                    if tag["name"] in operation["tags"]:
                        yield from self._route(f"{method.upper()} {path}", operation)
        yield "## Bodies"
        for name, schema in self._components["schemas"].items():
            if not self._is_error(schema):
                yield from self._body(name, schema)

    def _route(self, name: str, operation: Mapping[str, Any]) -> Iterator[str]:
        yield f"### {name}\n\n{operation['summary']}."
        if operation["description"] != f"{operation['summary']}.":
            yield operation["description"]
        yield f"Who: {_who(operation['security'])}."
        parameters = [self._resolved(given) for given in operation.get("parameters", ())]
        if parameters:
            yield _table(
                ("parameter", "in", "what it is", "meaning"),
                [
                    (
                        f"`{given['name']}`",
                        given["in"],
                        self._type(given["schema"]),
                        given.get("description", ""),
                    )
                    for given in parameters
                ],
            )
        answers = [
            (status, self._answer(self._resolved(answer)))
            for status, answer in operation["responses"].items()
        ]
        if "requestBody" in operation:
            answers.insert(0, ("request", self._content(operation["requestBody"])))
        yield _table(("", "body"), answers)

    def _answer(self, answer: Mapping[str, Any]) -> str:
        content = answer.get("content", {}).get("application/json", {})
        schema = self._resolved(content.get("schema", {}))
        if not self._is_error(schema):
            return self._content(answer)
        [codes] = [part["properties"]["code"] for part in schema["allOf"] if "properties" in part]
        return self._type(codes)

    def _content(self, part: Mapping[str, Any]) -> str:
        return " or ".join(
            self._type(content["schema"]) if content.get("schema") else f"`{kind}`"
            for kind, content in part.get("content", {}).items()
        )

    def _body(self, name: str, schema: Schema) -> Iterator[str]:
        yield f"### {name} (body)"
        if "description" in schema:
            yield schema["description"]
        if "properties" in schema:
            yield self._members(schema)
        for choice in schema.get("oneOf", ()):
            yield self._members(choice)

    def _members(self, schema: Schema) -> str:
        required = schema.get("required", ())
        return _table(
            ("member", "what it is", "meaning"),
            [
                (
                    f"`{name}`",
                    self._type(given) + ("" if name in required else "; may be left out"),
                    given.get("description", ""),
                )
                for name, given in schema.get("properties", {}).items()
            ],
        )

    def _type(self, schema: Schema) -> str:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return f"[{name}](#{name.lower()}-body)"
        if "enum" in schema:
            return ", ".join(f"`{_literal(value)}`" for value in schema["enum"])
        for several, word in ("oneOf", " or "), ("anyOf", " or "), ("allOf", " and "):
            if several in schema:
                return word.join(self._type(choice) for choice in schema[several])
        given = schema.get("type", "anything")
        kinds = [_KINDS.get(kind, kind) for kind in ([given] if isinstance(given, str) else given)]
        text = " or ".join(kinds)
        if "items" in schema:
            text += f" of: {self._type(schema['items'])}"
        bounds = [_BOUNDS[name].format(schema[name]) for name in _BOUNDS if name in schema]
        if "format" in schema:
            bounds.insert(0, schema["format"])
        if "default" in schema:
            bounds.append(f"`{_literal(schema['default'])}` if not given")
        return ", ".join([text, *bounds])

    def _is_error(self, schema: Schema) -> bool:
        return any("$ref" in part for part in schema.get("allOf", ()))

    def _resolved(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in given:
            _, _, kind, name = given["$ref"].split("/")
            given = self._components[kind][name]
        return given


def _who(ways: list[Mapping[str, Any]]) -> str:
    named = [_WHO[name] for way in ways for name in way]
    if {} in ways:
        named.insert(0, "anybody at the machine itself")
    return ", or ".join(named or ["anybody"])


def _literal(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _table(heading: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [heading, tuple("---" for _ in heading), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
