"""Numbers, sizes, times and durations, as they are written in the language of the request."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from flask import Flask

from ..language import current_language, gettext
from ..rendering import EXTENSION

_MARKS = {"en": (",", "."), "de": (".", ",")}
"""What parts thousands, and what the decimals."""

NOTHING = "\N{EN DASH}"

_UNITS = ("B", "kB", "MB", "GB", "TB")


def register(app: Flask) -> None:
    """Let the templates of ``app`` use these as filters."""
    app.extensions[EXTENSION].filters.update(
        compact=compact, duration=duration, moment=moment, number=number, size=size
    )


def number(value: float, decimals: int = 0) -> str:
    """Return ``value`` with marks, such as ``1,234.5``."""
    thousands, point = _MARKS[current_language()]
    text = f"{value:,.{decimals}f}"
    return text.translate(str.maketrans(",.", thousands + point))


def size(value: int | None) -> str:
    """Return a number of bytes in the unit that suits it."""
    if value is None:
        return NOTHING
    amount, unit = float(value), 0
    while amount >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{number(amount, 1 if unit and amount < 100 else 0)}\u00a0{_UNITS[unit]}"


def moment(text: str | None) -> str:
    """Return a time of the API, to the minute; it says that it is UTC."""
    if text is None:
        return NOTHING
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def duration(milliseconds: float | None) -> str:
    """Return how long something took."""
    if milliseconds is None:
        return gettext("not recorded")
    if milliseconds < 1000:
        return f"{number(milliseconds, 1 if milliseconds < 10 else 0)}\u00a0ms"
    return f"{number(milliseconds / 1000, 1)}\u00a0s"


def compact(value: Any) -> str:
    """Return a value of JSON in one line."""
    return json.dumps(value, ensure_ascii=False)
