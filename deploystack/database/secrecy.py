"""Columns whose values are shown to nobody.

A model says so of its column, and whatever shows rows keeps to it:

    password_hash: Mapped[str] = mapped_column(info=SECRET)
    value: Mapped[str] = mapped_column(info=secret_where("is_encrypted"))
    token_count: Mapped[int] = mapped_column(info=NO_SECRET)

A column of which nothing is said is judged by its name, unless it is one of the core.
"""

from __future__ import annotations

import re
from typing import Any

_KEY = "secret"

SECRET = {_KEY: True}
"""``info`` of a column whose values are secret."""

NO_SECRET = {_KEY: False}
"""``info`` of a column that is none, though its name sounds like one."""

_TELLING = re.compile(
    r"(^|_)(password|passwd|passphrase|secret|token|api_?key|private_?key|credential)s?(_|$)"
)


def secret_where(column: str) -> dict[str, Any]:
    """Return the ``info`` of a column that is secret in the rows where ``column`` is true."""
    return {_KEY: column}


def secrecy(info: dict[Any, Any]) -> bool | str | None:
    """Return what an ``info`` says: secret, none, or where a column is true; ``None``: nothing."""
    told = info.get(_KEY)
    return told if isinstance(told, bool | str) else None


def sounds_secret(name: str) -> bool:
    """Return whether the name of a column says that secrets are in it."""
    return _TELLING.search(name.lower()) is not None
