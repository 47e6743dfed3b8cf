"""Is an answer documented? Every answer in the whole suite is held to ``docs/openapi.json``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
HEADERS = {"x-request-id", "etag", "www-authenticate", "allow", "set-cookie"}
JSON = "application/json"
_SURROGATE = re.compile(r"\\ud[89a-f][0-9a-f]{2}")


class Undocumented(AssertionError):
    """The application has answered what its documentation does not say."""


class Expected(NamedTuple):
    """What the document says of an answer."""

    headers: frozenset[str]
    media_types: frozenset[str]
    validator: jsonschema_rs.Draft202012Validator


def check(
    method: str, path: str, status: int, media_type: str, headers: Mapping[str, str], body: str
) -> None:
    """Hold an answer to the document.

    Addresses that are not in it are somebody else's: a plugin's, or a test's own.

    Raises:
        Undocumented: the status, the code, or what the body is like is not documented.
    """
    template = _template(method, path.partition("?")[0])
    if template is None:
        return
    where = f"{method} {template} answered {status}"
    expected = _expected(method, template, status)
    if expected is None:
        raise Undocumented(f"{where}, which is not documented: {body[:500]}")
    lacking = expected.headers - {name.lower() for name in headers}
    if lacking:
        raise Undocumented(f"{where} without {sorted(lacking)}")
    if media_type not in expected.media_types and "*/*" not in expected.media_types:
        raise Undocumented(f"{where} as {media_type}")
    if media_type == JSON:
        # What no UTF-8 can have (a caller's own words, repeated) is nothing to a schema either.
        given = json.loads(_SURROGATE.sub("?", body))
        for error in expected.validator.iter_errors(given):
            raise Undocumented(f"{where}: {error.message} at {error.instance_path}: {body[:500]}")


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(DOCUMENT.read_text("utf-8"))
    return document


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Return what matches each path, those without variables first: they win."""
    templates = sorted(_document()["paths"], key=lambda path: path.count("{"))
    return [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path) for path in templates]


@cache
def _template(method: str, path: str) -> str | None:
    """Return the path of the document that is meant; none, if it does not have it."""
    for pattern, template in _patterns():
        if pattern.fullmatch(path) and method.lower() in _document()["paths"][template]:
            return template
    return None


@cache
def _expected(method: str, template: str, status: int) -> Expected | None:
    document = _document()
    response = document["paths"][template][method.lower()]["responses"].get(str(status))
    if response is None:
        return None
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    content = response["content"]
    schema = {**content.get(JSON, {}).get("schema", {}), "components": document["components"]}
    return Expected(
        frozenset(HEADERS & {name.lower() for name in response["headers"]}),
        frozenset(content),
        jsonschema_rs.Draft202012Validator(schema, validate_formats=True),
    )
