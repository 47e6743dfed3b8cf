"""The base of the tables of plugins: apart from the core's, so that neither can break the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapper, RelationshipProperty, registry
from sqlalchemy.util import FacadeDict

from ..database.binding import NAMING
from ..database.binding import Model as CoreModel


class _Tables(FacadeDict[str, sa.Table]):
    """The tables of plugins, and behind them the core's, which they may refer to."""

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in CoreModel.metadata.tables

    def __missing__(self, name: str) -> sa.Table:
        return CoreModel.metadata.tables[name]


class PluginMetaData(sa.MetaData):
    """Where tables of plugins are declared.

    It does not hold the core's tables, but ``ForeignKey("users.id")`` finds them.
    """

    def __init__(self) -> None:
        super().__init__(naming_convention=NAMING)
        self.tables = _Tables()

    def forget(self, name: str) -> None:
        """Let a table be declared again; the one that was keeps working for its own classes."""
        found = dict.get(self.tables, name)
        if found is not None:
            self.remove(found)


class Scope:
    """Where one plugin declares its tables, apart from everybody else's.

    Each plugin is imported and asked within a scope of its own, so none can get at the tables of
    another, whatever names it uses. What is declared outside of any, as in a test, is in one scope
    that they share.
    """

    def __init__(self) -> None:
        self.metadata = PluginMetaData()
        self.registries: dict[tuple[str, str], registry] = {}

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let what is declared in a ``with`` block be declared here."""
        before = Model.scope
        Model.scope, Model.metadata = self, self.metadata
        try:
            yield
        finally:
            Model.scope, Model.metadata = before, before.metadata

    def registry_for(self, cls: type[Model]) -> registry:
        """Return what ``cls`` is to be mapped in.

        Classes of one module's package, whose tables begin alike, share a registry. So a class may
        be named by its name in a relationship, and a mapping that cannot be configured is the
        problem of one plugin. A table that is declared again begins a new one.
        """
        name = getattr(cls, "__tablename__", None)
        table = (
            name if isinstance(name, str) else getattr(cls.__dict__.get("__table__"), "name", "")
        )
        for base in cls.__mro__[1:]:  # single-table inheritance: in the registry of its parent
            mapper: Mapper[Any] | None = sa.inspect(base, raiseerr=False)
            if mapper is not None and _table_name(mapper) in {table, ""}:
                return mapper.registry
        if table in CoreModel.metadata:
            raise TypeError(f"{cls.__name__} declares {table!r}, which is a table of the core.")
        if "__table__" not in cls.__dict__:
            self.metadata.forget(table)
        key = cls.__module__.partition(".")[0], table.partition("_")[0]
        present = self.registries.get(key)
        if present is None or any(_table_name(mapper) == table for mapper in present.mappers):
            self.registries[key] = registry(metadata=self.metadata)
        return self.registries[key]


def _table_name(mapper: Mapper[Any]) -> str:
    return str(getattr(mapper.local_table, "name", ""))


class Model:
    """The base of a plugin's tables, used like SQLAlchemy's ``DeclarativeBase``.

    ``Model.metadata`` is for tables without a class: ``Table("notes_tag", Model.metadata, …)``.

    Raises:
        TypeError: the class is a table of the core, or would add to a class of the core.
    """

    scope: ClassVar[Scope] = Scope()
    metadata: ClassVar[PluginMetaData] = scope.metadata
    __init__ = registry().constructor

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__dict__.get("__abstract__"):
            return
        relationships = [v for v in vars(cls).values() if isinstance(v, RelationshipProperty)]
        chosen = Model.scope.registry_for(cls)
        cls.metadata = Model.metadata
        chosen.map_declaratively(cls)
        for each in relationships:
            target = each.argument
            if callable(target) and not isinstance(target, type):
                target = target()
            if each.backref and isinstance(target, type) and issubclass(target, CoreModel):
                chosen.dispose()
                raise TypeError(
                    f"{cls.__name__} would add an attribute to {target.__name__}, which is a class "
                    "of the core. Leave out backref."
                )
