"""Waiting for something to come true, for a bounded time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import psutil


def until(condition: Callable[[], object], seconds: float = 10) -> float:
    """Wait for ``condition`` and return how many seconds it took."""
    started = time.monotonic()
    while not condition():
        taken = time.monotonic() - started
        assert taken < seconds, f"not within {seconds} s"
        time.sleep(0.01)
    return time.monotonic() - started


def serving(workers: Sequence[psutil.Process], count: int = 2) -> bool:
    """Return whether there are so many workers, and each is past its start.

    A worker begins with one thread, and has several once it serves.
    """
    try:
        return len(workers) == count and all(worker.num_threads() > 2 for worker in workers)
    except psutil.NoSuchProcess:
        return False
