"""What a plugin declares about itself, in plain data."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings.declarations import Setting, SettingGroup

__all__ = ["PluginMetadata", "Setting", "SettingGroup"]


@dataclass(frozen=True, kw_only=True)
class PluginMetadata:
    """Who a plugin is.

    Args:
        name: lower-case letters and digits, beginning with a letter. Tables, settings and routes
            begin with it.
        version: of the plugin, up to 64 characters. Another version is seeded again.
        description: one line for people.
    """

    name: str
    version: str
    description: str = ""
