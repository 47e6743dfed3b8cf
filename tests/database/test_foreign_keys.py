"""Revisions and foreign keys: no child is lost with its parent's old table, none is orphaned."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploystack.database import get_database
from tests.conftest import MakeApp
from tests.support.applications import command, report, set_up, status
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

    get_database(app).close()  # its connections remember the schema from before
    app = make_app(revisions.config(data_dir))
    assert status(app)["initialized"] is True
    with get_database(app).current().binding.engine.begin() as connection:  # type: ignore[union-attr]
        connection.exec_driver_sql("DELETE FROM parent WHERE id = 1")
    assert direct.rows("SELECT id FROM child") == [3]


def test_a_row_that_would_refer_to_nothing_is_found_before_the_commit(
    direct: Direct,
    revisions: Revisions,
    data_dir: Path,
    make_app: MakeApp,
    caplog: pytest.LogCaptureFixture,
) -> None:
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
