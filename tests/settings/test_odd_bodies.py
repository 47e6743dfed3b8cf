"""Whatever is sent is answered in the one form, and never by an error that nobody foresaw."""

from __future__ import annotations

from typing import Any

from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploystack.settings.values import KINDS
from tests.settings.test_values import JSON

BASE = "/api/settings"
KEYS = st.sampled_from(["smtp.port", "smtp.password", "my.own", "my.secret", "groups", "..", "a b"])
GROUPS = st.sampled_from(["smtp", "mine", "none", "", "\0"])
ANYTHING = JSON | st.text(max_size=20)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "key": KEYS | ANYTHING,
        "value": ANYTHING,
        "type": st.sampled_from(sorted(KINDS)) | ANYTHING,
        "description": ANYTHING,
        "encrypted": st.booleans() | ANYTHING,
        "group_id": GROUPS | ANYTHING,
    },
)
GROUP_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "id": GROUPS | ANYTHING,
        "name": ANYTHING,
        "description": ANYTHING,
        "icon": ANYTHING,
        "sort_order": st.integers() | ANYTHING,
    },
)
ODD = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def send(app: Flask, method: str, path: str, body: Any, **headers: str) -> Any:
    answer = app.test_client().open(BASE + path, method=method, json=body, headers=headers)
    assert answer.status_code in {200, 201, 400, 404, 405, 409, 412}, (answer.text, body)
    found = answer.get_json()
    assert found["success"] is (answer.status_code < 400)
    return found


def assert_whole(app: Flask) -> None:
    """Assert that everything can still be listed, and read in code."""
    for path in ("", "/groups", "/health", "/audit?limit=200"):
        assert app.test_client().get(BASE + path).status_code == 200


@ODD
@given(FIELDS, KEYS)
def test_settings(shared_each: Flask, fields: dict[str, Any], key: str) -> None:
    send(shared_each, "POST", "", fields)
    send(
        shared_each, "PUT", f"/{key}", {n: v for n, v in fields.items() if n not in {"key", "type"}}
    )
    assert_whole(shared_each)


@ODD
@given(st.lists(FIELDS | ANYTHING, max_size=4) | ANYTHING)
def test_bulk(shared_each: Flask, entries: Any) -> None:
    before = shared_each.test_client().get(BASE).get_json()
    answer = send(shared_each, "POST", "/bulk", {"settings": entries})
    if not answer["success"]:
        assert shared_each.test_client().get(BASE).get_json() == before
    assert_whole(shared_each)


@ODD
@given(GROUP_FIELDS, st.sampled_from(["smtp", "mine", "none"]))
def test_groups(shared_each: Flask, fields: dict[str, Any], group_id: str) -> None:
    send(shared_each, "POST", "/groups", fields)
    send(shared_each, "PUT", f"/groups/{group_id}", {n: v for n, v in fields.items() if n != "id"})
    assert_whole(shared_each)


@ODD
@given(st.text(max_size=30))
def test_headers_and_addresses(shared_each: Flask, text: str) -> None:
    odd = text.encode("ascii", "ignore").decode().replace("\n", "").replace("\r", "")
    headers = {"If-Match": odd}
    send(shared_each, "PUT", "/smtp.host", {"value": text}, **headers)
    send(shared_each, "POST", "/search", {"pattern": text or "x"})
    for query in ("limit", "before", "key", "reveal"):
        client = shared_each.test_client()
        for path in ("/audit", "/smtp.host"):
            answer = client.get(BASE + path, query_string={query: text})
            assert answer.status_code in {200, 400}
