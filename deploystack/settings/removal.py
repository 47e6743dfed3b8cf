"""Removing the settings that a plugin leaves behind, once somebody asks for it by its name."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..models import GlobalSetting, GlobalSettingGroup
from . import audit, core
from .state import locked


def remove_settings(connection: sa.Connection, name: str) -> int:
    """Delete the settings whose keys begin with ``name`` and ``.``, and the groups left empty.

    Args:
        connection: in the transaction in which the plugin is removed.
        name: the plugin. A setting of the core is none of its, whatever it is called.

    Returns:
        How many settings were deleted.
    """
    own = {setting.key for group in core.GROUPS for setting in group.settings}
    own_groups = {group.id for group in core.GROUPS}
    with Session(connection, join_transaction_mode="create_savepoint") as session:
        state = locked(session)
        prefix = GlobalSetting.key.startswith(f"{name}.", autoescape=True)
        rows = list(session.scalars(sa.select(GlobalSetting).where(prefix)))
        rows = [row for row in rows if row.key not in own]
        left = {row.group_id for row in rows} - own_groups
        for row in rows:
            session.delete(row)
            audit.record(session, audit.operator(), "delete", row.key, {"plugin": name})
        session.flush()
        for group_id in filter(None, left):
            if not session.scalar(_settings_in(group_id)):
                session.delete(session.get_one(GlobalSettingGroup, group_id))
        if rows:
            state.version += 1
        session.commit()  # of its own savepoint
    return len(rows)


def _settings_in(group_id: str) -> sa.Select[int]:
    query = sa.select(sa.func.count()).select_from(GlobalSetting)
    return query.where(GlobalSetting.group_id == group_id)
