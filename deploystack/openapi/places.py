"""Where a route is: its address as OpenAPI writes it, its variables, its methods, its heading."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from inspect import signature
from typing import Any
from urllib.parse import quote

from werkzeug.routing import BaseConverter, Rule
from werkzeug.routing.rules import parse_converter_args

Converters = Mapping[str, type[BaseConverter]]

_VARIABLE = re.compile(r"<(?:(?P<kind>\w+)(?:\((?P<arguments>.*?)\))?:)?(?P<name>\w+)>")
_PLAIN = "/:@!$&'()*+,;="
"""What a path may hold as it is (RFC 3986, 3.3), besides letters, digits and ``-._~``."""
_NAME = re.compile(r"\{(\w+)\}")
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
_HEADINGS = {"db": "database", "openapi.json": "documentation", "openapi.yaml": "documentation"}


def path_of(rule: Rule) -> str:
    """Return the path of ``rule`` as a template of OpenAPI."""
    made, end = "", 0
    for found in _VARIABLE.finditer(rule.rule):
        made += quote(rule.rule[end : found.start()], _PLAIN) + f"{{{found['name']}}}"
        end = found.end()
    return made + quote(rule.rule[end:], _PLAIN)


def shape_of(path: str) -> str:
    """Return what no two templates of a document may share: all but the names of variables."""
    return _NAME.sub("{}", path)


def methods_of(rule: Rule) -> list[str]:
    """Return the methods that a view is for, of those that OpenAPI knows.

    Where there is GET, Flask answers HEAD by itself, and OPTIONS anywhere, if nobody else does.
    """
    named = set(rule.methods or ()) & _METHODS
    if "GET" in named:
        named.discard("HEAD")
    if getattr(rule, "provide_automatic_options", True):
        named.discard("OPTIONS")
    return sorted(named)


def parameters(rule: Rule, path: str, converters: Converters) -> list[dict[str, Any]]:
    """Return the variables of ``rule``, by the names that they have in ``path``."""
    found = _VARIABLE.finditer(rule.rule)
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _described(name),
            "schema": _schema(variable["kind"] or "default", variable["arguments"], converters),
        }
        for name, variable in zip(_NAME.findall(path), found, strict=True)
    ]


def tag_of(rule: Rule) -> str:
    """Return the heading that a route is under: the plugin's name, or its place below ``/api``."""
    parts = rule.rule.strip("/").split("/")
    if parts[:2] == ["api", "plugin"]:
        return f"plugin {parts[2]}"
    if parts[0] != "api":
        return "documentation" if parts[0] == "documentation" else "health"
    return _HEADINGS.get(parts[1], parts[1])


def is_documented(rule: Rule) -> bool:
    """Return whether it is part of the API: no page for people, and no name for url_for() alone."""
    return not rule.build_only and not rule.endpoint.startswith("web.")


def may_redirect(rule: Rule, of_endpoint: Iterable[Rule]) -> bool:
    """Return whether Werkzeug leads on from ``rule``: always, or to the address for a default."""
    return rule.redirect_to is not None or any(
        other.provides_defaults_for(rule) for other in of_endpoint
    )


def for_people(rule: Rule) -> bool:
    """Return whether people go there by a browser, which is then shown a page for an error."""
    return rule.rule.startswith("/documentation")


def plugin_of(rule: Rule) -> str | None:
    """Return whose route it is, if it is a plugin's."""
    owner, _, rest = rule.endpoint.partition(".")
    return rest.partition(".")[0] if owner == "plugin" else None


def _described(name: str) -> str:
    """Return what a variable of an address is, for a reader: its name, in words."""
    words = name.replace("_", " ")
    return f"The id of the {words[:-3]}." if words.endswith(" id") else f"The {words}."


def _schema(kind: str, arguments: str | None, converters: Converters) -> dict[str, Any]:
    """Return the JSON Schema of what a converter takes: Werkzeug's own, or one that says it."""
    converter = converters[kind]
    values, named = parse_converter_args(arguments or "")
    given = signature(converter).bind(None, *values, **named).arguments
    if kind == "any":
        return {"type": "string", "enum": list(given["items"])}
    if given.get("fixed_digits"):
        return {"type": "string", "pattern": f"^[0-9]{{{given['fixed_digits']}}}$"}
    if kind == "uuid":
        return {"type": "string", "format": "uuid"}
    if kind in {"int", "float"}:
        least = given.get("min") if given.get("signed") else given.get("min") or 0
        made = {"minimum": least, "maximum": given.get("max")}
        kind = "integer" if kind == "int" else "number"
    else:
        exact = given.get("length")
        made = {
            "minLength": exact or given.get("minlength", 1),
            "maxLength": exact or given.get("maxlength"),
            **getattr(converter, "json_schema", {}),
        }
        kind = "string"
    return {"type": kind, **{name: value for name, value in made.items() if value is not None}}
