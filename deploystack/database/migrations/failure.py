"""The last failed migration, kept so that ``flask db status`` in another process can tell it."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from ..problems import DatabaseProblem

FILE = "migration-failure.json"


def record(data_dir: Path, problem: DatabaseProblem) -> None:
    """Keep a failed migration; any other problem can be seen by looking again."""
    if "revision" not in problem.details:
        return
    text = json.dumps(
        {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "revision": problem.details["revision"],
            "cause": problem.cause,
        }
    )
    with suppress(OSError):  # the log has it too
        handle = os.open(data_dir / FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)


def read(data_dir: Path) -> dict[str, str] | None:
    """Return ``at``, ``revision`` and ``cause`` of the last failed migration, if one failed."""
    try:
        found = json.loads((data_dir / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def clear(data_dir: Path) -> None:
    """Forget the failure: the database is up to date."""
    with suppress(OSError):
        (data_dir / FILE).unlink()
