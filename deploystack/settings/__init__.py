"""Typed settings in groups, declared beside the code that uses them, changed by an administrator.

Code reads ``settings.get("smtp.port")`` from a copy in memory (``service``); routes and commands
change what is in the database (``store``). ``docs/reference/settings.md`` is for who uses it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Flask

from ..config import Config
from .declarations import Setting, SettingGroup
from .definitions import Definitions
from .keys import Keyring
from .problems import SettingMissing, UnknownSetting
from .service import Settings, get_settings, settings

__all__ = [
    "Setting",
    "SettingGroup",
    "SettingMissing",
    "Settings",
    "UnknownSetting",
    "get_settings",
    "init_settings",
    "settings",
]


def init_settings(
    app: Flask, config: Config, declared: Mapping[str, Sequence[SettingGroup]]
) -> Settings:
    """Give ``app`` its settings. Needs no database yet.

    Args:
        app: the application.
        config: its configuration.
        declared: what each plugin declares, by its name.

    Raises:
        ConfigError: the key that seals secrets cannot be read or made.
    """
    definitions = Definitions()
    for owner, groups in declared.items():
        definitions.declare(owner, groups)
    return Settings(app, Keyring(config), definitions)
