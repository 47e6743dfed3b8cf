"""The choice of database, kept in ``db.selection.json``: read, checked, and written whole.

*Missing is not unreadable.* Only when there is no such file is the application unconfigured;
anything else that cannot be read, parsed or trusted keeps setup closed, or a damaged file would
hand the installation to whoever calls setup next.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from ..data_folder import sync_folder
from .problems import DatabaseProblem
from .target import PostgresTarget, SqliteTarget, Target

log = logging.getLogger(__name__)

VERSION = 1
MAX_BYTES = 64 * 1024

_NOT_OURS = "it is not the JSON that setup wrote"
_REQUIRED = frozenset({"host", "port", "dbname", "user"})  # see connection_string.parse


class NoSelection(Exception):
    """There is no selection file: the application is unconfigured."""


def fingerprint(path: str) -> object:
    """Return what changes whenever the file is replaced, edited, or given another mode.

    One ``stat``; taken for each request, so it does nothing else, and takes no ``Path``, which
    would double its cost.
    """
    try:
        found = os.stat(path)  # noqa: PTH116
    except FileNotFoundError:
        return "a link to nothing" if os.path.islink(path) else None  # noqa: PTH114
    except OSError as error:
        return error.errno
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


def read(path: Path, sqlite_file: Path) -> Target:
    """Return the chosen database.

    Args:
        path: the selection file.
        sqlite_file: where the embedded database lives.

    Raises:
        NoSelection: there is no such file.
        DatabaseProblem: ``selection_unreadable``; its cause says why.
    """
    try:
        path.lstat()  # opens nothing, so it can tell even when too many files are open
        return _target(json.loads(_content(path)), sqlite_file)
    except FileNotFoundError:
        if path.is_symlink():
            raise _unreadable("it is a link to nothing") from None
        raise NoSelection from None
    except OSError as error:
        if error.errno in {errno.EMFILE, errno.ENFILE, errno.ENOMEM}:
            raise DatabaseProblem(
                "out_of_resources",
                "The server has too many files open, or no memory left. Raise its limits, such "
                "as ulimit -n; it tries again by itself.",
                cause=os.strerror(error.errno),
            ) from None
        raise _unreadable(os.strerror(error.errno or 0)) from None
    except (ValueError, RecursionError):
        raise _unreadable(_NOT_OURS) from None


class Draft:
    """A selection written beside its place, ready to be published in one atomic step.

    As a context manager, it discards what was not published.

    Args:
        path: the selection file.
        target: the chosen database.
    """

    def __init__(self, path: Path, target: Target) -> None:
        self.path = path
        self._draft = path.with_name(f".{path.name}.draft")
        body: dict[str, Any] = {"version": VERSION, "type": target.dialect}
        if isinstance(target, PostgresTarget):
            body |= {"connection": dict(target.keywords), "operator": target.operator}
        self.discard()  # what a killed setup may have left
        try:
            # No newline at the end: cut short anywhere, it is no JSON.
            self._write(json.dumps(body | {"checksum": _checksum(body)}, indent=2))
        except BaseException:  # also when interrupted: the draft may hold a password
            self.discard()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        with suppress(OSError):  # one that stays is removed by the next setup
            self.discard()

    def publish(self) -> None:
        """Put the selection in its place: from here on the application is configured."""
        self._draft.rename(self.path)
        try:
            sync_folder(self.path.parent)
        except OSError:
            # The selection is in force; only a power cut within seconds could still undo it.
            log.warning("The folder of %s could not be synchronised to disk.", self.path.name)

    def discard(self) -> None:
        """Remove the draft, if there is one."""
        with suppress(FileNotFoundError):
            self._draft.unlink()

    def _write(self, text: str) -> None:
        with suppress(PermissionError):  # a volume that belongs to another user, yet is writable
            self.path.parent.chmod(0o700)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(self._draft, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())


def forget(path: Path) -> None:
    """Remove the selection: the application is unconfigured again."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def _content(path: Path) -> str:
    # O_NONBLOCK: a named pipe in its place must not hang the worker.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("not a regular file")
        if not found.st_mode & stat.S_IRUSR:  # root could read it, nobody else: say so alike
            raise PermissionError(13, "mode")
        return file.read(MAX_BYTES).decode("utf-8")


def _target(body: Any, sqlite_file: Path) -> Target:
    if not isinstance(body, dict):
        raise _unreadable(_NOT_OURS)
    checksum = body.pop("checksum", None)
    if checksum != _checksum(body):
        raise _unreadable("its checksum does not fit: it was changed or cut short")
    if body.get("version") != VERSION:
        raise _unreadable("it was written by another version of the application")
    match body:
        case {"type": "sqlite"}:
            return SqliteTarget(sqlite_file)
        case {"type": "postgres", "connection": dict(keywords), "operator": bool(operator)}:
            if (operator or keywords.keys() >= _REQUIRED) and _are_text(keywords.values()):
                return PostgresTarget(keywords, operator)
    raise _unreadable(_NOT_OURS)


def _are_text(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)


def _checksum(body: dict[str, Any]) -> str:
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def _unreadable(cause: str) -> DatabaseProblem:
    return DatabaseProblem(
        "selection_unreadable",
        "The file that holds the choice of database cannot be used. Restore "
        "db.selection.json from a backup, or run `flask db reset` to choose again.",
        cause=cause,
        retry_after=5,
    )
