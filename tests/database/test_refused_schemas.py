"""Databases and revisions that do not fit together: refused in words, and left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploystack.database import get_database
from tests.conftest import MakeApp
from tests.support.applications import command, report, set_up, status
from tests.support.crashes import files
from tests.support.direct import Direct
from tests.support.revisions import Revisions


def test_a_database_newer_than_the_code_is_not_touched(
    body: dict[str, str],
    revisions: Revisions,
    data_dir: Path,
    make_app: MakeApp,
    caplog: pytest.LogCaptureFixture,
) -> None:
    newer = revisions.add("op.create_table('future', sa.Column('id', sa.Integer))")
    app = make_app(revisions.config(data_dir))
    set_up(app, body)
    get_database(app).close()
    direct = Direct(body, data_dir)
    before, file = direct.everything(), direct.content()

    old = make_app()
    assert status(old) == {"configured": True, "initialized": False, "dialect": direct.dialect}
    answer = old.test_client().get("/readyz")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "db_newer")
    sentence = answer.get_json()["error"]
    assert "Update the application" in sentence
    assert "use another database" in sentence
    assert newer in caplog.text
    assert report(old)["problem"]["code"] == "db_newer"
    for arguments in (["upgrade"], ["upgrade", "head"], ["check-connection"], ["downgrade"]):
        result = command(old, "db", *arguments)
        assert result.exit_code == 1, arguments
    assert direct.everything() == before
    assert direct.content() == file


def test_setup_does_not_adopt_a_database_newer_than_the_code(
    body: dict[str, str], revisions: Revisions, data_dir: Path, make_app: MakeApp
) -> None:
    revisions.add()
    app = make_app(revisions.config(data_dir))
    set_up(app, body)
    assert command(app, "db", "reset", "--yes").exit_code == 0
    get_database(app).close()
    direct = Direct(body, data_dir)
    before, file = direct.everything(), direct.content()

    answer = make_app().test_client().post("/api/db/setup", json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "db_newer")
    assert not (data_dir / "db.selection.json").exists()
    assert direct.everything() == before
    assert direct.content() == file


def test_two_newest_revisions_are_refused(
    direct: Direct,
    revisions: Revisions,
    data_dir: Path,
    make_app: MakeApp,
    caplog: pytest.LogCaptureFixture,
) -> None:
    left = revisions.add("op.create_table('left_one', sa.Column('id', sa.Integer))")
    right = revisions.add("pass", after=revisions.base)
    before = direct.everything()
    app = make_app(revisions.config(data_dir))
    assert status(app)["initialized"] is False
    assert f"heads {left}, {right}" in caplog.text
    found = report(app)
    assert found["problem"]["code"] == "migration_branches"
    assert left in found["problem"]["cause"]
    assert right in found["problem"]["cause"]
    result = command(app, "db", "upgrade")
    assert result.exit_code == 1
    assert "flask db merge" in result.output
    assert direct.everything() == before

    assert command(app, "db", "merge", "heads", "-m", "join").exit_code == 0
    get_database(app).close()
    app = make_app(revisions.config(data_dir))
    assert status(app)["initialized"] is True
    assert set(direct.revisions()) == set(get_database(app).history.parents)


def test_setup_with_two_newest_revisions_is_refused(
    body: dict[str, str], revisions: Revisions, data_dir: Path, make_app: MakeApp
) -> None:
    revisions.add()
    revisions.add(after=revisions.base)
    answer = make_app(revisions.config(data_dir)).test_client().post("/api/db/setup", json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "migration_branches")
    assert "flask db merge" in answer.get_json()["error"]
    assert files(data_dir) == {"encryption.key", "secret.key", "setup.lock"}


def test_a_revision_whose_name_cannot_be_read_is_refused(
    direct: Direct, revisions: Revisions, data_dir: Path, make_app: MakeApp
) -> None:
    bad = revisions.add()
    revisions.file(bad).write_text("revision = 'never closed\n")
    app = make_app(revisions.config(data_dir))
    assert status(app)["initialized"] is False
    problem = report(app)["problem"]
    assert problem["code"] == "migration_unreadable"
    assert revisions.file(bad).name in problem["cause"]


def test_a_merge_of_two_branches_is_applied_whole(
    body: dict[str, str], revisions: Revisions, data_dir: Path, make_app: MakeApp
) -> None:
    left = revisions.add("op.create_table('left_one', sa.Column('id', sa.Integer))")
    right = revisions.add(
        "op.create_table('right_one', sa.Column('id', sa.Integer))", after=revisions.base
    )
    merge = revisions.add("pass")
    file = revisions.file(merge)
    file.write_text(file.read_text().replace(repr(right), repr((left, right)), 1))

    app = make_app(revisions.config(data_dir))
    set_up(app, body)
    direct = Direct(body, data_dir)
    assert {"left_one", "right_one"} <= direct.tables()
    assert sorted(direct.revisions()) == sorted([*revisions.own, left, right, merge])
    assert report(app)["pending"] == []
