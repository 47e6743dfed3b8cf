"""What a plugin's fields are like, said as JSON Schema: it is what marshmallow takes and writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.openapi.conftest import document_with
from tests.openapi.test_odd_plugins import odd, operations

FIELDS = """
import datetime as dt
import re
import uuid
from decimal import Decimal

class Part(Schema):
    id = fields.Integer(dump_only=True)
    key = fields.String(load_only=True, required=True)

class All(Schema):
    id = fields.Integer(dump_only=True, required=True)
    secret = fields.String(load_only=True, required=True)
    parts = fields.Nested(Part, many=True, required=True, validate=validate.Length(min=2))
    anything = fields.Raw(required=True)
    day = fields.Date(format="%d.%m.%Y", required=True)
    moment = fields.DateTime(format="%d.%m.%Y %H:%M", required=True)
    rfc = fields.DateTime(format="rfc", required=True)
    stamp = fields.DateTime(format="timestamp", required=True)
    maybe = fields.DateTime(format="timestamp", allow_none=True, metadata={"example": 5})
    naive = fields.NaiveDateTime(required=True)
    time = fields.Time(required=True)
    text = fields.Decimal(as_string=True, required=True)
    price = fields.Decimal(load_default=Decimal("1.5"), validate=validate.Range(min=Decimal("0.5")))
    whole = fields.Decimal(load_default=Decimal("2"), required=False)
    since = fields.String(metadata={"example": dt.date(2020, 1, 2)})
    one = fields.UUID(metadata={"example": uuid.UUID(int=1)})
    between = fields.Integer(
        required=True, validate=validate.Range(0, 9, min_inclusive=False, max_inclusive=False)
    )
    less = fields.Float(required=True, validate=validate.Range(max=1, max_inclusive=False))
    colors = fields.List(
        fields.String(), required=True, validate=validate.ContainsOnly(["red", "blue"])
    )
    size = fields.String(required=True, validate=validate.OneOf({"s", "m", "l", "xl"}))
    map = fields.Dict(validate=validate.Length(min=1, max=3))
    none = fields.List(fields.String(), required=True, validate=validate.Length(max=0))
    mail = fields.String(required=True, validate=validate.Email())
    link = fields.String(required=True, validate=validate.URL())
    long = fields.String(validate=validate.Length(min=10**8))
    many = fields.List(fields.Integer(), validate=validate.Length(min=10**7))
    short = fields.Email(validate=validate.Length(max=5))
    named = fields.String(validate=validate.Regexp(r"(?P<x>a)(?P=x)"))
    any_case = fields.String(validate=validate.Regexp("abc", re.IGNORECASE))
    ends = fields.String(validate=validate.Regexp(r"\\Aabc\\Z"))
    either = fields.String(validate=validate.Regexp("^a|b"))
"""
PROPERTIES = {
    "day": {"type": "string", "examples": ["25.11.2026"]},
    "moment": {"type": "string", "examples": ["25.11.2026 20:59"]},
    "rfc": {"type": "string", "examples": ["Wed, 25 Nov 2026 20:59:00 +0000"]},
    "stamp": {"type": "number", "minimum": 0, "examples": [1795640340.0]},
    "maybe": {"type": ["number", "null"], "minimum": 0, "examples": [5]},
    "naive": {"type": "string", "examples": ["2026-11-25T20:59:00"]},
    "time": {"type": "string", "examples": ["20:59:00"]},
    "text": {"type": "string", "examples": ["1"]},
    "price": {"type": "number", "default": 1.5, "minimum": 0.5},
    "whole": {"type": "number", "default": 2},
    "since": {"type": "string", "examples": ["2020-01-02"]},
    "one": {
        "type": "string",
        "format": "uuid",
        "examples": ["00000000-0000-0000-0000-000000000001"],
    },
    "between": {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 9},
    "less": {"type": "number", "exclusiveMaximum": 1},
    "colors": {"type": "array", "items": {"type": "string", "enum": ["red", "blue"]}},
    "size": {"type": "string", "enum": ["l", "m", "s", "xl"]},
    "map": {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 3,
        "additionalProperties": {},
    },
    "mail": {"type": "string", "format": "email"},
    "link": {"type": "string", "format": "url"},
    "named": {"type": "string", "x-pattern": "(?P<x>a)(?P=x)"},
    "any_case": {"type": "string", "x-pattern": "abc"},
    "ends": {"type": "string", "pattern": "^abc$"},
    "either": {"type": "string", "pattern": "^(?:^a|b)"},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The document of a plugin that has all of these fields."""
    code = (
        f'{FIELDS}\nadd("/a", function=Documented({{200: All}}, body=All)(view), methods=["PUT"])'
    )
    return document_with(tmp_path_factory.mktemp("fields"), odd(code))


@pytest.mark.parametrize("name", PROPERTIES)
def test_what_a_field_is_like_is_said(made: dict[str, Any], name: str) -> None:
    [schema] = [s for n, s in made["components"]["schemas"].items() if n.endswith(".All")]

    assert schema["properties"][name] == PROPERTIES[name]


def test_the_example_of_a_body_is_accepted(made: dict[str, Any]) -> None:
    operation = operations(made)["PUT /a"]
    sent = operation["requestBody"]["content"]["application/json"]["example"]
    answered = operation["responses"]["200"]["content"]["application/json"]["example"]
    code: dict[str, Any] = {}
    exec(f"from marshmallow import Schema, fields, validate\n{FIELDS}", code)

    code["All"]().load(sent)

    assert len(json.dumps(sent)) < 2000
    assert {"id", "secret"} & sent.keys() == {"secret"}
    assert [part.keys() for part in sent["parts"]] == [{"key"}, {"key"}]
    assert {"id", "secret"} & answered.keys() == {"id"}
    assert [part.keys() for part in answered["parts"]] == [{"id"}, {"id"}]


def test_a_schema_of_several_kinds_needs_no_sentence(tmp_path: Path) -> None:
    code = """
    class Either(Schema):
        class Meta:
            json_schema = {"oneOf": [{"type": "integer"}, {"type": "string"}]}

    add("/a", function=Documented({200: Either})(view))
    """
    said = operations(document_with(tmp_path, odd(code)))["GET /a"]["responses"]["200"]

    assert said["content"]["application/json"]["example"] == 1


def test_what_no_page_can_be_made_of_is_left_out(tmp_path: Path) -> None:
    """Then the others' routes are in all formats, as ``document_with`` sees."""
    code = """
    class Wrong(Schema):
        it = fields.Integer(metadata={"description": 5})

    add("/a", function=Documented({200: Wrong})(view))
    """
    document = document_with(tmp_path, odd(code))

    assert "2XX" in operations(document)["GET /a"]["responses"]
    assert ".Wrong" not in json.dumps(document)
