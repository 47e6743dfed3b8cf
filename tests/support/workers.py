"""The workers of a real server, and what they log."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import psutil

from tests.support.server import Server


def serving(workers: Sequence[psutil.Process], count: int = 2) -> bool:
    """Return whether there are so many workers, and each is past its start.

    A worker begins with one thread, and has several once it serves.
    """
    try:
        return len(workers) == count and all(worker.num_threads() > 3 for worker in workers)
    except psutil.NoSuchProcess:
        return False


def entries(server: Server) -> list[dict[str, Any]]:
    """Return what the server has logged, which must be JSON."""
    return [json.loads(line) for line in server.log.read_text().splitlines()]
