"""Schemathesis against a real server: everything the document says, tried, and the opposite too.

https://schemathesis.readthedocs.io
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.support.people import LOGIN, PASSWORD, PERSON, REGISTER, TOKENS, USERS
from tests.support.server import ROOT, Server

HOOKS = Path(__file__).with_name("schemathesis_hooks.py")
METHODS = ("get", "put", "post", "delete")
SYNTAX = {"bad_request", "invalid_body", "invalid_json", "validation_error"}
"""Why a body is refused whatever it is about; what else is refused has a reason of its own."""

# What a value must be like depends on the setting, and the ids of groups on those there are; of
# what compares rows, each column needs an operator and a value.
MEANING = {
    "GET /api/db/tables/{name}/rows",
    "POST /api/settings",
    "PUT /api/settings/{key}",
    "POST /api/settings/bulk",
    "POST /api/settings/groups",
}
ACCEPTED = ["2xx", "401", "403", "404", "409", "429"]
REJECTED = ["400", "401", "403", "404", "405", "409", "412", "413", "415", "422", "429", "5xx"]
"""412: whether it was changed is asked before each entry of several is looked at."""

SCOPES = ["settings.view", "settings.edit", "settings.delete", "settings.reveal"]
SCOPES += ["users.view", "users.create", "users.edit", "users.delete"]
SCOPES += ["audit.view", "database.manage", "plugins.manage"]

Operation = Mapping[str, Any]


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, Operation]]:
    """Yield each operation of a document with its name, such as ``GET /api/users``."""
    for path, methods in document["paths"].items():
        for method in methods.keys() & set(METHODS):
            yield f"{method.upper()} {path}", methods[method]


def signed_in(server: Server) -> dict[str, dict[str, str]]:
    """Make accounts, and return what shows who asks, by the security scheme."""
    assert server.post(REGISTER, PERSON).status == 201
    cookie = _cookie(server.post(LOGIN, {"login": "alice", "password": PASSWORD}).headers)
    person = {"username": "zoe", "email": "zoe@example.org", "password": "a horse of another hue"}
    # Not the password of the examples: whoever changes theirs ends their sessions.
    made = server.post(USERS, {**person, "role_id": "global_admin"}, _own(server, cookie))
    assert made.status == 201, made.text
    login = {"login": "zoe", "password": person["password"]}
    session = _cookie(server.post(LOGIN, login).headers)
    made = server.post(TOKENS, {"name": "all", "scopes": SCOPES}, _own(server, session))
    assert made.status == 201, made.text
    return {
        "session": {"api_key": session.partition("=")[2]},
        "bearer": {"bearer": made.json["token"]},
    }


def run(
    server: Server,
    folder: Path,
    *,
    credentials: Mapping[str, Mapping[str, str]] | None = None,
    unavailable: bool = False,
    options: Collection[str] = (),
) -> None:
    """Run all checks, and see that none fails.

    Args:
        server: the server.
        folder: where files may be written.
        credentials: what shows who asks, by the security scheme.
        unavailable: whether 503 is the right answer of what needs a database.
        options: more of the command line.

    Raises:
        AssertionError: something is not as documented.
    """
    document = server.get("/api/openapi.json").json
    (folder / "schemathesis.toml").write_text(
        "\n".join(_configuration(server, document, credentials or {}, unavailable)), "utf-8"
    )
    done = subprocess.run(
        [
            Path(sys.executable).with_name("st"),
            "run",
            f"http://127.0.0.1:{server.port}/api/openapi.json",
            "--checks=all",
            "--continue-on-failure",
            "--no-color",
            "--seed=1",
            *options,
        ],
        cwd=folder,
        env={**os.environ, "SCHEMATHESIS_HOOKS": str(HOOKS), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"ERROR"' not in server.log.read_text()


def _configuration(
    server: Server,
    document: Mapping[str, Any],
    credentials: Mapping[str, Mapping[str, str]],
    unavailable: bool,
) -> Iterator[str]:
    """Yield the lines of its configuration, which follow from the document."""
    yield f'headers.Origin = "http://127.0.0.1:{server.port}"'
    fine = ACCEPTED + (["503"] if unavailable else [])
    if unavailable:
        yield "[checks]"
        yield 'not_a_server_error.expected-statuses = ["2xx", "4xx", "503"]'
    for scheme, given in credentials.items():
        yield f"[auth.openapi.{scheme}]"
        yield from (f"{name} = {json.dumps(value)}" for name, value in given.items())
    for name, operation in operations(document):
        yield "[[operations]]"
        yield f"include-name = {json.dumps(name)}"
        refused = fine + [
            s for s in ("400", "412", "422") if _has_reasons(document, operation, s, name)
        ]
        yield f"checks.positive_data_acceptance.expected-statuses = {json.dumps(refused)}"
        yield f"checks.negative_data_rejection.expected-statuses = {json.dumps(REJECTED)}"


def _has_reasons(document: Mapping[str, Any], operation: Operation, status: str, name: str) -> bool:
    """Return whether the document says that even what is well formed may be refused so."""
    codes = codes_of(document, operation["responses"].get(status, {}))
    return bool(codes - SYNTAX) or (status == "400" and name in MEANING)


def codes_of(document: Mapping[str, Any], response: Mapping[str, Any]) -> set[str]:
    """Return the codes that a response of a document may have."""
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    if schema.get("$ref", "").endswith("Error"):
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    found = [part["properties"]["code"]["enum"] for part in schema.get("allOf", [])[1:]]
    return {code for codes in found for code in codes}


def _own(server: Server, cookie: str) -> dict[str, str]:
    """Return what a page of the server's own would send."""
    return {"Cookie": cookie, "Origin": f"http://127.0.0.1:{server.port}"}


def _cookie(headers: Any) -> str:
    cookie: str = headers["Set-Cookie"].partition(";")[0]
    return cookie
