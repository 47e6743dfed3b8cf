"""What is in a folder."""

from __future__ import annotations

import stat
from pathlib import Path


def files(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return each entry below ``folder``: its kind and mode, and what a file or link holds."""
    return {str(path.relative_to(folder)): entry(path) for path in sorted(folder.rglob("*"))}


def entry(path: Path) -> tuple[object, ...]:
    """Return the kind and mode of what is at ``path``, and what a file or link holds.

    Of a large file, the size stands for what it holds.
    """
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        return stat.filemode(found.st_mode), path.readlink()
    if stat.S_ISREG(found.st_mode):
        content = path.read_bytes() if found.st_size < 2**24 else found.st_size
        return stat.filemode(found.st_mode), content
    return (stat.filemode(found.st_mode),)
