"""Databases and revisions that do not fit together: refused in words, and left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploystack.database import get_database
from tests.conftest import MakeApp
from tests.support.applications import command, report, set_up, settled, status
from tests.support.direct import Direct
from tests.support.revisions import Revisions

PARENT_AND_CHILD = """
op.create_table(
    "parent",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(20)),
)
op.create_table(
    "child",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("parent_id", sa.Integer, sa.ForeignKey("parent.id", ondelete="CASCADE")),
)
"""
CHANGE_PARENT = """
with op.batch_alter_table("parent", recreate="auto") as batch:
    batch.alter_column("name", existing_type=sa.String(20), type_=sa.Text(), nullable=False)
    batch.create_unique_constraint("uq_parent_name", ["name"])
"""
CHANGE_PARENT_BACK = """
with op.batch_alter_table("parent", recreate="auto") as batch:
    batch.drop_constraint("uq_parent_name", type_="unique")
    batch.alter_column("name", existing_type=sa.Text(), type_=sa.String(20), nullable=True)
"""


@pytest.fixture
def revisions(tmp_path: Path) -> Revisions:
    return Revisions(tmp_path / "migrations")


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
    before, file = direct.everything(), direct.bytes()

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
    assert direct.bytes() == file


def test_setup_does_not_adopt_a_database_newer_than_the_code(
    body: dict[str, str], revisions: Revisions, data_dir: Path, make_app: MakeApp
) -> None:
    revisions.add()
    app = make_app(revisions.config(data_dir))
    set_up(app, body)
    assert command(app, "db", "reset", "--yes").exit_code == 0
    get_database(app).close()
    direct = Direct(body, data_dir)
    before, file = direct.everything(), direct.bytes()

    answer = make_app().test_client().post("/api/db/setup", json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "db_newer")
    assert not (data_dir / "db.selection.json").exists()
    assert direct.everything() == before
    assert direct.bytes() == file


def test_two_newest_revisions_are_refused(
    body: dict[str, str],
    revisions: Revisions,
    data_dir: Path,
    make_app: MakeApp,
    caplog: pytest.LogCaptureFixture,
) -> None:
    left = revisions.add("op.create_table('left_one', sa.Column('id', sa.Integer))")
    right = revisions.add("pass", after=revisions.base)

    unconfigured = make_app(revisions.config(data_dir))
    answer = unconfigured.test_client().post("/api/db/setup", json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "migration_branches")
    assert "flask db merge" in answer.get_json()["error"]
    assert not (data_dir / "db.selection.json").exists()

    app = make_app()
    set_up(app, body)
    get_database(app).close()
    direct = Direct(body, data_dir)
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


def test_a_revision_whose_name_cannot_be_read_is_refused(
    body: dict[str, str], revisions: Revisions, data_dir: Path, make_app: MakeApp
) -> None:
    app = make_app()
    set_up(app, body)
    get_database(app).close()
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
    assert sorted(direct.revisions()) == sorted([revisions.base, left, right, merge])
    assert report(app)["pending"] == []


def test_changing_a_parent_table_loses_no_child(
    body: dict[str, str], revisions: Revisions, data_dir: Path, make_app: MakeApp
) -> None:
    revisions.add(PARENT_AND_CHILD)
    app = make_app(revisions.config(data_dir))
    set_up(app, body)
    get_database(app).close()
    direct = Direct(body, data_dir)
    direct.execute(
        "INSERT INTO parent VALUES (1, 'a'), (2, 'b')",
        "INSERT INTO child VALUES (1, 1), (2, 1), (3, 2)",
    )
    children = direct.rows("SELECT * FROM child ORDER BY id")

    def kept() -> bool:
        return direct.rows("SELECT * FROM child ORDER BY id") == children

    changed = revisions.add(CHANGE_PARENT, CHANGE_PARENT_BACK)
    app = make_app(revisions.config(data_dir))
    assert status(app)["initialized"] is True
    assert direct.revisions()[-1] == changed
    assert kept()
    for arguments in (["downgrade"], ["upgrade", changed], ["downgrade"], ["upgrade"]):
        result = command(app, "db", *arguments)
        assert result.exit_code == 0, result.output
        assert kept()

    with get_database(app).current().binding.engine.begin() as connection:  # type: ignore[union-attr]
        connection.exec_driver_sql("DELETE FROM parent WHERE id = 1")
    assert direct.rows("SELECT id FROM child") == [3]


def test_a_row_that_would_refer_to_nothing_is_found_before_the_commit(
    body: dict[str, str],
    revisions: Revisions,
    data_dir: Path,
    make_app: MakeApp,
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = make_app()
    set_up(app, body)
    get_database(app).close()
    direct = Direct(body, data_dir)
    direct.execute(
        "INSERT INTO roles (id, name, description, permissions, created_at, updated_at) "
        "VALUES ('guest', 'Guest', '', '[]', '2026-01-01', '2026-01-01')",
        "INSERT INTO users (id, username, email, role_id, created_at, updated_at) "
        "VALUES ('1', 'a', 'a@b.c', 'guest', '2026-01-01', '2026-01-01')",
    )
    before = direct.everything()

    bad = revisions.add("op.execute(\"DELETE FROM roles WHERE id = 'guest'\")")
    app = make_app(revisions.config(data_dir))
    assert status(app)["initialized"] is False
    assert direct.everything() == before
    assert '"users"' in caplog.text or "row of users" in caplog.text
    failure = report(app)["last_failure"]
    assert failure["revision"] == bad
    assert "users" in failure["cause"]

    result = command(app, "db", "upgrade")
    assert result.exit_code == 1
    assert "users" in result.output
    assert direct.everything() == before
