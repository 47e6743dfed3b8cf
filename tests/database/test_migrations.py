"""The schema as shipped: it is what the models say, it can be taken back, and it is seeded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask import Flask

from deploystack.database import db
from deploystack.database.migrations.revision_log import SchemaRevision
from deploystack.models import Role, User
from deploystack.models.user import ROLES
from tests.conftest import MakeApp
from tests.support.applications import command, set_up, settled
from tests.support.crashes import OWN_REVISIONS
from tests.support.direct import Direct
from tests.support.revisions import Revisions


@pytest.fixture
def direct(app: Flask, body: dict[str, str], data_dir: Path) -> Direct:
    """A database that has just been set up."""
    set_up(app, body)
    return Direct(body, data_dir)


def drift(direct: Direct) -> list[object]:
    with direct.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, db.metadata))


def test_the_revisions_make_what_the_models_say(app: Flask, direct: Direct) -> None:
    assert drift(direct) == []
    assert direct.tables() == {
        "alembic_version",
        "api_tokens",
        "audit_log",
        "global_setting_groups",
        "global_settings",
        "global_settings_state",
        "login_attempts",
        "login_sessions",
        "roles",
        "schema_revisions",
        "users",
    }
    assert command(app, "db", "check").exit_code == 0


def test_a_column_that_no_revision_made_is_drift(app: Flask, direct: Direct) -> None:
    direct.execute("ALTER TABLE users ADD COLUMN nickname VARCHAR(10)")
    assert drift(direct) != []
    check = command(app, "db", "check")
    assert check.exit_code == 1
    assert "nickname" in check.output


def test_what_alembic_does_not_compare_is_there_too(direct: Direct) -> None:
    """Names of every constraint, the checks, and what a foreign key does on delete."""
    inspector = sa.inspect(direct.engine)
    for table in db.metadata.tables.values():
        found = {
            inspector.get_pk_constraint(table.name)["name"],
            *(c["name"] for c in inspector.get_unique_constraints(table.name)),
            *(c["name"] for c in inspector.get_check_constraints(table.name)),
            *(c["name"] for c in inspector.get_foreign_keys(table.name)),
        }
        assert found == {constraint.name for constraint in table.constraints}
        for key in inspector.get_foreign_keys(table.name):
            [column] = key["constrained_columns"]
            [declared] = table.c[column].foreign_keys
            assert key["options"].get("ondelete") == declared.ondelete
    with pytest.raises(sa.exc.IntegrityError):
        direct.execute(
            "INSERT INTO global_settings VALUES "
            "('k', 'v', 'colour', '', false, NULL, '2026-01-01', '2026-01-01')"
        )


def test_down_to_nothing_and_up_again(app: Flask, direct: Direct, make_app: MakeApp) -> None:
    schema = direct.everything()["schema"]

    down = command(app, "db", "downgrade", "base")
    assert down.exit_code == 0, down.output
    assert direct.tables() == {"alembic_version"}
    assert direct.rows("SELECT * FROM alembic_version") == []

    up = command(app, "db", "upgrade")
    assert up.exit_code == 0, up.output
    assert direct.everything()["schema"] == schema
    assert drift(direct) == []
    assert set(direct.rows("SELECT id FROM roles")) == set(ROLES)
    assert settled(make_app()).phase == "ready"


def test_the_log_of_revisions_tells_when_and_how_long(app: Flask, direct: Direct) -> None:
    with app.app_context():
        entries = db.session.scalars(sa.select(SchemaRevision).order_by(SchemaRevision.id)).all()
    assert [entry.revision for entry in entries] == OWN_REVISIONS
    assert direct.rows("SELECT version_num FROM alembic_version") == OWN_REVISIONS[-1:]
    for entry in entries:
        assert (entry.history, entry.direction) == ("core", "upgrade")
        assert 0 < entry.duration_ms < 10_000
        assert entry.applied_at.tzinfo is UTC
        assert timedelta(0) <= datetime.now(UTC) - entry.applied_at < timedelta(minutes=1)


def test_a_revision_taken_back_is_in_the_log_as_well(
    body: dict[str, str], data_dir: Path, tmp_path: Path, make_app: MakeApp
) -> None:
    revisions = Revisions(tmp_path / "migrations")
    added = revisions.add(
        "op.create_table('extra', sa.Column('id', sa.Integer))", "op.drop_table('extra')"
    )
    app = make_app(revisions.config(data_dir))
    set_up(app, body)
    direct = Direct(body, data_dir)

    assert command(app, "db", "downgrade").exit_code == 0
    assert "extra" not in direct.tables()
    log = direct.rows("SELECT revision, direction FROM schema_revisions ORDER BY id")
    own = [(revision, "upgrade") for revision in revisions.own]
    assert log == [*own, (added, "upgrade"), (added, "downgrade")]


def test_times_go_in_and_come_back_with_their_zone(app: Flask, direct: Direct) -> None:
    elsewhere = datetime.fromisoformat("2026-03-01T01:30:00.123456+05:30")
    with app.app_context():
        db.session.add(
            User(username="a", email="a@b.c", role_id="global_user", created_at=elsewhere)
        )
        db.session.commit()
    with app.app_context():
        user = db.session.scalars(sa.select(User).where(User.created_at == elsewhere)).one()
        assert user.created_at == elsewhere
        assert user.created_at.tzinfo is UTC
        assert user.updated_at.tzinfo is UTC
        assert datetime.now(UTC) - user.updated_at < timedelta(minutes=1)
        user.created_at = datetime(2026, 1, 1)  # noqa: DTZ001
        with pytest.raises(sa.exc.StatementError, match="needs a time zone"):
            db.session.commit()


def test_the_roles_are_seeded_with_their_permissions(app: Flask, direct: Direct) -> None:
    with app.app_context():
        roles = {role.id: role for role in db.session.scalars(sa.select(Role))}
        assert set(roles) == {"global_admin", "global_user"}
        assert all(role.is_system_role for role in roles.values())
        assert "users.delete" in roles["global_admin"].permissions
        assert roles["global_admin"].permissions == ROLES["global_admin"][2]
        assert roles["global_user"].permissions == []


def test_seeding_again_keeps_what_was_edited_and_adds_what_is_missing(
    body: dict[str, str], data_dir: Path, tmp_path: Path, make_app: MakeApp
) -> None:
    app = make_app()
    set_up(app, body)
    with app.app_context():
        role = db.session.get_one(Role, "global_admin")
        role.name, role.permissions = "Boss", ["settings.view"]
        db.session.delete(db.session.get_one(Role, "global_user"))
        db.session.commit()
        edited_at = role.updated_at

    revisions = Revisions(tmp_path / "migrations")
    revisions.add()
    upgraded = make_app(revisions.config(data_dir))
    assert settled(upgraded).phase == "ready"

    with upgraded.app_context():
        role = db.session.get_one(Role, "global_admin")
        assert (role.name, role.permissions, role.updated_at) == (
            "Boss",
            ["settings.view"],
            edited_at,
        )
        assert {r.id for r in db.session.scalars(sa.select(Role))} == set(ROLES)
