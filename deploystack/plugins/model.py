"""The base of the tables of plugins: apart from the core's, so that neither can break the other."""

from __future__ import annotations

from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import Mapper, registry
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
    """Where the tables of all plugins are declared.

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


class Model:
    """The base of a plugin's tables, used like SQLAlchemy's ``DeclarativeBase``.

    ``Model.metadata`` is for tables without a class: ``Table("notes_tag", Model.metadata, …)``.

    Each plugin's classes have a registry of their own, told by the first part of the table's name.
    So two plugins may each have a class ``Item``, and a mapping that cannot be configured is the
    problem of one plugin only. A table that is declared again, as when a second application in the
    same process loads another copy of the plugin, begins a new registry and leaves the old classes
    as they are.
    """

    metadata: ClassVar[PluginMetaData] = PluginMetaData()
    __init__ = registry().constructor

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__dict__.get("__abstract__"):
            _registry_for(cls).map_declaratively(cls)


def _registry_for(cls: type[Model]) -> registry:
    name = getattr(cls, "__tablename__", None)
    table = name if isinstance(name, str) else getattr(cls.__dict__.get("__table__"), "name", "")
    for base in cls.__mro__[1:]:  # single-table inheritance: in the registry of its parent
        mapper: Mapper[Any] | None = sa.inspect(base, raiseerr=False)
        if mapper is not None and mapper.local_table.name in {table, ""}:  # type: ignore[attr-defined]
            return mapper.registry
    if table in CoreModel.metadata:
        raise TypeError(f"{cls.__name__} declares {table!r}, which is a table of the core.")
    registries: dict[str, registry] = Model.metadata.info
    prefix = table.partition("_")[0]
    if "__table__" not in cls.__dict__:
        Model.metadata.forget(table)
    present = registries.get(prefix)
    if present is None or any(m.local_table.name == table for m in present.mappers):  # type: ignore[attr-defined]
        registries[prefix] = registry(metadata=Model.metadata)
    return registries[prefix]
