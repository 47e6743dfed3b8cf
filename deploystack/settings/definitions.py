"""Every setting that code declares: the core's, and those of plugins. A core key always wins."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .core import GROUPS
from .declarations import Setting, SettingGroup

log = logging.getLogger(__name__)

CORE = "core"
"""Whose the settings are that no plugin declares."""

KEY = re.compile(r"[a-zA-Z0-9._-]{1,255}")
"""What a key, and the id of a group, consist of."""


@dataclass(frozen=True)
class Clash:
    """A declaration that is not used, because another one has its key.

    Attributes:
        key: the key.
        owner: whose it is: ``core`` or a plugin.
        refused: whose is not used.
    """

    key: str
    owner: str
    refused: str


class Definitions:
    """The declared settings of an application."""

    def __init__(self) -> None:
        self.groups: dict[str, SettingGroup] = {}
        self.settings: dict[str, Setting] = {}
        self.group_of: dict[str, str] = {}
        self.clashes: list[Clash] = []
        self._owners: dict[str, str] = {}
        self._groups_of: dict[str, list[str]] = {}
        self.declare(CORE, GROUPS)

    def declare(self, owner: str, groups: Iterable[SettingGroup]) -> None:
        """Add what ``owner`` declares; what has been declared before it stays as it is."""
        for group in groups:
            self.groups.setdefault(group.id, group)
            self._groups_of.setdefault(owner, []).append(group.id)
            for setting in group.settings:
                present = self._owners.setdefault(setting.key, owner)
                if setting.key in self.settings:
                    self.clashes.append(Clash(setting.key, present, owner))
                    log.warning(
                        "The setting %s of %s is not used: %s has declared it.",
                        setting.key,
                        owner,
                        present,
                    )
                else:
                    self.settings[setting.key] = setting
                    self.group_of[setting.key] = group.id

    def owners(self) -> list[str]:
        """Return whoever declares something, the core first."""
        return list(self._groups_of)

    def owned(self, owner: str) -> Iterator[Setting]:
        """Yield the settings of ``owner``, as they were declared."""
        for key, name in self._owners.items():
            if name == owner:
                yield self.settings[key]

    def groups_owned(self, owner: str) -> Iterator[SettingGroup]:
        """Yield the groups that ``owner`` puts settings into, as they were declared."""
        for group_id in self._groups_of.get(owner, ()):
            yield self.groups[group_id]
