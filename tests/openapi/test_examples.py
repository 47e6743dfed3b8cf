"""Whoever sends the example of a body to the address of the example is understood."""

from __future__ import annotations

from typing import Any

from flask import Flask

from tests.openapi.test_document import JSON
from tests.support.applications import set_up
from tests.support.people import administrator
from tests.support.schemathesis import SYNTAX, operations


def address(path: str, operation: dict[str, Any]) -> str:
    for parameter in operation.get("parameters", []):
        if parameter.get("in") == "path":
            name, schema = parameter["name"], parameter["schema"]
            path = path.replace(f"{{{name}}}", schema.get("examples", ["notes"])[0])
    return path


def test_each_example_is_understood(app: Flask, document: dict[str, Any]) -> None:
    set_up(app, {"type": "sqlite"})
    client = administrator(app)
    sent = 0
    for name, operation in operations(document):
        method, _, path = name.partition(" ")
        content = operation.get("requestBody", {}).get("content", {})
        if not content or path.startswith("/api/db/") or path.endswith("/logout"):
            continue
        answer = client.open(address(path, operation), method=method, json=content[JSON]["example"])

        assert answer.json
        assert answer.json.get("code") not in SYNTAX, (name, answer.text)
        assert answer.status_code not in {401, 503}, (name, answer.text)
        sent += 1
    assert sent > 10
