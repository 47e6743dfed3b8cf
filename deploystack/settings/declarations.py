"""What a setting and a group of settings are declared as, beside the code that uses them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Validate = Callable[[Any], object]
"""Raises ``ValueError``, with a sentence for a person, for a value that cannot be used."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A setting with its default.

    Args:
        key: the name of its group, ``.`` and its own name; letters, digits, ``.``, ``_`` and
            ``-``. A plugin's begin with the plugin's name and ``.``.
        type: one of ``string``, ``number``, ``boolean``, ``integer``, ``url``, ``email``, ``json``
            and ``list``.
        default: its value until somebody changes it; of that type, or ``None``.
        description: one line for people.
        label: what people call it; the key, if not given.
        encrypted: whether it is a secret.
        required: whether what uses it cannot work while it is empty.
        validate: called with each new value, already of the type.
    """

    key: str
    type: str
    default: Any
    description: str = ""
    label: str = ""
    encrypted: bool = False
    required: bool = False
    validate: Validate | None = None


@dataclass(frozen=True, kw_only=True)
class SettingGroup:
    """Settings that are shown together.

    Args:
        id: letters, digits, ``.``, ``_`` and ``-``; a plugin's is not one of the core's.
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
