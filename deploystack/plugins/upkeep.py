"""The plugins' part of the database, brought up to date whenever the core's is."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

import sqlalchemy as sa
from flask import Flask

from ..database.migrations.additions import Disturbed
from ..database.migrations.history import History
from ..database.migrations.migrator import Progress, ignore
from ..errors import ApiError
from ..settings import get_settings
from . import ledger
from .baseline import baseline
from .failure import Stuck, failure_of
from .plugin import MARKER, Plugin
from .registry import Plugins, is_disabled
from .rules import is_reserved
from .transaction import guarding, refuse_fault_of_database, roll_back
from .update import Survey, Update, survey


class Upkeep:
    """The plugins' tables, revisions and seeds: what :class:`.Additions` are to the database.

    Args:
        app: the application.
        plugins: its plugins.
        seconds: how long a seed may take.
    """

    def __init__(self, app: Flask, plugins: Plugins, seconds: float) -> None:
        self._app = app
        self._plugins = plugins
        self._suspects: set[str] = set()
        self._seconds = seconds

    def names(self) -> list[str]:
        """Return the names of the plugins in service, in the order of their turns."""
        return [plugin.name for plugin in self._plugins.usable()]

    def are_current(self, connection: sa.Connection) -> bool:
        """Return whether the part of each plugin in service is as it should be."""
        return not self.outdated(connection, self._plugins.usable())

    def bring_up_to_date(
        self,
        connection: sa.Connection,
        *,
        only: str | None = None,
        anew: bool = False,
        progress: Progress,
    ) -> None:
        """Bring the part of each plugin in service up to date; see :class:`.Additions`."""
        plugins = [p for p in self._plugins.usable() if only in {None, p.name}]
        self.update(connection, plugins, anew=anew, progress=progress)

    def update(
        self,
        connection: sa.Connection,
        plugins: Collection[Plugin],
        *,
        anew: bool = False,
        progress: Progress = ignore,
    ) -> None:
        """Do the same for some of them. One that fails is quarantined."""
        if not plugins:
            return
        before = survey(connection, plugins)
        outdated = _outdated(connection, plugins, before)
        lacking = self._lacking(connection, plugins)
        present = set(before.tables)
        updated = []
        for plugin in plugins:
            if anew or plugin in outdated or plugin.name in lacking:
                unchanged = plugin not in outdated
                after = self._attempt(plugin, connection, progress, present, unchanged)
                if after is not None:
                    present = after
                    updated.append(plugin)
                    self._plugins.works(plugin)
        if updated:
            found = survey(connection, updated)
            ledger.write(
                connection,
                {p.name: (p.version or "", found.of(p, connection.dialect) or "") for p in updated},
            )

    def owned(self, connection: sa.Connection, tables: set[str]) -> set[str]:
        """Return which of the tables belong to a plugin that is, or once was, installed."""
        return self.plugin_of(connection, tables).keys() | ({ledger.LEDGER.name} & tables)

    def plugin_of(self, connection: sa.Connection, tables: set[str]) -> dict[str, str]:
        """Return the name of the plugin that each table belongs to; of no other table."""
        names = {plugin.name for plugin in self._plugins.all}
        names |= {table.removeprefix(MARKER) for table in tables if table.startswith(MARKER)}
        names |= ledger.read(connection, tables).keys()
        names = {name for name in names if not is_reserved(name)}
        found = {}
        for table in tables:
            for name in (table.partition("_")[0], table.removeprefix(MARKER)):
                if name in names:
                    found[table] = name
        return found

    def history(self, name: str) -> History:
        """Return the revisions of the plugin ``name``.

        Raises:
            ApiError: there is no such plugin, it was not loaded, or it has no folder for them.
        """
        plugin = self._plugins.get(name)
        if plugin.rejected:
            raise plugin.rejected.as_api_error(name)
        if plugin.is_disabled:
            raise is_disabled(name)
        if plugin.history is None:
            raise ApiError(
                404,
                "plugin_without_revisions",
                f"The plugin {name!r} has no folder for revisions. Add the hook "
                "deploystack_migrations, which returns one.",
            )
        return plugin.history

    def baseline(self, name: str) -> sa.MetaData | None:
        """Return the tables that the first revision of a plugin has to make."""
        return baseline(self._app, self._plugins.get(name))

    def failures(self, only: str | None = None) -> list[str]:
        """Return what is wrong with each plugin that has failed, for a terminal."""
        meant = [plugin for plugin in self._plugins.all if only in {None, plugin.name}]
        return [
            f"The plugin {plugin.name!r} is out of service. {failure.for_operator()}"
            for plugin in meant
            if (failure := self._plugins.failure(plugin))
        ]

    def outdated(self, connection: sa.Connection, plugins: Collection[Plugin]) -> list[Plugin]:
        """Return those whose part of the database is not as it should be."""
        if not plugins:
            return []
        outdated = _outdated(connection, plugins, survey(connection, plugins))
        lacking = self._lacking(connection, plugins)
        return [p for p in plugins if p in outdated or p.name in lacking]

    def _lacking(self, connection: sa.Connection, plugins: Collection[Plugin]) -> frozenset[str]:
        """Return the names of those that declare settings which are not in the database."""
        if not any(plugin.settings for plugin in plugins):
            return frozenset()
        return get_settings(self._app).lacking(connection)

    def _attempt(
        self,
        plugin: Plugin,
        connection: sa.Connection,
        progress: Progress,
        present: set[str],
        is_unchanged: bool,
    ) -> set[str] | None:
        """Bring one plugin up to date in a savepoint; return the tables that there are then."""
        update = Update(self._app, plugin, connection, self._seconds, progress)
        savepoint = connection.begin_nested()
        try:
            with guarding(connection):
                after = update.run(present, is_unchanged=is_unchanged)
            savepoint.commit()
            update.tell()
            return after
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # told; the others go on
            refuse_fault_of_database(error, self._suspects, plugin.name)
            self._plugins.quarantine(
                plugin,
                failure_of(
                    error,
                    "plugin_tables_failed",
                    "It could not be brought up to date. Look at the log, and mend it.",
                ),
            )
            if isinstance(error, Stuck) or not roll_back(savepoint, connection):
                # What was done cannot be told from what others did: all of it is done again.
                with suppress(sa.exc.SQLAlchemyError):  # it may have been closed
                    connection.invalidate()
                raise Disturbed from error
            return None


def _outdated(
    connection: sa.Connection, plugins: Collection[Plugin], found: Survey
) -> list[Plugin]:
    recorded = ledger.read(connection, found.tables)
    return [
        plugin
        for plugin in plugins
        if recorded.get(plugin.name) is None
        or recorded[plugin.name] != found.of(plugin, connection.dialect)
    ]
