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

_MOST = 1000
"""How long an example may be, in characters or members."""

Part = Mapping[str, Any]


class NoExample(ValueError):
    """Nothing that is known here is an example of it."""


def example_of(schema: Part, named: Part, without: str = "") -> Any:
    """Return an example.

    Args:
        schema: what it must be like.
        named: the schemas that it may refer to, by their names.
        without: what members are left out that are ``readOnly`` or ``writeOnly``: nobody sends
            the former, and nobody is answered the latter.

    Raises:
        NoExample: it names none, and must match a pattern, hold another of its own kind, or be
            several things at once.
    """
    return _Examples(named, without).of(schema, frozenset())


class _Examples:
    def __init__(self, named: Part, without: str) -> None:
        self._named = named
        self._without = without

    def of(self, schema: Part, within: frozenset[str]) -> Any:
        """Return an example of ``schema``, which is part of those that are named ``within``."""
        for given in ("examples", "enum"):
            if schema.get(given):
                return schema[given][0]
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            if name in within:
                raise NoExample(name)
            return self.of(self._named[name], within | {name})
        for several in ("anyOf", "oneOf"):
            if several in schema and "properties" not in schema:
                return self._first(schema[several], within)
        if "allOf" in schema:
            raise NoExample("allOf")
        kinds = schema.get("type", "string")
        if not isinstance(kinds, str):
            return self._first([{**schema, "type": kind} for kind in kinds], within)
        if kinds == "array":
            return self._array(schema, within)
        if kinds == "object":
            return self._object(schema, within)
        if schema.get("default") is not None:
            return schema["default"]
        return _text(schema) if kinds == "string" else _SIMPLE[kinds](schema)

    def _first(self, choices: Iterable[Part], within: frozenset[str]) -> Any:
        """Return an example of the first of these that has one."""
        for schema in choices:
            with suppress(NoExample):
                return self.of(schema, within)
        raise NoExample("none of several")

    def _array(self, schema: Part, within: frozenset[str]) -> list[Any]:
        length = schema.get("minItems", min(1, schema.get("maxItems", 1)))
        if length > _MOST:
            raise NoExample("many of them")
        try:
            return [self.of(schema.get("items", {}), within)] * length
        except NoExample:
            if schema.get("minItems"):
                raise
        return []

    def _object(self, schema: Part, within: frozenset[str]) -> dict[str, Any]:
        made = {}
        for name, member in schema.get("properties", {}).items():
            if member.get(self._without):
                continue
            try:
                made[name] = self.of(member, within)
            except NoExample:
                if name in schema.get("required", ()):
                    raise
        if len(made) < schema.get("minProperties", 0):
            raise NoExample("more members")
        return made


def _text(schema: Part) -> str:
    pattern = schema.get("pattern", schema.get("x-pattern"))
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    text = _FORMATS.get(schema.get("format", ""), "")
    fits = least <= len(text) and (most is None or len(text) <= most)
    if pattern is not None or (text and not fits) or least > _MOST:
        raise NoExample(pattern or text)
    return text or "text".ljust(least, ".")[:most]


def _number(schema: Part) -> float:
    """Return a number within the bounds, a whole one if that may be."""
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    tried = (1, least, most, (least or 0) + 1, (most or 0) - 1, ((least or 0) + (most or 0)) / 2)
    for number in tried:
        if number is not None and _fits(number, schema):
            return float(number) if schema["type"] == "number" else int(number)
    raise NoExample("number")


def _fits(number: float, schema: Part) -> bool:
    return (
        schema.get("minimum", number) <= number <= schema.get("maximum", number)
        and number > schema.get("exclusiveMinimum", number - 1)
        and number < schema.get("exclusiveMaximum", number + 1)
        and (schema["type"] == "number" or number == int(number))
    )


_SIMPLE = {
    "boolean": lambda _: True,
    "integer": _number,
    "null": lambda _: None,
    "number": _number,
}
