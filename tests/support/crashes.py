"""Setups that are killed or meet a broken disk, and what may be left of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from flask import Flask

from deploystack import Config
from deploystack.database.migrations.history import History
from tests.support.applications import set_up, status
from tests.support.direct import Direct
from tests.support.server import ROOT

STEPS = (
    "checked",
    "claimed",
    "migrated",
    "seeding",
    "drafted",
    "committed",
    "published",
    "bound",
)
"""What setup tells of itself, in this order; ``migrated`` for each revision."""

OWN_REVISIONS = History("core", Config.migrations_dir).pending([])
"""The project's own revisions, oldest first."""

RETRY_SECONDS = 5.0


def steps(migrated: Callable[[str], str] = lambda _revision: "migrated") -> list[str]:
    """Return what setup tells, with what ``migrated`` returns for each revision."""
    at = STEPS.index("migrated")
    return [*STEPS[:at], *map(migrated, OWN_REVISIONS), *STEPS[at + 1 :]]


def set_up_in_a_process(
    body: dict[str, str],
    data_dir: Path,
    *,
    killed_after: str | None = None,
    under: Iterable[str] = (),
) -> subprocess.CompletedProcess[str]:
    """Set up in a process of its own; its standard output holds the steps that were done.

    Args:
        body: what would be sent to set it up.
        data_dir: the data folder.
        killed_after: the step after which it kills itself.
        under: a program, with its arguments, that runs it.
    """
    return subprocess.run(
        [
            *under,
            *(sys.executable, "-m", "tests.support.dying"),
            *([killed_after] if killed_after else []),
        ],
        cwd=ROOT,
        env={**os.environ, "DEPLOYSTACK_DATA_DIR": str(data_dir), "DEPLOYSTACK_LOG_LEVEL": "DEBUG"},
        input=json.dumps(body),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def files(data_dir: Path) -> set[str]:
    """Return the names of all files and folders under ``data_dir``.

    Without the drafts of the two keys, of which a process that is killed at its very first start
    leaves one behind.
    """
    found = {str(path.relative_to(data_dir)) for path in data_dir.rglob("*")}
    return {name for name in found if not name.startswith((".secret.key.", ".encryption.key."))}


def assert_unconfigured(app: Flask) -> None:
    """Assert that nothing is chosen, and that setup is open."""
    answer = status(app)
    answer.pop("setup_token_required")
    assert answer == {"configured": False, "initialized": False, "dialect": None}


def assert_configured(app: Flask, body: dict[str, str], data_dir: Path) -> None:
    """Assert that the database is in use, that setup is closed, and that nothing is half done."""
    assert status(app) == {"configured": True, "initialized": True, "dialect": body["type"]}
    answer = app.test_client().post("/api/db/setup", json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "already_configured")
    direct = Direct(body, data_dir)
    assert direct.rows("SELECT id FROM roles ORDER BY id") == ["global_admin", "global_user"]
    assert direct.revisions() == OWN_REVISIONS
    assert direct.rows("SELECT version_num FROM alembic_version") == OWN_REVISIONS[-1:]
    expected = {"db.selection.json", "encryption.key", "secret.key", "setup.lock"}
    if body["type"] == "sqlite":
        expected |= {"database", "database/deploystack.db"}
    assert files(data_dir) == expected


def assert_retry_works(app: Flask, body: dict[str, str], data_dir: Path) -> None:
    """Assert that nothing is chosen, and that the same setup then succeeds in time."""
    assert_unconfigured(app)
    started = time.monotonic()
    set_up(app, body)
    assert time.monotonic() - started < RETRY_SECONDS
    assert_configured(app, body, data_dir)


def assert_allowed_state(
    make_app: Callable[[], Flask], body: dict[str, str], data_dir: Path
) -> bool:
    """Assert that a start finds one of the two allowed states; return whether it is configured."""
    app = make_app()
    configured = (data_dir / "db.selection.json").exists()
    if configured:
        assert_configured(app, body, data_dir)
    else:
        assert_retry_works(app, body, data_dir)
    return configured
