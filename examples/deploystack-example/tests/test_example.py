"""The plugin in an application that was set up, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

ITEMS = "/api/plugin/example/items"


@pytest.fixture
def deploystack_plugins() -> list[str]:
    """The plugin under test, whether it is installed or not."""
    return ["deploystack_example"]


def test_the_seeds_are_there(deploystack_client: FlaskClient) -> None:
    answer = deploystack_client.get(ITEMS)

    assert answer.status_code == 200
    assert [item["name"] for item in answer.get_json()["items"]] == ["First", "Second"]


def test_an_item_that_is_added_can_be_read(deploystack_client: FlaskClient) -> None:
    added = deploystack_client.post(ITEMS, json={"name": "Third"})

    assert added.status_code == 201
    item = added.get_json()
    assert deploystack_client.get(f"{ITEMS}/{item['id']}").get_json() == item


def test_a_name_is_taken_once(deploystack_client: FlaskClient) -> None:
    assert deploystack_client.post(ITEMS, json={"name": "First"}).status_code == 409


def test_an_item_needs_a_name(deploystack_client: FlaskClient) -> None:
    assert deploystack_client.post(ITEMS, json={}).status_code == 400


@pytest.mark.parametrize("name", ["", "x" * 101, "\0", "two\nlines", "\ud800"])
def test_a_name_that_cannot_be_kept(deploystack_client: FlaskClient, name: str) -> None:
    assert deploystack_client.post(ITEMS, json={"name": name}).status_code == 400


@pytest.mark.parametrize("number", [0, 2**31 - 1, 2**31, 10**30])
def test_an_item_that_is_not_there(deploystack_client: FlaskClient, number: int) -> None:
    assert deploystack_client.get(f"{ITEMS}/{number}").status_code == 404


def test_models_and_revisions_agree(deploystack_check: Callable[[str], None]) -> None:
    deploystack_check("example")
