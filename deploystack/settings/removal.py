"""Removing the settings that a plugin leaves behind, once somebody asks for it by its name."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..models import AuditEntry, GlobalSetting, GlobalSettingGroup
from . import audit, core
from .state import locked


def settings_of(connection: sa.Connection, name: str) -> list[str]:
    """Return the keys that begin with ``name`` and ``.``: the settings of that plugin.

    A setting of the core is none of its, whatever it is called.
    """
    own = {setting.key for group in core.GROUPS for setting in group.settings}
    keys = connection.scalars(sa.select(GlobalSetting.key).order_by(GlobalSetting.key))
    # Compared here: to LIKE, SQLite has no capital letters, and PostgreSQL does.
    return [key for key in keys if key.startswith(f"{name}.") and key not in own]


def remove_settings(connection: sa.Connection, name: str) -> None:
    """Delete the settings of the plugin ``name``, and its groups that are left empty.

    Args:
        connection: in the transaction in which the plugin is removed.
        name: the plugin.
    """
    keys = settings_of(connection, name)
    if not keys:
        return
    with Session(connection, join_transaction_mode="create_savepoint") as session:
        state = locked(session)
        actor = audit.operator()
        rows = list(session.scalars(sa.select(GlobalSetting).where(GlobalSetting.key.in_(keys))))
        left = {row.group_id for row in rows if row.group_id}
        for row in rows:
            session.delete(row)
            audit.record(session, actor, "delete", row.key, {"plugin": name})
        session.flush()
        for group in session.scalars(_empty(left - {group.id for group in core.GROUPS})):
            session.delete(group)
            audit.record(session, actor, "group_delete", group.id, {"plugin": name})
        state.version += 1
        session.commit()  # of its own savepoint


def _empty(ids: set[str]) -> sa.Select[GlobalSettingGroup]:
    """Return those of some groups that hold nothing, and that no administrator has made."""
    group = GlobalSettingGroup
    made = sa.exists().where(
        AuditEntry.subject == group.id, AuditEntry.action == f"{audit.PREFIX}group_create"
    )
    used = sa.exists().where(GlobalSetting.group_id == group.id)
    return sa.select(group).where(group.id.in_(ids), ~made, ~used)
