"""Each rule is checked as a plugin is loaded; the sentence about a violation names it."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from tests.plugins.isolation.catalogue import LOADING, NAME
from tests.plugins.isolation.conftest import Start
from tests.support.applications import command
from tests.support.plugins import GOOD, Bad, Folder, told

SLOW = pytest.mark.slow

ALONE = 4
"""Of so many, one is ordinarily tried alone; test_bad_plugins.py tries all of them together."""


@pytest.mark.parametrize(
    "bad",
    [
        bad
        if bad.code == NAME or bad.is_named or number % ALONE == 0
        else pytest.param(bad, marks=SLOW)
        for number, bad in enumerate(LOADING)
    ],
    ids=str,
)
def test_a_violation(
    folder: Folder, start: Start, caplog: pytest.LogCaptureFixture, bad: Bad
) -> None:
    folder.add_bad(bad)
    app = start()
    plugins = told(app)

    [name] = plugins.keys() - set(GOOD)
    found = plugins.pop(name)
    assert found["state"] == "quarantined"
    assert re.fullmatch(bad.code, found["code"])
    assert bad.says in found["error"]
    assert found["error"].endswith(".")
    assert str(folder.path) not in found["error"]
    assert f"The plugin {name} is quarantined: {found['code']}: {found['error']}" in caplog.text
    assert {name: plugin["state"] for name, plugin in plugins.items()} == dict.fromkeys(
        GOOD, "waiting"
    )
    client = app.test_client()
    answer = client.get(f"/api/plugin/{quote(name)}/things")
    assert (answer.status_code, answer.json["code"]) == (503, found["code"])
    assert client.get("/api/plugin/apples/items").json["code"] == "not_configured"
    assert client.get("/api/db/status").json["configured"] is False
    assert client.get("/nowhere").status_code == 404
    assert command(app, "apples").output == "apples works\n"
