"""``flask db migrate``: from a changed model to a revision, and with it over a used database."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MakeApp
from tests.support.applications import set_up
from tests.support.commands import Commands, copy_project
from tests.support.direct import Direct
from tests.support.postgres import Postgres
from tests.support.server import Server


class Project:
    """A copy of the project, whose models and revisions a test may change."""

    def __init__(self, folder: Path) -> None:
        self.folder = copy_project(folder)
        self.models = self.folder / "deploystack" / "models"
        self.before = self.revisions()

    def revisions(self) -> set[Path]:
        return set((self.folder / "migrations" / "versions").glob("*.py"))

    def new_revision(self) -> str:
        """Return the text of the one revision that was added."""
        [added] = self.revisions() - self.before
        return added.read_text()

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.models / name
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


@pytest.fixture
def commands(project: Project, data_dir: Path, tmp_path: Path) -> Commands:
    return Commands(data_dir, tmp_path, project.folder)


def body_of(text: str, function: str) -> list[str]:
    """Return the statements of a function in a revision."""
    lines = text.partition(f"def {function}() -> None:\n")[2].partition("\n\n\n")[0].splitlines()
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


def test_no_change_writes_nothing(project: Project, commands: Commands, data_dir: Path) -> None:
    commands.succeed("db", "migrate", "-m", "nothing")
    assert project.revisions() == project.before
    assert not (data_dir / "database").exists()
    commands.succeed("db", "revision", "-m", "by hand")
    assert body_of(project.new_revision(), "upgrade") == ["pass"]


def test_a_new_column_goes_from_the_model_to_a_used_database(
    body: dict[str, str],
    dialect: str,
    project: Project,
    commands: Commands,
    data_dir: Path,
    make_app: MakeApp,
) -> None:
    set_up(make_app(), body)
    direct = Direct(body, data_dir)
    direct.execute(
        "INSERT INTO users (id, username, email, role_id, created_at, updated_at) "
        "VALUES ('1', 'a', 'a@b.c', 'global_user', '2026-01-01', '2026-01-01')"
    )
    before = direct.everything()

    project.edit(
        "user.py",
        "    password_hash:",
        "    is_active: Mapped[bool] = mapped_column(sa.Boolean, server_default=sa.true())\n"
        "    seen_at: Mapped[datetime | None] = mapped_column(UTCDateTime)\n"
        "    password_hash:",
    )
    project.edit(
        "user.py",
        "from ..database.binding import Model\n",
        "from datetime import datetime\nfrom ..database.binding import Model\n"
        "from ..database.types import UTCDateTime\n",
    )
    commands.succeed("db", "migrate", "-m", "users may be locked")
    assert direct.everything() == before
    text = project.new_revision()
    assert body_of(text, "upgrade") == [
        "with op.batch_alter_table('users', schema=None) as batch_op:",
        "batch_op.add_column(sa.Column('is_active', sa.Boolean(), server_default=sa.true(), "
        "nullable=False))",
        "batch_op.add_column(sa.Column('seen_at', sa.DateTime(timezone=True), nullable=True))",
    ]
    assert body_of(text, "downgrade") == [
        "with op.batch_alter_table('users', schema=None) as batch_op:",
        "batch_op.drop_column('seen_at')",
        "batch_op.drop_column('is_active')",
    ]

    commands.succeed("routes")  # any command makes the application, which changes nothing
    assert direct.everything() == before
    assert "Target database is not up to date" in commands.fail("db", "check")

    commands.succeed("db", "upgrade")
    assert direct.rows("SELECT username, is_active, seen_at FROM users") == [("a", True, None)]
    assert commands.succeed("db", "check").endswith("No new upgrade operations detected.\n")
    commands.succeed("db", "migrate", "-m", "again")
    assert len(project.revisions()) == len(project.before) + 1

    commands.succeed("db", "downgrade")
    after = direct.everything()
    assert after["schema"] == before["schema"]
    assert after["users"] == before["users"]

    server = Server(data_dir, commands.environment, root=project.folder)  # applies it at its start
    try:
        server.start()
        server.until(lambda: server.status()["initialized"])
        assert server.status()["dialect"] == dialect
        assert direct.rows("SELECT username, is_active, seen_at FROM users") == [("a", True, None)]
        assert server.stop() == 0
    finally:
        server.kill()


@pytest.mark.parametrize("configured", [False, True], ids=["no database", "another database"])
def test_a_new_table_is_generated_whole_whatever_is_configured(
    configured: bool, project: Project, commands: Commands, postgres: Postgres
) -> None:
    if configured:
        uri = postgres.create_database()
        postgres.execute("CREATE TABLE notes (somebodys text)", database=uri)
        commands.environment["DEPLOYSTACK_DATABASE_URL"] = uri
    (project.models / "note.py").write_text(NOTE)
    project.edit("__init__.py", "from .user import", "from .note import Note\nfrom .user import")
    commands.succeed("db", "migrate", "-m", "notes")
    text = project.new_revision()
    assert body_of(text, "upgrade") == NOTE_UPGRADE.splitlines()
    assert body_of(text, "downgrade")[-1] == "op.drop_table('notes')"


def test_a_model_that_is_gone_has_its_table_dropped(project: Project, commands: Commands) -> None:
    (project.models / "note.py").write_text(NOTE)
    project.edit("__init__.py", "from .user import", "from .note import Note\nfrom .user import")
    commands.succeed("db", "migrate", "-m", "notes")
    project.before = project.revisions()

    (project.models / "note.py").unlink()
    project.edit("__init__.py", "from .note import Note\n", "")
    commands.succeed("db", "migrate", "-m", "no notes")
    statements = body_of(project.new_revision(), "upgrade")
    assert statements[-1] == "op.drop_table('notes')"
    assert not any("drop_table" in statement for statement in statements[:-1])


NOTE = """
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..database.binding import Model
from .timestamps import Timestamps


class Note(Timestamps, Model):
    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(sa.String(80), unique=True)
    is_pinned: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("users.id", ondelete="CASCADE"), index=True)

    __table_args__ = (sa.CheckConstraint("length(title) > 0", name="title"),)
"""

NOTE_UPGRADE = """\
op.create_table('notes',
sa.Column('id', sa.Integer(), nullable=False),
sa.Column('title', sa.String(length=80), nullable=False),
sa.Column('is_pinned', sa.Boolean(), server_default=sa.false(), nullable=False),
sa.Column('user_id', sa.String(length=36), nullable=False),
sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
sa.CheckConstraint('length(title) > 0', name=op.f('ck_notes_title')),
sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_notes_user_id_users'), \
ondelete='CASCADE'),
sa.PrimaryKeyConstraint('id', name=op.f('pk_notes')),
sa.UniqueConstraint('title', name=op.f('uq_notes_title'))
)
with op.batch_alter_table('notes', schema=None) as batch_op:
batch_op.create_index(batch_op.f('ix_notes_user_id'), ['user_id'], unique=False)"""
