"""Bringing one plugin's part of a database up to date: its tables, its revisions, its seed.

All of it happens in a savepoint of the transaction that brings the core up to date, and is taken
back to that savepoint when anything fails.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from ..database import engines, get_database
from ..database.binding import Model as CoreModel
from ..database.binding import without_database
from ..database.migrations import migrator
from ..database.migrations.migrator import Progress
from ..database.problems import DatabaseProblem
from ..settings import get_settings
from ..settings.initialise import Tally
from . import initial, structure
from .deadline import call_bounded
from .failure import PluginError, Stuck, blamed
from .plugin import Plugin, version_table
from .transaction import Watched


@dataclass(frozen=True)
class Survey:
    """What a database holds, looked up once for all plugins.

    Attributes:
        tables: every table, with a text that changes whenever the table does.
        revisions: the revisions in each plugin's version table.
    """

    tables: dict[str, str]
    revisions: dict[str, frozenset[str]]

    def of(self, plugin: Plugin, dialect: sa.Dialect) -> str | None:
        """Return the fingerprint of the part of ``plugin``; ``None`` while it is not complete."""
        if plugin.history and plugin.history.head:
            head = plugin.history.head
            if self.revisions.get(plugin.name) != frozenset({head}):
                return None
            return structure.fingerprint(plugin.version, head)
        names = sorted(table.name for table in plugin.tables)
        if not self.tables.keys() >= set(names):
            return None
        try:
            declared = structure.declared(plugin.tables, dialect)
        except Exception:  # noqa: BLE001  # to make or compare them will fail too, and tell why
            return None
        return structure.fingerprint(
            plugin.version, declared, *(self.tables[name] for name in names)
        )


def survey(connection: sa.Connection, plugins: Collection[Plugin]) -> Survey:
    """Look at a database, with two queries however many plugins there are."""
    tables = structure.found(connection)
    versioned = [
        (plugin.name, plugin.history.version_table)
        for plugin in plugins
        if plugin.history and plugin.history.version_table in tables
    ]
    revisions: dict[str, frozenset[str]] = {name: frozenset() for name, _ in versioned}
    if versioned:
        # Names of plugins are letters and digits.
        query = " UNION ALL ".join(
            f"SELECT '{name}', version_num FROM {table}"  # noqa: S608
            for name, table in versioned
        )
        for name, revision in connection.exec_driver_sql(query):
            revisions[name] |= {revision}
    return Survey(tables, revisions)


class Update:
    """Brings the part of one plugin up to date.

    Args:
        app: the application.
        plugin: the plugin.
        connection: in the transaction in which all is done.
        seconds: how long the seed may take.
        progress: told each step.
    """

    def __init__(
        self,
        app: Flask,
        plugin: Plugin,
        connection: sa.Connection,
        seconds: float,
        progress: Progress,
    ) -> None:
        self._app = app
        self._plugin = plugin
        self._connection = connection
        self._seconds = seconds
        self._progress = progress
        self._watched = Watched(connection, plugin.prefix)
        self._tally: Tally | None = None

    def run(self, present: set[str], *, is_unchanged: bool) -> set[str]:
        """Do all there is to do.

        Args:
            present: the tables in the database.
            is_unchanged: whether its tables are known to be as declared, so that only the seed is
                to be run.

        Returns:
            The same afterwards.

        Raises:
            PluginError: something failed; what was done is to be rolled back.
            Stuck: the seed was cut off, and the connection with it.
        """
        plugin = self._plugin
        own = {name for name in present if name.startswith(plugin.prefix)}
        # A revision may do anything; what is made without one is known.
        before = structure.found(self._connection) if plugin.history else None
        names = self._search_path()
        if not is_unchanged:
            if plugin.history and plugin.history.head:
                self._migrate(own)
            else:
                self._create_missing(own)
            self._progress(f"plugin {plugin.name}: tables")
        self._add_settings()
        self._seed()
        if self._search_path() != names:
            raise PluginError(
                "plugin_seed_failed",
                "It has changed the search_path, which holds for everybody after it. Correct it.",
            )
        self._check_foreign_keys()
        if before is None:
            return present | {table.name for table in plugin.tables}
        return set(self._check_others(before))

    def tell(self) -> None:
        """Log which settings were made, now that all that was done stays."""
        if self._tally:
            self._tally.tell(self._plugin.name)

    def _search_path(self) -> str | None:
        if self._connection.dialect.name == "sqlite":
            return None
        found = self._connection.exec_driver_sql("SELECT current_setting('search_path')")
        return str(found.scalar())

    def _migrate(self, own: set[str]) -> None:
        history = self._plugin.history
        assert history  # noqa: S101
        try:
            at = migrator.current(self._connection, history)
            if not at and own:
                initial.recognise(self._app, self._plugin, self._connection, own)
            elif at - history.parents.keys():
                raise PluginError(
                    "plugin_newer",
                    "The database was written by a newer version of the plugin. Update the plugin.",
                    f"the database is at revision {min(at)}, which the plugin lacks",
                )
            migrator.upgrade(
                self._connection,
                history,
                lambda step: self._progress(f"plugin {self._plugin.name}: {step}"),
            )
            self._require_declared()
        except DatabaseProblem as problem:
            revision = problem.details.get("revision")
            raise PluginError(
                "plugin_migration_failed",
                f"Its revision{f' {revision}' if revision else ''} failed and was taken back. Look "
                f"at `flask plugins show {self._plugin.name}`, correct the revision, then run "
                f"`flask plugins retry {self._plugin.name}` or restart.",
                f"{problem.code}: {problem.cause}",
            ) from problem

    def _require_declared(self) -> None:
        present = sa.inspect(self._connection).get_table_names()
        missing = [table.name for table in self._plugin.tables if table.name not in present]
        if missing:
            raise PluginError(
                "plugin_tables_differ",
                f"The table {missing[0]!r} is declared, and no revision makes it. Write one with "
                f'`flask plugins migrate {self._plugin.name} -m "add it"`, then restart.',
            )

    def _create_missing(self, own: set[str]) -> None:
        plugin = self._plugin
        with blamed("plugin_tables_failed", "Its tables cannot be made. Correct the declaration."):
            metadata = plugin.declared()
            names = [table.name for table in plugin.tables]
            present = [metadata.tables[name] for name in names if name in own]
            missing = [metadata.tables[name] for name in names if name not in own]
            # The tables are known to be missing; a type that they share may be there.
            types = sa.schema.CheckFirst.TYPES
            metadata.create_all(self._connection, tables=missing, checkfirst=types)
        differing = initial.differences(self._connection, metadata, present)
        if differing:
            raise PluginError(
                "plugin_tables_differ",
                f"The table {differing[0].table!r} in the database differs from its declaration: "
                f"{differing[0].what}. It is not changed without a revision. Write one with "
                f'`flask plugins migrate {plugin.name} -m "describe the change"`, then restart.',
                "; ".join(f"{each.table}: {each.what}" for each in differing),
            )

    def _add_settings(self) -> None:
        plugin = self._plugin
        if not plugin.settings:
            return
        with (
            blamed("plugin_settings_failed", "Its settings cannot be made. See the log."),
            Session(self._connection, join_transaction_mode="create_savepoint") as session,
        ):
            self._tally = get_settings(self._app).initialise(session, plugin.name)
            session.commit()  # of its own savepoint

    def _seed(self) -> None:
        plugin = self._plugin
        if "deploystack_seed" not in plugin.hooks:
            return

        raw = self._connection.connection.driver_connection
        was_cut_off = False

        def seed() -> None:
            with (
                without_database(self._app, _own_session),
                Session(self._connection, join_transaction_mode="create_savepoint") as session,
            ):
                result = plugin.call("deploystack_seed", session=session)
                if result is not None:
                    raise TypeError("a seed returns nothing; it is no generator and not async")
                session.commit()  # of its own savepoint

        def cut() -> None:
            nonlocal was_cut_off
            was_cut_off = True
            engines.take_away(raw)

        try:
            with (
                blamed(
                    "plugin_seed_failed", "Its seed failed and was taken back. Mend it, and retry."
                ),
                self._watched.seeding(),
            ):
                call_bounded(seed, self._seconds, cut)
        except PluginError:
            if was_cut_off:
                raise Stuck from None
            raise
        self._progress(f"plugin {plugin.name}: seed")

    def _check_others(self, before: Mapping[str, str]) -> Mapping[str, str]:
        """Refuse changes of tables that are not the plugin's; return what there is now."""
        after = structure.found(self._connection)
        own = {name for name in {*before, *after} if name.startswith(self._plugin.prefix)}
        own.add(version_table(self._plugin.name))
        changed = {n for n in {*before, *after} - own if before.get(n) != after.get(n)}
        core = get_database(self._app).history
        if not changed and migrator.current(self._connection, core) != {core.head}:
            changed = {core.version_table}
        if changed:
            raise PluginError(
                "plugin_table_invalid",
                "A plugin makes, changes and drops only tables whose names begin with its own name "
                f"and '_'. This one has changed {min(changed)!r}. Correct its revisions.",
            )
        return after

    def _check_foreign_keys(self) -> None:
        if self._connection.dialect.name == "postgresql":
            with blamed("plugin_seed_failed", "Rows of its seed refer to nothing. Correct it."):
                self._connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
            return
        # All tables, if it may have taken away what others refer to; that takes longer.
        may_be_others = self._watched.reaches_out or self._plugin.history is not None
        own = [f"('{table.name}')" for table in self._plugin.tables]
        core = [f"('{table}')" for table in CoreModel.metadata.tables]
        for which in [""] if may_be_others else [*own, *core]:
            check = f"PRAGMA foreign_key_check{which}"
            broken = self._connection.exec_driver_sql(check).first()
            if broken:
                raise PluginError(
                    "plugin_seed_failed",
                    f"It leaves a row of {broken[0]!r} that refers to a missing row of "
                    f"{broken[2]!r}. Correct its seed or its revision.",
                )


def _own_session() -> PluginError:
    return PluginError(
        "plugin_seed_failed",
        "A seed works through the session that it is given: db.session is another one, and nothing "
        "is there yet. Correct it.",
    )
