"""Which plugins are quarantined, known to every process that shares the data folder.

Each has a file. Workers look whether it is there when the plugin is asked something, which costs
a ``stat``; so one worker's finding is everybody's, and to remove the file is to try again. A file
says which code has failed, and counts for that code only: a server that still runs with the code
from before an update says nothing about the new one.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from .failure import Failure

log = logging.getLogger(__name__)

MAX_CAUSE = 2000


class Quarantine:
    """The files of quarantined plugins.

    Args:
        folder: where they are.
        since: when this application was made, in seconds since 1970. What failed before that is
            tried again.
    """

    def __init__(self, folder: Path, since: float) -> None:
        self._folder = folder
        self._since = since
        self._read: dict[str, tuple[object, Failure | None]] = {}
        self._unsaved: dict[str, Failure] = {}

    def get(self, name: str, build: str) -> Failure | None:
        """Return why the plugin ``name`` is quarantined, if it is.

        Args:
            name: the plugin.
            build: which code of it is meant.
        """
        path = f"{self._folder}/{name}.json"
        try:
            found = os.stat(path)  # noqa: PTH116  # of text, for each request: half the time
        except OSError:
            return self._unsaved.get(name)
        seen = found.st_ino, found.st_mtime_ns, found.st_size
        known = self._read.get(name)
        if known is None or known[0] != seen:
            known = self._read[name] = seen, _load(Path(path))
        failure = known[1]
        counts = failure and failure.at >= self._since and failure.build == build
        return failure if counts else self._unsaved.get(name)

    def last(self, name: str) -> Failure | None:
        """Return the last failure of the plugin ``name`` that nobody has lifted yet.

        Whichever process it was, and whichever code: this is what an operator wants to know.
        """
        return _load(self._folder / f"{name}.json")

    def put(self, name: str, failure: Failure) -> None:
        """Quarantine the plugin ``name`` in every process."""
        path = self._folder / f"{name}.json"
        draft = self._folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
        body = asdict(failure) | {"cause": failure.cause and failure.cause[:MAX_CAUSE]}
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with os.fdopen(os.open(draft, flags, 0o600), "w", encoding="utf-8") as file:
                json.dump(body, file)
            draft.replace(path)
        except OSError as error:
            # It holds for this process at least.
            self._unsaved[name] = failure
            log.warning("A quarantine could not be written: %s", os.strerror(error.errno or 0))
            with suppress(OSError):
                draft.unlink()

    def lift(self, name: str) -> None:
        """Let the plugin ``name`` be tried again, by every process."""
        self._unsaved.pop(name, None)
        with suppress(FileNotFoundError):
            (self._folder / f"{name}.json").unlink()

    def lift_outdated(self, name: str) -> None:
        """Remove what is left of a failure from before this application was made."""
        failure = self.last(name)
        if failure and failure.at < self._since:
            with suppress(OSError):
                self.lift(name)


def _load(path: Path) -> Failure | None:
    """Return what a file says; one that cannot be read quarantines nobody."""
    try:
        found = json.loads(path.read_text("utf-8"))
        return Failure(
            str(found["code"]),
            str(found["sentence"]),
            found.get("cause"),
            float(found["at"]),
            str(found["build"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
