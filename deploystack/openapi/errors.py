"""Which errors a route may answer: those of its own, and those that follow from what it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.routing import Rule

from ..access import SAFE_METHODS
from ..database.codes import REFUSED, UNAVAILABLE
from ..documented import Documented
from ..errors import SENTENCES
from ..plugins.codes import OUT_OF_SERVICE
from ..settings.codes import UNREADABLE
from .meanings import MEANINGS
from .places import plugin_of

_BODY = ("bad_request", "invalid_body", "invalid_json", "validation_error")
_NAMES = {
    frozenset(UNAVAILABLE): "DatabaseUnavailable",
    frozenset({*UNAVAILABLE, *UNREADABLE}): "SettingUnavailable",
    frozenset({*UNAVAILABLE, *OUT_OF_SERVICE}): "PluginUnavailable",
    frozenset({*UNAVAILABLE, *UNREADABLE, *OUT_OF_SERVICE}): "PluginRouteUnavailable",
    frozenset(REFUSED): "DatabaseRefused",
    frozenset(_BODY): "InvalidBody",
}
_MOST_IN_NAME = 3
_CODE = re.compile(r"[a-z0-9_]+")


def errors_of(rule: Rule, method: str, is_guarded: bool, said: Documented) -> dict[int, list[str]]:
    """Return the codes that a route may answer, by the status.

    Args:
        rule: the route.
        method: the method.
        is_guarded: whether it takes a permission.
        said: what it says of itself.

    Raises:
        ValueError: what it says are no codes.
    """
    found: dict[int, set[str]] = {500: {"internal_error"}}

    def add(status: int, codes: Iterable[str], *, when: object = True) -> None:
        if when:
            found.setdefault(status, set()).update(codes)

    # Whoever watches the process may ask for it by any name.
    add(403, ["host_not_allowed"], when=not rule.endpoint.startswith("health."))
    is_known = is_guarded or said.who in {"login", "session"}
    add(400, _BODY, when=said.body)
    add(400, ["validation_error"], when=said.query)
    add(401, ["login_required"], when=is_known)
    add(401, ["setup_token_required", "setup_token_wrong"], when=said.who == "setup")
    add(403, ["permission_denied"], when=is_guarded)
    add(403, ["session_required"], when=said.who == "session")
    add(403, ["cross_origin"], when=method not in SAFE_METHODS)
    add(404, ["not_found"], when=rule.arguments)
    add(413, ["body_too_large"], when=said.body)
    # A page of another site can send a form along, so one is refused wherever a cookie counts.
    changes = method not in SAFE_METHODS
    add(415, ["unsupported_media_type"], when=said.body or (is_guarded and changes))
    add(500, ["data_folder_not_writable"], when=said.who == "setup")
    add(503, UNAVAILABLE, when=said.needs_database or is_known)
    # What a plugin lets through to the database, and which settings it asks for, is its own affair.
    add(400, ["value_refused"], when=plugin_of(rule))
    add(503, (*UNAVAILABLE, *UNREADABLE, *OUT_OF_SERVICE), when=plugin_of(rule))
    for status, codes in said.errors.items():
        if isinstance(codes, str) or not all(map(_CODE.fullmatch, codes)):
            raise ValueError(f"the codes of {status} are no list of words in snake_case")
        add(status, codes)
    return {status: sorted(codes) for status, codes in sorted(found.items())}


def phrase(status: int) -> str:
    """Return what a status is called, as a sentence, by whichever Python: not by ``HTTPStatus``.

    Raises:
        ValueError: it is no status of HTTP.
    """
    if status not in range(200, 600):
        raise ValueError(f"{status!r} is no status of an answer")
    return HTTP_STATUS_CODES.get(status, f"Status {status}") + "."


def name_of(status: int, codes: list[str], operation: str) -> str:
    """Return what an answer with one of these codes is called in the document.

    Those of many routes are called by their codes, others by the operation.
    """
    given = _NAMES.get(frozenset(codes))
    if given:
        return given
    if len(codes) > _MOST_IN_NAME:
        return f"{_joined(operation)}{status}"
    return "Or".join(map(_joined, codes))


def schema(codes: list[str]) -> dict[str, Any]:
    """Return what the body of an error with one of these codes is like."""
    code = {"type": "string", "enum": codes}
    return {
        "allOf": [
            {"$ref": "#/components/schemas/Error"},
            {"type": "object", "properties": {"code": code}, "required": ["code"]},
        ]
    }


def response(
    status: int, codes: list[str], of: Mapping[str, Any], headers: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the answer with one of these codes, as OpenAPI has it; its schema is ``of``."""
    told = "\n".join(f"- `{code}`" + _because(code) for code in codes)
    return {
        "description": f"{phrase(status)} The `code` is one of:\n\n{told}",
        "headers": dict(headers),
        "content": {
            "application/json": {
                "schema": dict(of),
                "examples": {code: {"value": _example(status, code)} for code in codes[:3]},
            }
        },
    }


def _joined(name: str) -> str:
    return name.title().replace("_", "")


def _because(code: str) -> str:
    return f": {MEANINGS[code]}" if code in MEANINGS else ""


def _example(status: int, code: str) -> dict[str, Any]:
    meaning = MEANINGS.get(code)
    sentence = f"{meaning[0].upper()}{meaning[1:]}." if meaning else SENTENCES.get(status, "")
    return {"success": False, "error": sentence, "code": code, "details": {}}
