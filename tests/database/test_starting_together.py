"""Twenty processes that start together on one empty database."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from deploystack.database import get_database
from tests.conftest import MakeApp
from tests.support.applications import set_up
from tests.support.direct import Direct
from tests.support.revisions import Revisions
from tests.support.together import start_together

PROCESSES = 20


@pytest.fixture
def revisions(tmp_path: Path) -> Revisions:
    """The project's revisions and two more."""
    revisions = Revisions(tmp_path / "migrations")
    revisions.add("op.create_table('one', sa.Column('id', sa.Integer))")
    revisions.add("op.execute('INSERT INTO one VALUES (1)')")
    return revisions


def all_start(data_dir: Path, revisions: Revisions, **variables: str) -> None:
    """Let all start at once, and see that nothing went wrong in any."""
    ended = start_together(PROCESSES, data_dir, revisions, **variables)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.split() == ["ready"] * PROCESSES
    for failure in ("ERROR", "_failed", "db_locked", "Traceback"):
        assert failure not in ended.stderr


def applied_once(direct: Direct, revisions: Revisions, expected: list[str]) -> None:
    assert Counter(direct.revisions()) == dict.fromkeys(expected, 1)
    assert direct.rows("SELECT version_num FROM alembic_version") == [revisions.head]
    assert direct.rows("SELECT id FROM one") == [1]
    assert direct.rows("SELECT count(*) FROM roles") == [2]


def test_on_an_empty_database_that_the_operator_names(
    body: dict[str, str], dialect: str, data_dir: Path, revisions: Revisions
) -> None:
    direct = Direct(body, data_dir)
    url = body.get("connectionString") or f"sqlite:///{direct.file}"
    all_start(data_dir, revisions, DEPLOYSTACK_DATABASE_URL=url)
    applied_once(direct, revisions, [*revisions.own, "test0001", "test0002"])


def test_on_a_database_that_is_two_revisions_behind(
    direct: Direct, data_dir: Path, revisions: Revisions
) -> None:
    all_start(data_dir, revisions)
    applied_once(direct, revisions, [*revisions.own, "test0001", "test0002"])


def test_after_the_sqlite_file_was_deleted(
    data_dir: Path, revisions: Revisions, make_app: MakeApp
) -> None:
    app = make_app()
    set_up(app, {"type": "sqlite"})
    get_database(app).close()
    direct = Direct({"type": "sqlite"}, data_dir)
    direct.file.unlink()
    all_start(data_dir, revisions)
    applied_once(direct, revisions, [*revisions.own, "test0001", "test0002"])
