"""The same document as a collection of Postman, format 2.1.

https://schema.postman.com/json/collection/v2.1.0/collection.json
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .operations import SESSION, SETUP_TOKEN, TOKEN

_FORMAT = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"


def collection(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the collection: a folder for each tag, a request for each operation.

    Its variables are ``baseUrl``, ``token`` (an API token) and ``setupToken``. Postman keeps the
    cookie that logging in sets, so whoever has logged in needs no token, but for changes an Origin.
    """
    items: dict[str, list[dict[str, Any]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, method, operation in _operations(document):
        items[operation["tags"][0]].append(_request(document, path, method, operation))
    values = {"baseUrl": "http://127.0.0.1:3000", "token": "", "setupToken": ""}
    return {
        "info": {
            "name": document["info"]["title"],
            "description": document["info"]["description"],
            "version": document["info"]["version"],
            "schema": _FORMAT,
        },
        "variable": [{"key": key, "value": value} for key, value in values.items()],
        "item": [
            {"name": tag["name"], "description": tag["description"], "item": items[tag["name"]]}
            for tag in document["tags"]
        ],
    }


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in document["paths"].items():
        for method in sorted(methods):
            yield path, method, methods[method]


def _request(
    document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]
) -> dict[str, Any]:
    parameters = [_resolved(document, given) for given in operation.get("parameters", [])]
    by_place: dict[str, list[dict[str, Any]]] = {"path": [], "query": [], "header": []}
    for parameter in parameters:
        by_place[parameter["in"]].append(_field(parameter))
    headers = by_place["header"]
    accepted = {name for way in operation["security"] for name in way}
    if SETUP_TOKEN in accepted:
        headers.append({"key": "X-Setup-Token", "value": "{{setupToken}}", "disabled": True})
    if SESSION in accepted and method != "get":
        headers.append({"key": "Origin", "value": "{{baseUrl}}"})
    place = re.sub(r"\{(\w+)\}", r":\1", path)
    query = by_place["query"]
    url: dict[str, Any] = {
        "raw": "{{baseUrl}}" + place,
        "host": ["{{baseUrl}}"],
        "path": place.strip("/").split("/"),
        "variable": by_place["path"],
        "query": [{**field, "disabled": True} for field in query],
    }
    request: dict[str, Any] = {
        "method": method.upper(),
        "url": url,
        "header": headers,
        "description": operation.get("description", ""),
        "auth": _auth(accepted),
    }
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None:
        headers.append({"key": "Content-Type", "value": "application/json"})
        request["body"] = {
            "mode": "raw",
            "raw": json.dumps(body.get("example", {}), indent=2, ensure_ascii=False),
            "options": {"raw": {"language": "json"}},
        }
    return {"name": operation["summary"], "request": request, "response": []}


def _auth(accepted: set[str]) -> dict[str, Any]:
    if TOKEN not in accepted:
        return {"type": "noauth"}
    return {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}", "type": "string"}]}


def _field(parameter: Mapping[str, Any]) -> dict[str, Any]:
    schema = parameter["schema"]
    value = (schema.get("examples") or [schema.get("default", "")])[0]
    return {
        "key": parameter["name"],
        "value": "" if value is None else str(value),
        "description": parameter.get("description", ""),
        **({"disabled": True} if parameter["in"] == "header" else {}),
    }


def _resolved(document: Mapping[str, Any], given: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in given:
        given = document["components"]["parameters"][given["$ref"].rpartition("/")[2]]
    return given
