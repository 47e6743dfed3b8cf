"""The revisions that the code has, read from their files without running them."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ...logs import describe
from ..binding import Model
from ..problems import DatabaseProblem

_TITLE = re.compile(rb'\A(?:\s|#.*\n)*[rRuU]?(?:"""|\'\'\')\s*(.*)')
_IDENTIFIERS = re.compile(rb"^(revision|down_revision)\b[^=\n]*=\s*(\([^)]*\)|.*)$", re.MULTILINE)


@dataclass(frozen=True)
class History:
    """A linear history of revisions and the table that says how far a database is.

    Args:
        name: ``core``, or the plugin it belongs to.
        directory: the folder with ``alembic.ini`` and ``env.py``, which all histories share.
        version_table: the table that holds the current revision.
        folder: the folder with the revisions' files, if it is not ``versions`` in ``directory``.
        prefix: what the names of its tables begin with; the core's begin with anything.
        declared: returns the tables that its models declare, and those that they refer to; the
            core's own, if not given.
    """

    name: str
    directory: Path
    version_table: str = "alembic_version"
    folder: Path | None = None
    prefix: str = ""
    declared: Callable[[], sa.MetaData] = lambda: Model.metadata

    @property
    def versions(self) -> Path:
        """The folder with the revisions' files."""
        return self.folder or self.directory / "versions"

    @cached_property
    def parents(self) -> dict[str, tuple[str, ...]]:
        """Each revision's id and those it follows, read from the files without running them.

        Loading a thousand revisions through Alembic costs half a second; this costs 30 ms.
        """
        parents = {}
        for file in sorted(self.versions.glob("[!_.]*.py")):
            found = identifiers(file)
            if "revision" in found:
                down = found.get("down_revision") or ()
                parents[found["revision"]] = (down,) if isinstance(down, str) else tuple(down)
        return parents

    @cached_property
    def head(self) -> str | None:
        """The newest revision of the code; computed once.

        Raises:
            DatabaseProblem: two revisions claim to be the newest.
        """
        followed = {parent for parents in self.parents.values() for parent in parents}
        heads = sorted(set(self.parents) - followed)
        if len(heads) > 1:
            raise DatabaseProblem(
                "migration_branches",
                "The code has more than one newest revision of the schema. Join them with "
                "`flask db merge`, then start again.",
                cause=f"heads {', '.join(heads)}",
                retry_after=30,
            )
        return heads[0] if heads else None

    @cached_property
    def titles(self) -> dict[str, str]:
        """What each revision does, in the words that begin its file; read when it is asked for."""
        titles = {}
        for file in sorted(self.versions.glob("[!_.]*.py")):
            found = _TITLE.match(file.read_bytes())
            revision = identifiers(file).get("revision")
            if revision and found:
                title = found[1].decode("utf-8", "replace").strip()
                titles[revision] = title.removesuffix('"""').removesuffix("'''").strip()
        return titles

    def reread(self) -> None:
        """Look at the files again: a revision was written."""
        for name in ("parents", "head", "titles"):
            vars(self).pop(name, None)

    def pending(self, current: Iterable[str]) -> list[str]:
        """Return the revisions a database at ``current`` lacks, oldest first."""
        applied = set(self.applied(current))
        ordered = [self.head] if self.head else []
        return [r for r in self._with_ancestors(*ordered) if r not in applied]

    def applied(self, current: Iterable[str]) -> list[str]:
        """Return the revisions that a database at ``current`` has, oldest first."""
        return list(self._with_ancestors(*current))

    def _with_ancestors(self, *revisions: str) -> Iterator[str]:
        done: set[str] = set()
        stack = list(revisions)
        while stack:  # depth first without recursion: a thousand revisions are a long chain
            missing = [p for p in self.parents.get(stack[-1], ()) if p not in done]
            if missing:
                stack.extend(missing)
                continue
            revision = stack.pop()
            if revision not in done:
                done.add(revision)
                yield revision


def identifiers(file: Path) -> dict[str, Any]:
    """Return what ``file`` assigns to ``revision`` and to ``down_revision``."""
    source = file.read_bytes()
    with suppress(SyntaxError, ValueError):
        found = {
            key.decode(): ast.literal_eval(value.decode().strip())
            for key, value in _IDENTIFIERS.findall(source.partition(b"\ndef ")[0])
        }
        if len(found) == 2:
            return found
    try:
        return _parsed_identifiers(source)
    except (SyntaxError, ValueError) as error:
        raise DatabaseProblem(
            "migration_unreadable",
            "A revision of the schema cannot be read. Look at `flask db status`, correct the "
            "file it names, then start again. Nothing was changed.",
            cause=f"{file.name}: {describe(error)}",
            retry_after=30,
        ) from error


def _parsed_identifiers(source: bytes) -> dict[str, Any]:
    """Return the same however it is written, in ten times the time."""
    found = {}
    for statement in ast.parse(source).body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(name)], value=ast.expr() as value)
                | ast.AnnAssign(target=ast.Name(name), value=ast.expr() as value)
            ) if name in {"revision", "down_revision"}:
                found[name] = ast.literal_eval(value)
    return found
