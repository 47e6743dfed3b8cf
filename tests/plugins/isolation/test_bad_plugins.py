"""Whatever a plugin does, everybody else's rows are the same, and everybody else works.

Each bad plugin is met by a site that is set up, and by one that is running already, at its next
start; on both databases.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
from flask import Flask

from tests.plugins.isolation.catalogue import DATABASE, LOADING, NAME
from tests.plugins.isolation.conftest import Everything, Running, Start
from tests.support.plugins import (
    GOOD,
    Bad,
    Folder,
    Snapshots,
    alike,
    assert_others_work,
    assert_quarantined,
    states,
    told,
    without,
)

DONE_BUT = {
    "message": "Database setup successful, but some services may require a server restart to "
    "function properly.",
    "restart_required": True,
}
MANY = [
    dataclasses.replace(bad, name=f"bad{i}") for i, bad in enumerate(LOADING) if bad.code != NAME
]


def assert_unchanged(bad: Bad, before: Everything, after: Everything) -> None:
    """Assert that nothing is left of ``bad``, and everything of everybody else."""
    if bad.keeps:
        assert bad.commits or after.get("bad_thing", []) == []
        before, after = without(before, bad.name), without(after, bad.name)
    if bad.commits:  # what others had done by then was done again, and is in the log twice
        after["audit_log"] = [row for row in after["audit_log"] if row in before["audit_log"]]
    assert after == before


def in_turn(number: int) -> list[Any]:
    """Return the bad plugins; the ordinary run meets two of four in the one way, two in the other.

    By twos, as the databases take turns by one.
    """
    return [
        pytest.param(bad, marks=[] if place // 2 % 2 == number else [pytest.mark.slow])
        for place, bad in enumerate(DATABASE)
    ]


@pytest.mark.parametrize("bad", in_turn(0), ids=str)
def test_at_setup(
    folder: Folder,
    start: Start,
    body: dict[str, str],
    direct: Snapshots,
    reference: Everything,
    caplog: pytest.LogCaptureFixture,
    bad: Bad,
) -> None:
    folder.add_bad(bad)
    app = start()
    answer = app.test_client().post("/api/db/setup", json=body)

    assert (answer.status_code, answer.json) == (200, DONE_BUT)
    assert_unchanged(bad, reference, alike(direct.everything()))
    assert_quarantined(app, bad, caplog.text)


@pytest.mark.parametrize("bad", in_turn(1), ids=str)
def test_at_the_next_start(
    running: Running, folder: Folder, start: Start, caplog: pytest.LogCaptureFixture, bad: Bad
) -> None:
    folder.add_bad(bad)
    app = start(DEPLOYSTACK_DATA_DIR=running.data_dir)
    states(app)

    assert_unchanged(bad, running.found, running.direct.everything())
    assert_quarantined(app, bad, caplog.text)
    running.is_as_it_was = not bad.keeps


def assert_all_are_refused(app: Flask) -> None:
    """Assert that each of the many is quarantined as it is when it is alone."""
    found = states(app)
    said = told(app)
    assert {found.pop(name) for name in GOOD} == {"active"}
    wrong = {
        bad.what: found[bad.name]
        for bad in MANY
        if not re.fullmatch(f"quarantined {bad.code}", found[bad.name])
        or not (bad.is_named or bad.says in said[bad.name]["error"])
    }
    assert wrong == {}
    assert len(found) == len(MANY)
    assert_others_work(app)


def test_everything_that_is_refused_at_setup(
    folder: Folder, start: Start, body: dict[str, str], direct: Snapshots, reference: Everything
) -> None:
    """All those of `test_rules.py` at once."""
    for bad in MANY:
        folder.add_bad(bad)
    app = start()
    answer = app.test_client().post("/api/db/setup", json=body)

    assert (answer.status_code, answer.json) == (200, DONE_BUT)
    assert alike(direct.everything()) == reference
    assert_all_are_refused(app)


def test_everything_that_is_refused_at_the_next_start(
    running: Running, folder: Folder, start: Start
) -> None:
    for bad in MANY:
        folder.add_bad(bad)
    app = start(DEPLOYSTACK_DATA_DIR=running.data_dir)
    states(app)

    assert running.direct.everything() == running.found
    assert_all_are_refused(app)
    running.is_as_it_was = True
