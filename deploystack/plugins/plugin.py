"""One plugin, as it was found and as it was loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ..database.binding import NAMING
from ..database.binding import Model as CoreModel
from . import structure
from .declarations import PluginMetadata, SettingGroup
from .failure import Failure
from .model import Scope

if TYPE_CHECKING:
    import click
    from flask import Blueprint

    from ..database.migrations.history import History


MARKER = "alembic_version_"
"""What the name of each plugin's version table begins with."""


@dataclass(eq=False)
class Plugin:
    """One plugin.

    Attributes:
        label: what it is called until its metadata is known: its entry point, its file.
        origin: where it was found, for people.
        source: the module or object with the hooks.
        scope: where it declares its tables.
        is_disabled: whether the operator has switched it off.
        hooks: its implementations, by the name of the hook, to be called by keyword.
        metadata: what it says about itself.
        tables: those that it owns.
        history: its revisions, if it has a folder for them.
        settings: its groups of settings.
        blueprint: its routes, as they are mounted.
        commands: its commands.
        rejected: why it could not be loaded. Only a restart loads it again.
    """

    label: str
    origin: str
    source: object = None
    scope: Scope = field(default_factory=Scope)
    is_disabled: bool = False
    hooks: dict[str, Callable[..., Any]] = field(default_factory=dict)
    metadata: PluginMetadata | None = None
    tables: Sequence[sa.Table] = ()
    history: History | None = None
    settings: Sequence[SettingGroup] = ()
    blueprint: Blueprint | None = None
    commands: Sequence[click.Command] = ()
    rejected: Failure | None = None

    @property
    def name(self) -> str:
        """Its name, as far as it is known."""
        return self.metadata.name if self.metadata else self.label

    @property
    def version(self) -> str | None:
        """Its version, as far as it is known."""
        return self.metadata.version if self.metadata else None

    @cached_property
    def build(self) -> str:
        """Tells this code from what it was or will be; looked up as the plugin is loaded."""
        file = getattr(self.source, "__file__", None)
        path = Path(file) if file else None
        is_package = path is not None and path.stem == "__init__"
        files = sorted(path.parent.rglob("*.py")) if path and is_package else [path]
        times = []
        for each in filter(None, files):
            with suppress(OSError):  # of a module that is in no file of its own
                times.append(each.stat().st_mtime_ns)
        return structure.fingerprint(self.version, *map(str, times))

    @property
    def is_loaded(self) -> bool:
        """Whether it can be used in this process."""
        return self.rejected is None and not self.is_disabled

    @property
    def prefix(self) -> str:
        """What the names of its tables begin with."""
        return f"{self.name}_"

    def call(self, hook: str, **arguments: Any) -> Any:
        """Call the plugin's implementation of ``hook``; ``None`` where it has none."""
        implementation = self.hooks.get(hook)
        return implementation(**arguments) if implementation else None

    def declared(self) -> sa.MetaData:
        """Return copies of its tables and of the core's, which they may refer to.

        Copies, because what is compared with a database must not depend on which other plugins
        have declared something in this process.
        """
        metadata = sa.MetaData(naming_convention=NAMING)
        for table in [*CoreModel.metadata.tables.values(), *self.tables]:
            table.to_metadata(metadata)
        return metadata


def version_table(name: str) -> str:
    """Return the table that says how far the plugin ``name`` is, if it has revisions."""
    return MARKER + name
