"""Revisions that are pending when the application starts: all of them, or none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from deploystack.database import get_database
from tests.conftest import MakeApp
from tests.support.applications import (
    command,
    look_again,
    report,
    set_up,
    settled,
    status,
)
from tests.support.direct import Direct
from tests.support.postgres import PostgresServer
from tests.support.revisions import Revisions
from tests.support.waiting import until

FAILING = {
    "a statement the database refuses": (
        "op.execute('CREATE TABLE first (id INTEGER)')\n"
        "op.execute('UPDATE roles SET name = id')\n"
        "op.execute('INSERT INTO nowhere VALUES (1)')",
        "nowhere",
    ),
    "a statement that cannot be written": (
        "op.execute('DELETE FROM roles')\nop.create_table('t', sa.Column('untyped'))",
        "untyped",
    ),
    "an exception of its own": (
        "op.execute('DELETE FROM roles')\nraise LookupError('the moon is missing')",
        "LookupError: the moon is missing",
    ),
    "it ends the process": (
        "op.execute('DELETE FROM roles')\nraise SystemExit('enough')",
        "SystemExit: enough",
    ),
    "a mistake in its syntax": ("op.execute('DELETE FROM roles'", "SyntaxError: "),
    "a module that is missing": ("import not_installed_anywhere", "not_installed_anywhere"),
}
MENDED = "op.execute('CREATE TABLE first (id INTEGER)')"


def test_only_what_is_new_is_applied(
    direct: Direct, revisions: Revisions, data_dir: Path, make_app: MakeApp
) -> None:
    direct.execute("UPDATE roles SET name = 'Kept' WHERE id = 'global_user'")
    before = direct.rows("SELECT * FROM schema_revisions ORDER BY id")
    one = revisions.add("op.create_table('one', sa.Column('id', sa.Integer))")
    two = revisions.add("op.add_column('one', sa.Column('name', sa.String(5)))")

    app = make_app(revisions.config(data_dir))
    assert status(app) == {"configured": True, "initialized": True, "dialect": direct.dialect}
    assert direct.revisions() == [*revisions.own, one, two]
    assert direct.rows("SELECT * FROM schema_revisions ORDER BY id")[: len(before)] == before
    assert direct.rows("SELECT id, name FROM one") == []
    assert direct.rows("SELECT name FROM roles WHERE id = 'global_user'") == ["Kept"]
    if direct.dialect == "postgres":  # it tells which transaction wrote a row
        of_one, of_two = direct.rows(
            f"SELECT xmin FROM schema_revisions WHERE revision IN ('{one}', '{two}')"
        )
        assert of_one == of_two


def test_a_start_with_nothing_new_changes_nothing(
    direct: Direct, data_dir: Path, make_app: MakeApp
) -> None:
    before, file = direct.everything(), direct.content()
    assert status(make_app())["initialized"] is True
    assert direct.everything() == before
    assert direct.content() == file


@pytest.mark.parametrize("what", FAILING)
def test_a_revision_that_fails_leaves_everything_as_it_was(
    what: str,
    direct: Direct,
    revisions: Revisions,
    data_dir: Path,
    make_app: MakeApp,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bad_body, cause = FAILING[what]
    good = revisions.add("op.create_table('good', sa.Column('id', sa.Integer))")
    bad = revisions.add(bad_body)
    before = direct.everything()

    app = make_app(revisions.config(data_dir))
    assert status(app) == {"configured": True, "initialized": False, "dialect": direct.dialect}
    assert direct.everything() == before

    answer = app.test_client().get("/readyz")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "migration_failed")
    assert int(answer.headers["Retry-After"]) > 0
    [line] = [r.getMessage() for r in caplog.records if "migration_failed" in r.getMessage()]
    assert bad in line
    assert cause in line

    found = report(app)
    assert found["initialized"] is False
    assert (found["revision"], found["pending"]) == (revisions.base, [good, bad])
    assert found["last_failure"]["revision"] == bad
    assert cause in found["last_failure"]["cause"]
    shown = command(app, "db", "status")
    assert shown.exit_code == 1
    assert f"revision {bad}" in shown.stdout
    assert cause in shown.stdout


@pytest.mark.parametrize("restart", [True, False], ids=["restarted", "still running"])
def test_a_mended_revision_is_applied(
    restart: bool, direct: Direct, revisions: Revisions, data_dir: Path, make_app: MakeApp
) -> None:
    bad = revisions.add(FAILING["a statement the database refuses"][0])
    app = make_app(revisions.config(data_dir))
    assert status(app)["initialized"] is False

    file = revisions.file(bad)
    file.write_text(file.read_text().replace("INSERT INTO nowhere VALUES (1)", "SELECT 1"))
    if restart:
        get_database(app).close()
        app = make_app(revisions.config(data_dir))
    else:
        look_again(data_dir)
    assert status(app)["initialized"] is True
    assert direct.revisions() == [*revisions.own, bad]
    assert direct.rows("SELECT name FROM roles ORDER BY name") == ["global_admin", "global_user"]
    assert report(app)["last_failure"] is None
    assert not (data_dir / "migration-failure.json").exists()


def test_an_added_revision_that_mends_is_applied_after_a_restart(
    direct: Direct, revisions: Revisions, data_dir: Path, make_app: MakeApp
) -> None:
    """A new file is new code: a running application has read its revisions already."""
    bad = revisions.add("op.execute('INSERT INTO later VALUES (1)')")
    app = make_app(revisions.config(data_dir))
    assert status(app)["initialized"] is False

    get_database(app).close()
    before = revisions.add("op.execute('CREATE TABLE later (id INTEGER)')", after=revisions.base)
    file = revisions.file(bad)
    file.write_text(file.read_text().replace(repr(revisions.base), repr(before)))
    assert status(make_app(revisions.config(data_dir)))["initialized"] is True
    assert direct.revisions() == [*revisions.own, before, bad]
    assert direct.rows("SELECT id FROM later") == [1]


def test_a_server_that_dies_during_a_revision_is_not_the_revisions_fault(
    own_postgres: PostgresServer, revisions: Revisions, data_dir: Path, make_app: MakeApp
) -> None:
    body = {"type": "postgres", "connectionString": own_postgres.create_database()}
    app = make_app()
    set_up(app, body)
    get_database(app).close()
    direct = Direct(body, data_dir)
    revisions.add("op.execute('CREATE TABLE one (id INTEGER)')\nop.execute('SELECT pg_sleep(1)')")

    app = make_app(revisions.config(data_dir))
    get_database(app).start()
    sleeping = "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(1)'"
    until(lambda: direct.rows(sleeping))
    own_postgres.stop("immediate")
    assert status(app)["initialized"] is False
    assert report(app)["last_failure"] is None

    own_postgres.start()
    until(lambda: status(app)["initialized"], 5)
    assert direct.tables() >= {"one"}


def test_setup_with_a_failing_revision_leaves_nothing(
    body: dict[str, str],
    dialect: str,
    revisions: Revisions,
    data_dir: Path,
    make_app: MakeApp,
    new_body: Callable[[str], dict[str, str]],
) -> None:
    bad = revisions.add(FAILING["a statement the database refuses"][0])
    app = make_app(revisions.config(data_dir))
    litter = sorted(data_dir.rglob("*"))

    answer = app.test_client().post("/api/db/setup", json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "migration_failed")
    assert answer.get_json()["details"] == {"revision": bad}
    assert "nowhere" not in answer.text
    assert sorted(data_dir.rglob("*")) == litter
    assert status(app)["configured"] is False
    if dialect == "postgres":
        assert Direct(body, data_dir).everything() == {"schema": []}

    revisions.file(bad).write_text(
        revisions.file(bad).read_text().replace("INSERT INTO nowhere VALUES (1)", "SELECT 1")
    )
    set_up(app, body)
    assert settled(app).phase == "ready"
