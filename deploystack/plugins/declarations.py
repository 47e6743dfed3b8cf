"""What a plugin declares about itself, in plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SETTING_TYPES = ("string", "number", "boolean", "integer", "url", "email", "json", "list")


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


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A setting with its default.

    Args:
        key: begins with the plugin's name and ``.``; letters, digits, ``.``, ``_`` and ``-``.
        type: one of ``string``, ``number``, ``boolean``, ``integer``, ``url``, ``email``, ``json``
            and ``list``.
        default: its value until somebody changes it; of that type, or ``None``.
        description: one line for people.
        encrypted: whether it is a secret.
        required: whether the plugin cannot work while it is empty.
    """

    key: str
    type: str
    default: Any
    description: str = ""
    encrypted: bool = False
    required: bool = False


@dataclass(frozen=True, kw_only=True)
class SettingGroup:
    """Settings that are shown together.

    Args:
        id: letters, digits, ``.``, ``_`` and ``-``; not one of the core's groups.
        name: what people see.
        settings: those in it.
        description: one line for people.
        icon: the name of an icon.
        sort_order: groups are shown from small to large.
    """

    id: str
    name: str
    settings: Sequence[Setting]
    description: str = ""
    icon: str | None = None
    sort_order: int = 0
