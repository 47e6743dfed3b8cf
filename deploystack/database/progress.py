"""How far a setup is, for whoever watches: a small file that the setup writes as it goes on.

Any worker reads it, so a page that is reloaded, or another browser, sees the same. Only who holds
the claim writes it, each time whole; it is gone once the setup has ended, well or not. One that is
there while nobody holds the claim was left by a process that has died.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..config import Config
from ..errors import ApiError
from .claim import claim
from .migrations.migrator import Contents
from .migrations.schema import Schema
from .problems import DatabaseProblem
from .target import Dialect

log = logging.getLogger(__name__)

FILE = "setup-progress.json"

LOOKS, LOOK_SECONDS = 4, 0.005
"""How often, and how long apart, the claim is tried: somebody else who looks has it for less."""

_STEP = {"step", "name", "label"}

Step = dict[str, str | None]


def planned(schema: Schema, contents: Contents) -> list[Step]:
    """Return the steps of a setup, in their order.

    Args:
        schema: what the database must hold.
        contents: what it holds.

    Returns:
        Of each step ``step`` (``connection``, ``revision``, ``settings``, ``plugin`` or ``ready``),
        ``name`` (of a revision or a plugin) and ``label`` (what a revision does).
    """
    history = schema.history
    pending: list[str] = []
    titles: dict[str, str] = {}
    with suppress(DatabaseProblem):  # which setup itself will meet, and tell
        pending, titles = history.pending(contents.revisions), history.titles
    return [
        _step("connection"),
        *(_step("revision", each, titles.get(each)) for each in pending),
        _step("settings"),
        *(_step("plugin", name) for name in schema.additions.names()),
        _step("ready"),
    ]


def _step(step: str, name: str | None = None, label: str | None = None) -> Step:
    return {"step": step, "name": name, "label": label}


class Record:
    """What the setup of this process tells of itself.

    Args:
        config: where the file is.
        dialect: the kind of database.
        schema: what the database must hold.
        contents: what it holds.
    """

    def __init__(
        self, config: Config, dialect: Dialect, schema: Schema, contents: Contents
    ) -> None:
        self._path = config.data_dir / FILE
        self._steps = steps = planned(schema, contents)
        self._told: dict[str, Any] = {
            "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "dialect": dialect,
            "steps": steps,
            "reached": 0,
            "interrupted": False,
        }

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the file while the claim is held; a setup that fails leaves none."""
        self._write()
        try:
            yield
        except BaseException:  # raised again
            self.remove()
            raise

    def tell(self, done: str) -> None:
        """Note what the setup has done, as it tells every listener."""
        reached = self._reached_by(done)
        if reached > self._told["reached"]:
            self._told["reached"] = reached
            self._write()

    def remove(self) -> None:
        """Remove the file: there is nothing left to watch."""
        _remove(self._path)

    def _reached_by(self, done: str) -> int:
        """Return the index of the step that follows what was done, or is at work."""
        what, _, name = done.partition(" ")
        match what:
            case "claimed":
                return 1
            case "migrated":
                return self._index("revision", name) + 1
            case "seeding":
                return self._index("settings")
            case "plugin":
                return self._index("plugin", name.partition(":")[0])
            case "drafted" | "committed" | "published":
                return self._index("ready")
        return 0

    def _index(self, step: str, name: str | None = None) -> int:
        places = (i for i, s in enumerate(self._steps) if (s["step"], s["name"]) == (step, name))
        return next(places, -1)

    def _write(self) -> None:
        try:
            _write(self._path, self._told)
        except OSError as error:  # watching is a comfort; setting up goes on without
            log.warning("The progress of setup is not shown: %s", os.strerror(error.errno or 0))


def clear(config: Config) -> None:
    """Remove what a process has left that died once the database was set up."""
    _remove(config.data_dir / FILE)


def watched(config: Config) -> dict[str, Any]:
    """Return how far the setup is that is running, or was interrupted, if there is one.

    Returns:
        ``state`` (``idle``, ``running`` or ``interrupted``), ``dialect``, ``started_at``, and
        ``steps`` as :func:`planned` has them, each with its ``state`` (``done``, ``running`` or
        ``waiting``).
    """
    path = config.data_dir / FILE
    told = _read(path)
    if told is None:
        return {"state": "idle", "dialect": None, "started_at": None, "steps": []}
    is_interrupted = told["interrupted"] or _is_left_over(config, path, told)
    reached = told["reached"]
    at_work = "waiting" if is_interrupted else "running"
    return {
        "state": "interrupted" if is_interrupted else "running",
        "dialect": told["dialect"],
        "started_at": told["started_at"],
        "steps": [
            {**step, "state": "done" if i < reached else at_work if i == reached else "waiting"}
            for i, step in enumerate(told["steps"])
        ],
    }


def _is_left_over(config: Config, path: Path, told: dict[str, Any]) -> bool:
    """Return whether nobody holds the claim.

    Then that is noted, so that it is tried once only: for a moment this takes the claim itself,
    and whoever would set up just then would be told to wait.
    """
    noted = {**told, "interrupted": True}
    for _ in range(LOOKS):
        with suppress(ApiError, OSError), claim(config):
            if _read(path) == told:
                _write(path, noted)
        found = _read(path)
        if found != told:
            return found == noted
        time.sleep(LOOK_SECONDS)
    return False


def _read(path: Path) -> dict[str, Any] | None:
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) and _is_whole(told) else None


def _is_whole(told: dict[str, Any]) -> bool:
    """Return whether a file says all that one of ours says."""
    steps = told.get("steps")
    return (
        isinstance(told.get("started_at"), str)
        and told.get("dialect") in {"sqlite", "postgres"}
        and type(told.get("reached")) is int
        and isinstance(told.get("interrupted"), bool)
        and isinstance(steps, list)
        and all(
            isinstance(step, dict) and step.keys() == {"step", "name", "label"} for step in steps
        )
    )


def _remove(path: Path) -> None:
    with suppress(OSError):  # it is told as what it is: left over
        path.unlink(missing_ok=True)


def _write(path: Path, told: dict[str, Any]) -> None:
    draft = path.with_name(f".{path.name}")  # one name: only who holds the claim writes
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(told, file)
    draft.replace(path)
