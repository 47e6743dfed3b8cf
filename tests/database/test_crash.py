"""Setup in a process that is killed: unconfigured, or fully configured, and nothing between."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from flask import Flask

from tests.conftest import MakeApp
from tests.support.applications import status
from tests.support.crashes import (
    RETRY_SECONDS,
    STEPS,
    assert_allowed_state,
    assert_configured,
    assert_retry_works,
    assert_unconfigured,
    set_up_in_a_process,
    steps,
)
from tests.support.direct import Direct
from tests.support.revisions import Revisions
from tests.support.together import start_together


def die_after(step: str, body: dict[str, str], data_dir: Path) -> None:
    """Let a process set up and be killed after ``step``."""
    ended = set_up_in_a_process(body, data_dir, killed_after=step)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert ended.stdout.split()[-1] == step


def test_these_are_the_steps(body: dict[str, str], data_dir: Path, make_app: MakeApp) -> None:
    ended = set_up_in_a_process(body, data_dir)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == steps()
    assert assert_allowed_state(make_app, body, data_dir) is True


@pytest.mark.parametrize("step", STEPS)
def test_killed_after(
    step: str, body: dict[str, str], app: Flask, data_dir: Path, make_app: MakeApp
) -> None:
    assert_unconfigured(app)
    die_after(step, body, data_dir)
    # Another worker, which lived on, and one that starts now see the same.
    fresh = make_app()
    if step in {"published", "bound"}:
        assert_configured(fresh, body, data_dir)
    else:
        assert_unconfigured(app)
        assert_retry_works(fresh, body, data_dir)
    assert_configured(app, body, data_dir)


def test_killed_again_and_again(body: dict[str, str], data_dir: Path, make_app: MakeApp) -> None:
    """What one killed setup leaves does not stand in the way of the next, killed or not."""
    for step in ("drafted", "committed", "drafted", "committed"):
        die_after(step, body, data_dir)
    assert_retry_works(make_app(), body, data_dir)


def test_killed_in_the_middle_of_a_revision_as_it_starts(
    direct: Direct, revisions: Revisions, data_dir: Path, make_app: MakeApp
) -> None:
    killed = "os.kill(os.getpid(), signal.SIGKILL)"
    revisions.add("op.create_table('whole', sa.Column('id', sa.Integer))")
    bad = revisions.add(
        "import os, signal\nop.execute('CREATE TABLE half (id INTEGER)')\n"
        f"op.execute('DELETE FROM roles')\n{killed}"
    )
    before = direct.everything()
    ended = start_together(1, data_dir, revisions)
    assert "ready" not in ended.stdout
    assert direct.everything() == before

    file = revisions.file(bad)
    file.write_text(file.read_text().replace(killed, "pass"))
    started = time.monotonic()
    assert status(make_app(revisions.config(data_dir)))["initialized"] is True
    assert time.monotonic() - started < RETRY_SECONDS
    assert direct.tables() >= {"whole", "half"}
    assert direct.rows("SELECT count(*) FROM roles") == [2]
