"""Every setting that code declares: the core's, and those of plugins. A core key always wins."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .core import GROUPS
from .declarations import Setting, SettingGroup

log = logging.getLogger(__name__)

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
        self.declare("core", GROUPS)

    def declare(self, owner: str, groups: Iterable[SettingGroup]) -> None:
        """Add what ``owner`` declares; what has been declared before it stays as it is."""
        for group in groups:
            self.groups.setdefault(group.id, group)
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

    def in_group(self, group_id: str) -> Iterator[Setting]:
        """Yield the declared settings of a group, as they were declared."""
        for key, owner in self.group_of.items():
            if owner == group_id:
                yield self.settings[key]
