"""JSON Schema from marshmallow's schemas: apispec's, and what it leaves out of ours."""

from __future__ import annotations

import itertools
import re
from collections.abc import Container
from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields

from ..documented import Shown
from .properties import corrected

_OURS = f"{__package__.partition('.')[0]}."


class Converter(OpenAPIConverter):
    """Turns schemas and fields into JSON Schema."""

    def schema2jsonschema(self, schema: Schema) -> dict[str, Any]:
        """Return the JSON Schema of ``schema``.

        What its ``Meta.json_schema`` says is added, or stands alone if it lists several kinds.
        """
        made: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        kind = _class_of(schema)
        if kind.__doc__:
            made.setdefault("description", _unwrapped(kind.__doc__))
        if issubclass(kind, Shown):
            made["additionalProperties"] = False
            names = {name: each.data_key or name for name, each in schema.fields.items()}
            always = [n for n in names if not schema.fields[n].metadata.get("optional")]
            made["required"] = sorted(names[name] for name in always)
        own: dict[str, Any] = getattr(kind.Meta, "json_schema", {})
        if "oneOf" in own:  # then it says all there is to say
            return {name: made[name] for name in ("description",) if name in made} | own
        return {**made, **own}

    def field2property(self, field: fields.Field[Any]) -> dict[str, Any]:
        """Return the JSON Schema of a field; its metadata may say what code checks."""
        made = corrected(field, super().field2property(field))
        return {**made, **field.metadata.get("json_schema", {})}


class Plugin(MarshmallowPlugin):
    """Lets apispec understand schemas."""

    Converter = Converter

    def __init__(self) -> None:
        super().__init__(schema_name_resolver=self._name_of)
        self._names: set[str] = set()

    @property
    def schemas(self) -> OpenAPIConverter:
        """What turns schemas into JSON Schema, once a document was begun."""
        assert self.converter is not None  # noqa: S101  # apispec has made it
        return self.converter

    def _name_of(self, schema: Any) -> str:
        """Return what a schema is called in the document, another name for each."""
        name = distinct(_name_of(_class_of(schema)), self._names)
        self._names.add(name)
        return name


def distinct(name: str, taken: Container[str]) -> str:
    """Return ``name``, with a number behind it if it is among those that are ``taken``."""
    numbered = (f"{name}{number}" for number in itertools.count(2))
    return next(each for each in itertools.chain([name], numbered) if each not in taken)


def _name_of(kind: type[Schema]) -> str:
    """Return the name of a schema; a plugin's has its package before it."""
    name = kind.__name__.removesuffix("Schema") or "Schema"
    if kind.__module__.startswith(_OURS):
        return name
    package = kind.__module__.partition(".")[0]
    return ".".join(re.sub(r"\W", "_", part, flags=re.ASCII) for part in (package, name))


def _class_of(schema: Schema | type[Schema]) -> type[Schema]:
    return schema if isinstance(schema, type) else type(schema)


def _unwrapped(text: str) -> str:
    return " ".join(text.split())
