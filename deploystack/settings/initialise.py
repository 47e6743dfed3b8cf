"""Giving a database the groups and settings that are declared and that it lacks."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..models import GlobalSetting, GlobalSettingGroup
from . import audit, values
from .declarations import Setting
from .definitions import Definitions
from .keys import Keyring
from .rows import declared_group, declared_setting, is_empty
from .state import locked
from .vault import Vault

log = logging.getLogger(__name__)


@dataclass
class Tally:
    """What was done for one owner of settings.

    Attributes:
        created: how many settings were made.
        skipped: how many were there, and stay as they are.
        missing: those that are required, and empty.
    """

    created: int = 0
    skipped: int = 0
    missing: list[str] = field(default_factory=list)

    def tell(self, owner: str) -> None:
        """Log it, in one line: for whoever knows that it will not be taken back."""
        log.info(
            "Settings of %s: %s created, %s skipped; required and still empty: %s.",
            owner,
            self.created,
            self.skipped,
            ", ".join(self.missing) or "none",
        )


def initialise(session: Session, definitions: Definitions, keyring: Keyring, owner: str) -> Tally:
    """Make the groups and settings that ``owner`` declares and that are missing.

    What is there stays as it is, and so does what is declared no longer. Does not commit.

    Args:
        session: in the transaction that brings the schema up to date.
        definitions: what is declared.
        keyring: the keys that seal secrets.
        owner: ``core`` or a plugin.

    Returns:
        What was done; it is not logged yet.
    """
    state = locked(session)
    vault = Vault(keyring, state)
    if state.key_fingerprint is None:
        state.key_fingerprint = keyring.preferred.fingerprint
    for group in definitions.groups_owned(owner):
        if session.get(GlobalSettingGroup, group.id) is None:
            session.add(declared_group(group))
    session.flush()
    tally = Tally()
    for definition in definitions.owned(owner):
        row = session.get(GlobalSetting, definition.key)
        if row is None:
            row = declared_setting(session, definitions, vault, definition.key)
            session.add(row)
            tally.created += 1
        else:
            _follow_type(row, definition)
            tally.skipped += 1
        if definition.required and is_empty(row, definition):
            tally.missing.append(definition.key)
    state.version += 1
    audit.record(session, audit.APPLICATION, "initialise", owner, asdict(tally))
    session.flush()
    return tally


def lacking(connection: sa.Connection, definitions: Definitions) -> frozenset[str]:
    """Return for whom a database lacks a declared group or setting, at the cost of one query."""
    rows = connection.execute(
        sa.union_all(
            sa.select(sa.literal(True), GlobalSetting.key),
            sa.select(sa.literal(False), GlobalSettingGroup.id),
        )
    ).all()
    keys = {name for is_setting, name in rows if is_setting}
    groups = {name for is_setting, name in rows if not is_setting}
    return frozenset(
        owner
        for owner in definitions.owners()
        if not (
            keys.issuperset(setting.key for setting in definitions.owned(owner))
            and groups.issuperset(group.id for group in definitions.groups_owned(owner))
        )
    )


def _follow_type(row: GlobalSetting, definition: Setting) -> None:
    """Give a setting the type that it is declared with now, if its value is of that type, too."""
    if row.type == definition.type or row.is_encrypted:
        return
    try:
        if row.value is not None:
            values.accept(definition.type, row.value)
    except ValueError:
        log.warning("The value of the setting %s is no %s.", row.key, definition.type)
    else:
        row.type = definition.type
