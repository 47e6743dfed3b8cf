"""Waiting for something to come true, for a bounded time."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], object], seconds: float = 10) -> float:
    """Wait for ``condition`` and return how many seconds it took."""
    started = time.monotonic()
    while not condition():
        taken = time.monotonic() - started
        assert taken < seconds, f"not within {seconds} s"
        time.sleep(0.01)
    return time.monotonic() - started
