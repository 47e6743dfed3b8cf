"""Looking settings up in the database, as they are now, for whoever administers them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..models import GlobalSetting
from .definitions import KEY, Definitions
from .problems import setting_unknown


def all_settings(session: Session) -> list[GlobalSetting]:
    """Return all settings, by their keys."""
    return list(session.scalars(sa.select(GlobalSetting).order_by(GlobalSetting.key)))


def find_setting(session: Session, definitions: Definitions, key: str) -> GlobalSetting:
    """Return a setting.

    Raises:
        ApiError: 404 ``setting_unknown``.
    """
    row: GlobalSetting | None = None
    if KEY.fullmatch(key):
        row = session.get(GlobalSetting, key)
    if row is None:
        known = session.scalars(sa.select(GlobalSetting.key))
        raise setting_unknown(key, [*definitions.settings, *known])
    return row


def matching(session: Session, pattern: str) -> list[GlobalSetting]:
    """Return the settings whose keys hold ``pattern``, in whichever case.

    ``*`` and ``%`` stand for anything in between.
    """
    pieces = pattern.lower().replace("%", "*").split("*")
    return [row for row in all_settings(session) if _holds(row.key.lower(), pieces)]


def _holds(key: str, pieces: list[str]) -> bool:
    at = 0
    for piece in pieces:
        found = key.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return True
