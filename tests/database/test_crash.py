"""Setup in a process that is killed: unconfigured, or fully configured, and nothing between."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from flask import Flask

from tests.conftest import MakeApp
from tests.support.crashes import (
    STEPS,
    assert_allowed_state,
    assert_configured,
    assert_retry_works,
    assert_unconfigured,
    set_up_in_a_process,
)


def die_after(step: str, body: dict[str, str], data_dir: Path) -> None:
    """Let a process set up and be killed after ``step``."""
    ended = set_up_in_a_process(body, data_dir, killed_after=step)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert ended.stdout.split()[-1] == step


def test_these_are_the_steps(body: dict[str, str], data_dir: Path, make_app: MakeApp) -> None:
    ended = set_up_in_a_process(body, data_dir)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == list(STEPS)
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
