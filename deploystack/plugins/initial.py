"""A plugin that began with tables alone and now ships revisions: where does a site stand?

As Django's ``--fake-initial`` does, the first revision is taken for applied if the tables that it
would make are there already, and only if they are what it would have made.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from flask import Flask

from ..database import get_database
from ..database.migrations import migrator
from ..database.migrations.schema import scratch
from . import structure
from .failure import PluginError
from .plugin import Plugin

if TYPE_CHECKING:
    from ..database.migrations.history import History

_SCRATCH = "deploystack_scratch"


@dataclass(frozen=True)
class Difference:
    """In which way a table is not as declared.

    Attributes:
        table: its name.
        what: for people.
    """

    table: str
    what: str


def differences(
    connection: sa.Connection, metadata: sa.MetaData, tables: Sequence[sa.Table]
) -> list[Difference]:
    """Return in which ways the ``tables`` of ``metadata`` differ from those in a database."""
    if not tables:
        return []
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    names = {table.name for table in tables}

    def is_one(name: str | None, kind: str, *_: Any) -> bool:
        return kind != "table" or name in names

    context = MigrationContext.configure(
        connection,
        opts={
            "compare_type": True,
            "include_name": is_one,
            "include_object": lambda _item, name, kind, *_: is_one(name, kind),
        },
    )
    return [_difference(step) for step in _flat(compare_metadata(context, metadata))]


def _flat(steps: Sequence[Any]) -> Iterator[Any]:
    for step in steps:
        if isinstance(step, list):
            yield from step
        else:
            yield step


def _difference(step: Any) -> Difference:
    """Return a step of Alembic's comparison, from the database to the declaration, in words."""
    match step:
        case ("add_column", _, table, sa.Column(name=name)):
            return Difference(table, f"it lacks the column {name!r}")
        case ("remove_column", _, table, sa.Column(name=name)):
            return Difference(table, f"it has a column {name!r} too many")
        case ("modify_nullable" | "modify_type" | "modify_default", _, table, name, *_):
            return Difference(table, f"its column {name!r} is another ({step[0][7:]})")
        case (kind, thing, *_):
            table = getattr(thing, "table", None)
            what = str(kind).replace("_", " ")
            return Difference(getattr(table, "name", None) or str(thing), f"{what} is needed")
    return Difference("", str(step))


def recognise(
    app: Flask, plugin: Plugin, connection: sa.Connection, present: Collection[str]
) -> None:
    """Take the first revision of ``plugin`` for applied, if its tables are what it would make.

    Args:
        app: the application.
        plugin: one that has revisions, in a database where none was applied.
        connection: in the transaction in which it is brought up to date.
        present: the plugin's tables in the database.

    Raises:
        PluginError: ``plugin_tables_differ``.
    """
    history = plugin.history
    assert history  # noqa: S101
    first = history.pending(())[0]
    if connection.dialect.name == "postgresql":
        with _scratch_schema(connection, plugin.name):
            made = _made_by(history, first, connection, _SCRATCH)
    else:
        with scratch(get_database(app).schema) as elsewhere:
            made = _made_by(history, first, elsewhere, None)
    if not made.keys() & set(present):
        return  # nothing of what it makes is there
    for table, wanted in made.items():
        found = structure.shape(connection, table) if table in present else None
        if found != wanted:
            raise PluginError(
                "plugin_tables_differ",
                f"The table {table!r} in the database is not what the first revision of the plugin "
                f"makes: {_first_difference(found, wanted)}. Let the first revision make the "
                "tables as they were before there were revisions, and put what is new into a "
                "second one.",
                f"revision {first}",
            )
    migrator.stamp(connection, history, first)


def _first_difference(found: dict[str, Any] | None, wanted: dict[str, Any]) -> str:
    if found is None:
        return "it is missing, though others are there"
    part = next(part for part, value in wanted.items() if found[part] != value)
    return f"its {part} differ"


def _made_by(
    history: History, revision: str, connection: sa.Connection, schema: str | None
) -> dict[str, dict[str, Any]]:
    """Run one revision and return the shapes of the tables that it has made."""
    migrator.run_alone(connection, history, revision)
    names = sa.inspect(connection).get_table_names(schema)
    return {
        name: structure.shape(connection, name, schema)
        for name in names
        if name.startswith(history.prefix)
    }


@contextmanager
def _scratch_schema(connection: sa.Connection, plugin: str) -> Iterator[None]:
    """Let tables be made in a schema that is gone afterwards, while those of the core are seen."""
    connection.exec_driver_sql("SAVEPOINT scratch")
    try:
        [current] = connection.exec_driver_sql("SELECT quote_ident(current_schema())").one()
        try:
            connection.exec_driver_sql(f"CREATE SCHEMA {_SCRATCH}")
        except sa.exc.ProgrammingError as error:
            raise PluginError(
                "plugin_no_permission",
                "Its tables are there already, and to compare them with its first revision takes "
                "the right to make a schema, once. Grant the application's user CREATE on the "
                f"database, then run `flask plugins retry {plugin}`.",
            ) from error
        connection.exec_driver_sql(f"SET LOCAL search_path TO {_SCRATCH}, {current}")
        yield
    finally:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT scratch")
        connection.exec_driver_sql("RELEASE SAVEPOINT scratch")
