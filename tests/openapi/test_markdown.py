"""The document as a page to read leaves out nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from deploystack.openapi import markdown
from deploystack.openapi.kept import get_texts


@pytest.fixture
def page(app: Flask) -> str:
    """The page."""
    return get_texts(app).text("markdown")


@pytest.fixture
def sections(page: str) -> dict[str, str]:
    """Each section of it, by its heading."""
    parts = re.split(r"^### (.+)$", page, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def resolved(document: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in part:
        _, *names = part["$ref"].split("/")
        part = document
        for name in names:
            part = part[name]
    return part


def test_each_route_has_what_the_document_says(
    document: dict[str, Any], sections: dict[str, str]
) -> None:
    for name, operation in operations(document):
        text = sections[name]
        assert operation["summary"] in text
        [who] = re.findall(r"^Who: (.*)\.$", text, re.MULTILINE)
        assert ("anybody" in who) == (not operation["security"] or {} in operation["security"])
        for given in operation.get("parameters", []):
            assert f"| `{resolved(document, given)['name']}` |" in text
        for status, given in operation["responses"].items():
            [row] = re.findall(rf"^\| {status} \| (.*) \|$", text, re.MULTILINE)
            answer = resolved(document, given).get("content", {}).get("application/json", {})
            schema = resolved(document, answer.get("schema", {}))
            codes = [
                code
                for part in schema.get("allOf", [])
                for code in part.get("properties", {}).get("code", {}).get("enum", [])
            ]
            assert [code for code in codes if f"`{code}`" not in row] == []


def test_each_body_has_its_members(document: dict[str, Any], sections: dict[str, str]) -> None:
    for name, schema in document["components"]["schemas"].items():
        if "allOf" in schema:
            continue
        text = sections[f"{name} (body)"]
        for given in [schema, *schema.get("oneOf", [])]:
            assert [m for m in given.get("properties", {}) if f"| `{m}` |" not in text] == []


def test_what_must_be_all_of_several_is_no_choice(document: dict[str, Any]) -> None:
    both = {"allOf": [{"type": "string"}, {"minLength": 2}]}
    schemas = {**document["components"]["schemas"], "Odd": {"properties": {"both": both}}}
    text = markdown.page({**document, "components": {**document["components"], "schemas": schemas}})

    assert "| `both` | text and anything, 2 or more characters; may be left out |" in text


def test_each_link_leads_to_a_section(page: str, sections: dict[str, str]) -> None:
    slugs = {re.sub(r"[^\w -]", "", name.lower()).replace(" ", "-") for name in sections}

    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= slugs
