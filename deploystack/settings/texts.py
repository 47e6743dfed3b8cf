"""Values that somebody wants to give to settings: checked, and turned into text."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from marshmallow import ValidationError

from . import values
from .declarations import Setting
from .definitions import KEY

log = logging.getLogger(__name__)

PLACEHOLDER = "********"
"""Shown in place of a secret. Sent back, it leaves the secret as it is."""

Convert = Callable[[str, Any], str]
"""Turns a value of a type into text: ``values.accept`` or, for code, ``values.write``."""

RESERVED = frozenset({"audit", "bulk", "categories", "group", "groups", "health", "search"})
"""What is something else below ``/api/settings/``."""


def check_key(key: str) -> None:
    """Refuse what cannot be the key of a setting.

    Raises:
        ValidationError: with a sentence for a person.
    """
    if not KEY.fullmatch(key) or not key.strip(".") or key in RESERVED:
        raise ValidationError(
            {
                "key": [
                    "It consists of at most 255 letters, digits, '.', '_' and '-', not of '.' "
                    f"alone, and is none of {', '.join(sorted(RESERVED))}."
                ]
            }
        )


def check_type(kind: str) -> None:
    """Refuse what is no type.

    Raises:
        ValidationError: with a sentence for a person.
    """
    if kind not in values.KINDS:
        raise ValidationError({"type": [f"It must be one of {', '.join(values.KINDS)}."]})


def check_no_placeholder(value: Any) -> None:
    """Refuse to take for a secret what stands for one that is not shown.

    Raises:
        ValidationError: with a sentence for a person.
    """
    if value == PLACEHOLDER:
        raise ValidationError(
            {"value": [f"{PLACEHOLDER} stands for a secret that is not shown. Send the secret."]}
        )


def default_text(definition: Setting) -> str | None:
    """Return the text of a declared default."""
    if definition.default is None:
        return None
    return values.write(definition.type, definition.default)


def text_of(
    kind: str,
    value: Any,
    convert: Convert,
    *,
    definition: Setting | None = None,
    is_secret: bool = False,
) -> str:
    """Return the text that a setting of type ``kind`` keeps for ``value``.

    Args:
        kind: the type.
        value: what was given.
        convert: how that becomes text.
        definition: may refuse it.
        is_secret: whether it must not be repeated.

    Raises:
        ValidationError: with a sentence for a person.
    """
    try:
        text = convert(kind, value)
    except ValueError as error:
        raise _refused(str(error)) from None
    if definition and definition.validate:
        try:
            definition.validate(values.parse(kind, text))
        except ValueError as error:
            raise _refused("It was refused." if is_secret else str(error)) from None
        except Exception as error:  # noqa: BLE001  # a plugin is free to raise anything
            name = type(error).__name__  # what it says may repeat a secret
            log.error("What validates the setting %s failed: %s", definition.key, name)
            raise _refused("It could not be checked, and was refused.") from None
    return text


def _refused(sentence: str) -> ValidationError:
    return ValidationError({"value": [sentence or "It was refused."]})
