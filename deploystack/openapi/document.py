"""The document: all routes of an application, those of its plugins too, as OpenAPI 3.1 has them."""

from __future__ import annotations

import datetime as dt
import json
import logging
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from apispec import APISpec
from flask import Flask
from marshmallow import Schema, fields
from werkzeug.routing import Rule

from ..auth.sessions import COOKIE
from ..database.access import HEADER
from ..logs import describe
from .markdown import page
from .operations import IF_MATCH, SESSION, SETUP_TOKEN, TOKEN, Operations
from .places import is_documented, plugin_of, tag_of
from .postman import collection
from .schemas import Plugin

log = logging.getLogger(__name__)

VERSION = "3.1.0"

_ABOUT = """\
Everything that DeployStack's own pages do, they do by these routes.

Every answer has the header `X-Request-ID`, which the log shows too. Every error has one and the \
same body: `error` is a sentence for a person, `code` a stable name for a program, and `details` \
holds more where there is more.

A method that an address does not accept is answered 405 `method_not_allowed`, an address at which \
there is nothing 404 `not_found`. A call that changes something with the \
session's cookie must come from the server's own pages: it carries its own `Origin`, or \
`Sec-Fetch-Site`."""

_TAGS = {
    "audit": "Who has changed what.",
    "auth": "Registering, logging in and out, one's own account and tokens.",
    "database": "The state of the database, setting it up, and looking into it.",
    "documentation": "This document.",
    "health": "For whoever watches the process.",
    "overview": "How everything is, at a glance.",
    "plugins": "Which plugins there are, and trying one again.",
    "settings": "What an administrator changes while it runs.",
    "users": "Everybody's account.",
}

_SECURITY_SCHEMES = {
    SESSION: {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "The cookie that logging in sets. A browser sends it by itself, and the "
        "`Origin` that a call which changes something needs.",
    },
    TOKEN: {
        "type": "http",
        "scheme": "bearer",
        "description": "A token for scripts, made by `POST /api/auth/tokens` or `flask tokens "
        "create`. It may do what its scopes say, as long as its owner may.",
    },
    SETUP_TOKEN: {
        "type": "apiKey",
        "in": "header",
        "name": HEADER,
        "description": "The token in the data folder, which `flask db setup-token` prints. On the "
        "machine itself none is needed.",
    },
}

_HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-ID": {
        "description": "Names the request in the log: the id that was sent, or a new one.",
        "required": True,
        "schema": {"type": "string", "maxLength": 128, "examples": ["5f2c9e0b7a1d4c33"]},
    },
    "Retry-After": {
        "description": "In how many seconds another attempt is worthwhile.",
        "schema": {"type": "integer", "minimum": 1, "examples": [5]},
    },
    "WWW-Authenticate": {
        "description": "How to show who asks.",
        "required": True,
        "schema": {"type": "string", "examples": ["Bearer"]},
    },
    "Allow": {
        "description": "The methods that the address does accept.",
        "required": True,
        "schema": {"type": "string", "examples": ["HEAD, GET, OPTIONS"]},
    },
    "Set-Cookie": {
        "description": "The session, or that it has ended.",
        "required": True,
        "schema": {"type": "string", "examples": [f"{COOKIE}=...; HttpOnly; Path=/; SameSite=Lax"]},
    },
    "ETag": {
        "description": "Another one after each change. Send it back as `If-Match`.",
        "required": True,
        "schema": {"type": "string", "examples": ['"1f0c5b7a3d9e4c8b8a6f2e1d0c9b8a7f"']},
    },
}

_IF_MATCH = {
    "description": "Refuses with 412 unless this is the present `ETag`.",
    "schema": {"type": "string"},
}


class Error(Schema):
    """What every error is answered with."""

    success = fields.Boolean(required=True, metadata={"json_schema": {"enum": [False]}})
    error = fields.String(
        required=True, metadata={"description": "What happened and what to do next, for a person."}
    )
    code = fields.String(
        required=True,
        metadata={"description": "A stable name, for a program.", "pattern": "^[a-z0-9_]+$"},
    )
    details = fields.Dict(
        required=True, metadata={"description": "More, such as the offending fields."}
    )


def document(app: Flask, version: str, *, with_plugins: bool = True) -> dict[str, Any]:
    """Return the document of ``app``. Takes a while, so keep what it returns.

    Args:
        app: the application.
        version: its version.
        with_plugins: whether the routes of plugins are in it.
    """
    by_owner: dict[str | None, list[Rule]] = {None: []}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if is_documented(rule):
            by_owner.setdefault(plugin_of(rule), []).append(rule)
    spec, operations = _begun(app, version)
    _add(spec, operations, by_owner.pop(None))
    for owner, rules in by_owner.items() if with_plugins else ():
        if _is_sound(app, rules, f"what the plugin {owner} says of its routes"):
            _add(spec, operations, rules)
        elif _is_sound(app, rules, f"the plugin {owner}", unsaid=True):
            _add(spec, operations, rules, unsaid=True)
    return _said_in_json(spec)


def _begun(app: Flask, version: str) -> tuple[APISpec, Operations]:
    """Return a document without routes, and what adds them."""
    plugin = Plugin()
    spec = APISpec(
        "DeployStack",
        version,
        VERSION,
        plugins=[plugin],
        info={
            "description": _ABOUT,
            "contact": {"name": "DeployStack"},
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        servers=[{"url": "/", "description": "The server that has sent this document."}],
    )
    spec.components.schema("Error", schema=Error)
    for name, scheme in _SECURITY_SCHEMES.items():
        spec.components.security_scheme(name, scheme)
    for name, header in _HEADERS.items():
        spec.components.header(name, header)
    spec.components.parameter(IF_MATCH, "header", _IF_MATCH)
    return spec, Operations(app, spec, plugin)


def _add(
    spec: APISpec, operations: Operations, rules: Sequence[Rule], *, unsaid: bool = False
) -> None:
    """Add routes, and the headings they are under; ``unsaid``: without what is said of them."""
    for rule in rules:
        operations.add(rule, unsaid=unsaid)
    for tag in sorted({tag_of(rule) for rule in rules}):
        spec.tag({"name": tag, "description": _TAGS.get(tag, f"What the {tag} adds.")})


def _is_sound(app: Flask, rules: Sequence[Rule], what: str, *, unsaid: bool = False) -> bool:
    """Return whether a document can be made of a plugin's routes: it is its author's code."""
    try:
        spec, operations = _begun(app, "0")
        _add(spec, operations, rules, unsaid=unsaid)
        made = _said_in_json(spec)
        json.dumps(made, ensure_ascii=False).encode()
        page(made)
        collection(made)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # a plugin is free to raise anything
        log.warning("The documentation leaves out %s: %s", what, describe(error))
        return False
    return True


def _said_in_json(spec: APISpec) -> dict[str, Any]:
    """Return the document, of what JSON has alone.

    Raises:
        TypeError: something in it cannot be said in JSON.
        ValueError: a number in it cannot.
    """
    said: dict[str, Any] = json.loads(json.dumps(spec.to_dict(), allow_nan=False, default=_plain))
    return said


def _plain(value: object) -> object:
    """Return a default, a bound or an example of a schema as an answer would hold it."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is nothing that JSON can say")
