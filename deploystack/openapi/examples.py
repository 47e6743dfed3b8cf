"""An example of what a JSON Schema describes, put together from those of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

_FORMATS = {
    "date": "2026-11-25",
    "date-time": "2026-11-25T20:59:00Z",
    "email": "alice@example.org",
    "ip": "192.0.2.1",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.org/",
    "url": "https://example.org/",
    "uuid": "335f4c9e-8b7a-4d4c-a35f-2c9e0b7a1d4c",
}

Part = Mapping[str, Any]


class NoExample(ValueError):
    """Nothing that is known here is an example of it."""


def example_of(schema: Part, named: Part, within: frozenset[str] = frozenset()) -> Any:
    """Return an example.

    Args:
        schema: what it must be like.
        named: the schemas that it may refer to, by their names.
        within: the names of those that it is part of.

    Raises:
        NoExample: it names none, and must match a pattern, hold another of its own kind, or be
            several things at once.
    """
    for given in ("examples", "enum"):
        if schema.get(given):
            return schema[given][0]
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name in within:
            raise NoExample(name)
        return example_of(named[name], named, within | {name})
    for several in ("anyOf", "oneOf"):
        if several in schema and "properties" not in schema:
            return _first(schema[several], named, within)
    if "allOf" in schema:
        raise NoExample("allOf")
    kinds = schema.get("type", "null")
    if not isinstance(kinds, str):
        return _first([{**schema, "type": kind} for kind in kinds], named, within)
    if kinds == "array":
        return _array(schema, named, within)
    if kinds == "object":
        return _object(schema, named, within)
    if schema.get("default") is not None:
        return schema["default"]
    return _text(schema) if kinds == "string" else _SIMPLE[kinds](schema)


def _first(choices: Iterable[Part], named: Part, within: frozenset[str]) -> Any:
    """Return an example of the first of these that has one."""
    for schema in choices:
        with suppress(NoExample):
            return example_of(schema, named, within)
    raise NoExample("none of several")


def _array(schema: Part, named: Part, within: frozenset[str]) -> list[Any]:
    try:
        return [example_of(schema.get("items", {}), named, within)] * schema.get("minItems", 1)
    except NoExample:
        if schema.get("minItems"):
            raise
    return []


def _object(schema: Part, named: Part, within: frozenset[str]) -> dict[str, Any]:
    made = {}
    for name, member in schema.get("properties", {}).items():
        try:
            made[name] = example_of(member, named, within)
        except NoExample:
            if name in schema.get("required", ()):
                raise
    return made


def _text(schema: Part) -> str:
    if "pattern" in schema:
        raise NoExample(schema["pattern"])
    text = _FORMATS.get(schema.get("format", ""), "text")
    return text.ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]


def _number(schema: Part) -> float:
    number: float = schema.get("minimum", min(1, schema.get("maximum", 1)))
    return number


_SIMPLE = {
    "boolean": lambda _: True,
    "integer": _number,
    "null": lambda _: None,
    "number": _number,
}
