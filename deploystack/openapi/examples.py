"""An example of what a JSON Schema describes, put together from those of its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SAMPLES: dict[str, Any] = {
    "string": "text",
    "integer": 1,
    "number": 1.0,
    "boolean": True,
    "null": None,
}


def example_of(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Any:
    """Return an example.

    Args:
        schema: what it must be like.
        components: the schemas that it may refer to, by their names.
    """
    if "$ref" in schema:
        return example_of(components[schema["$ref"].rpartition("/")[2]], components)
    for given in ("examples", "enum"):
        if schema.get(given):
            return schema[given][0]
    for several in ("anyOf", "oneOf"):
        if several in schema and "properties" not in schema:
            return example_of(schema[several][0], components)
    kinds = schema.get("type", "null")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "array":
        return [example_of(schema.get("items", {}), components)]
    if kind == "object":
        members = schema.get("properties", {})
        return {name: example_of(member, components) for name, member in members.items()}
    return schema.get("default", schema.get("minimum", _SAMPLES[kind]))
