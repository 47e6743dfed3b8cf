"""One setup at a time, among all threads and processes that share the data folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from filelock import FileLock, Timeout

from ..config import Config
from ..errors import ApiError


@contextmanager
def claim(config: Config) -> Iterator[None]:
    """Hold the right to choose the database.

    The operating system holds the lock and lets go of it when a process dies, so a crash needs
    no clean-up.

    Raises:
        ApiError: 409 ``setup_in_progress``.
        OSError: the lock cannot be taken.
    """
    lock = FileLock(config.setup_lock, timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise setup_in_progress() from None
    try:
        yield
    finally:
        with suppress(OSError):  # what was done is done, and the lock ends with the process
            lock.release()


def setup_in_progress() -> ApiError:
    """Return the answer for whoever comes second."""
    return ApiError(
        409,
        "setup_in_progress",
        "Another setup is running. Wait a few seconds, then look at /api/db/status.",
        headers={"Retry-After": "2"},
    )
