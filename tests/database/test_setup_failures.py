"""A setup that fails half-way leaves no tables, no selection and no litter; the same call works."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask

from deploystack.database import get_database
from deploystack.database.postgres.connection_string import parse
from deploystack.database.setup import set_up
from deploystack.database.target import SqliteTarget, Target
from deploystack.errors import ApiError
from tests.conftest import MakeApp
from tests.support.direct import Direct
from tests.support.files import files
from tests.support.postgres import Postgres
from tests.support.revisions import Revisions

SETUP = "/api/db/setup"
FAILURES = {
    "the last statement": "op.create_table('extra', sa.Column('id', sa.Integer()))\n"
    "op.execute('SELECT * FROM nothing')",
    "python": "op.create_table('extra', sa.Column('id', sa.Integer()))\n1 / 0",
    "a revision that exits": "raise SystemExit(3)",
    "interrupted": "raise KeyboardInterrupt",
}


def target(app: Flask, body: dict[str, str]) -> Target:
    if body["type"] == "sqlite":
        return SqliteTarget(get_database(app).config.sqlite_file)
    return parse(body["connectionString"])


def nothing_is_left(body: dict[str, str], data_dir: Path, before: dict[str, object]) -> None:
    assert files(data_dir) == before
    if body["type"] == "postgres":
        assert Direct(body, data_dir).tables() == set()


@pytest.fixture(autouse=True)
def _works_then(make_app: MakeApp, data_dir: Path, body: dict[str, str]) -> Iterator[None]:
    """After whatever failed, and was mended, the same call works."""
    yield
    client = make_app().test_client()
    assert client.get("/api/db/status").json["configured"] is False
    assert client.post(SETUP, json=body).status_code == 200
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("upgrade", FAILURES.values(), ids=FAILURES)
def test_a_revision_fails(
    make_app: MakeApp, data_dir: Path, tmp_path: Path, body: dict[str, str], upgrade: str
) -> None:
    revisions = Revisions(tmp_path / "revisions")
    bad = revisions.add(upgrade)
    client = make_app(revisions.config(data_dir)).test_client()
    before = files(data_dir)
    try:
        response = client.post(SETUP, json=body)
    except (SystemExit, KeyboardInterrupt):
        pass  # it is the process that ends
    else:
        assert (response.status_code, response.json["code"]) == (422, "migration_failed")
        assert response.json["details"] == {"revision": bad}
        assert "nothing" not in response.text

    nothing_is_left(body, data_dir, before)


def test_the_selection_cannot_be_published(
    app: Flask, data_dir: Path, body: dict[str, str]
) -> None:
    before = files(data_dir)
    obstacle = data_dir / "db.selection.json"

    def obstruct(step: str) -> None:
        if step == "committed":
            obstacle.mkdir()

    with pytest.raises(ApiError) as refused:
        set_up(get_database(app), target(app, body), obstruct)
    obstacle.rmdir()

    assert (refused.value.status, refused.value.code) == (500, "data_folder_not_writable")
    nothing_is_left(body, data_dir, before)


def test_the_selection_cannot_be_written(app: Flask, data_dir: Path, body: dict[str, str]) -> None:
    """As on a full disk."""
    before = files(data_dir)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(step: str) -> None:
        if step == "seeding":
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))

    try:
        with pytest.raises(ApiError) as refused:
            set_up(get_database(app), target(app, body), fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert refused.value.code in {"data_folder_not_writable", "db_disk_full", "db_failed"}
    nothing_is_left(body, data_dir, before)


@pytest.mark.parametrize("step", ["claimed", "checked", "seeding", "drafted"])
def test_the_process_is_interrupted(
    app: Flask, data_dir: Path, body: dict[str, str], step: str
) -> None:
    before = files(data_dir)

    def interrupt(done: str) -> None:
        if done == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        set_up(get_database(app), target(app, body), interrupt)

    nothing_is_left(body, data_dir, before)


def test_the_commit_fails(
    app: Flask, data_dir: Path, dialect: str, body: dict[str, str], postgres: Postgres
) -> None:
    before = files(data_dir)

    def break_it(step: str) -> None:
        if step != "drafted":
            return
        if dialect == "postgres":
            name = urlsplit(body["connectionString"]).path[1:]
            postgres.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                f"WHERE datname = '{name}'"
            )
        else:
            (data_dir / "database" / "deploystack.db-journal").unlink()
            (data_dir / "database" / "deploystack.db").unlink()

    with pytest.raises(ApiError) as refused:
        set_up(get_database(app), target(app, body), break_it)

    assert refused.value.status == 422
    nothing_is_left(body, data_dir, before)
