"""Plugins at work: begun in each worker once a database is in use, asked by requests, ended."""

from __future__ import annotations

import atexit
import logging
import threading
import weakref
from collections.abc import Callable
from multiprocessing.util import Finalize
from typing import Literal

import sqlalchemy as sa
from flask import Flask

from ..database import Database, driver_errors, engines, get_database
from ..database.binding import Binding
from ..database.migrations.additions import undisturbed
from ..database.problems import DatabaseProblem
from ..errors import ApiError
from ..logs import describe
from .deadline import Held, call_bounded
from .failure import Failure, PluginError, blamed, failure_of
from .plugin import Plugin
from .registry import Plugins
from .upkeep import Upkeep

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 2.0
"""How long a request waits for its plugin to begin before it answers 503."""

State = Literal["active", "waiting", "quarantined", "disabled"]

EXTENSION = "deploystack_plugins"


def get_service(app: Flask) -> Service:
    """Return the plugins of ``app`` at work."""
    service: Service = app.extensions[EXTENSION]
    return service


class Service:
    """The plugins of one application at work, in one process.

    Args:
        app: the application.
        plugins: its plugins.
        upkeep: brings their part of the database up to date.
        seconds: how long a hook may take.
    """

    def __init__(self, app: Flask, plugins: Plugins, upkeep: Upkeep, seconds: float) -> None:
        self.plugins = plugins
        self.upkeep = upkeep
        self._app = app
        self._seconds = seconds
        # Which plugin is active on which binding; and the binding on which all had their turn.
        self._active: dict[str, Binding] = {}
        self._settled: Binding | None = None
        self._changed = threading.Condition()
        self._turn = threading.Lock()
        self._told: set[str] = set()
        app.extensions[EXTENSION] = self

    def state(self, plugin: Plugin) -> State:
        """Return how ``plugin`` is in this process."""
        if plugin.is_disabled:
            return "disabled"
        if self.plugins.failure(plugin):
            return "quarantined"
        binding = self._database().current().binding
        is_active = binding is not None and self._active.get(plugin.name) is binding
        return "active" if is_active else "waiting"

    def quarantine(self, plugin: Plugin, failure: Failure) -> None:
        """Put ``plugin`` out of service, here and in every other process."""
        self.plugins.quarantine(plugin, failure)
        with self._changed:
            self._active.pop(plugin.name, None)
            self._changed.notify_all()

    def failed(self, name: str, error: Exception) -> ApiError:
        """Put the plugin ``name`` out of service, which has failed a request; return the answer.

        If its tables are not as they should be, somebody has changed them meanwhile: then it is not
        to blame, and begins anew.
        """
        plugin = self.plugins.get(name)
        binding = self._database().current().binding
        if isinstance(error, sa.exc.DBAPIError) and binding and self._lacks_tables(plugin, binding):
            with self._changed:
                self._active.pop(plugin.name, None)
            return _still_waiting(name)
        failure = failure_of(
            error,
            "plugin_request_failed",
            "It failed to answer a request. Look at the log, and mend it.",
        )
        self.quarantine(plugin, failure)
        return failure.as_api_error(name)

    def _lacks_tables(self, plugin: Plugin, binding: Binding) -> bool:
        try:
            with engines.connected(binding.engine, read_only=True) as connection:
                return bool(self.upkeep.outdated(connection, [plugin]))
        except DatabaseProblem as problem:
            self._database().lost(binding, problem)
            return True

    def require_active(self, name: str) -> None:
        """Return once the plugin ``name`` can be asked, or refuse.

        Raises:
            ApiError: 503, it is quarantined or waiting, or there is no database.
        """
        plugin = self.plugins.get(name)
        failure = self.plugins.failure(plugin)
        if failure:
            raise failure.as_api_error(name)
        state = self._database().awaited()
        if state.binding is None:
            raise state.error()
        if self._active.get(name) is not state.binding and not self._wait_for(
            plugin, state.binding
        ):
            failure = self.plugins.failure(plugin)
            raise failure.as_api_error(name) if failure else _still_waiting(name)

    def wait(self) -> None:
        """Wait a while for what is to begin on the database in use, if there is one."""
        binding = self._database().awaited().binding
        if binding is not None:
            with self._changed:
                self._changed.wait_for(lambda: self._settled is binding, PATIENCE_SECONDS)

    def _wait_for(self, plugin: Plugin, binding: Binding) -> bool:
        if self._settled is binding and not self._turn.locked():
            # All have had their turn: this one was quarantined and may try again.
            threading.Thread(target=self.begin, args=[binding], daemon=True, name="plugins").start()

        def is_active() -> bool:
            # On what is bound by then: a migration in another process makes the pool anew.
            found = self._active.get(plugin.name)
            return found is not None and found is self._database().binding

        def is_decided() -> bool:
            return is_active() or self.plugins.failure(plugin) is not None

        with self._changed:
            self._changed.wait_for(is_decided, PATIENCE_SECONDS)
        return is_active()

    def begin(self, binding: Binding) -> None:
        """Tell each plugin, in the order of their names, that the database is in use."""
        with self._turn:
            if not binding.lease():
                return
            try:
                if self._settled is binding:
                    self._catch_up(binding)
                for plugin in self.plugins.usable():
                    if self._active.get(plugin.name) is not binding:
                        self._tell_ready(plugin, binding)
            except DatabaseProblem as problem:  # the next bind begins again
                log.warning("Plugins could not begin: %s: %s", problem.code, problem.cause)
                self._database().lost(binding, problem)
            finally:
                with self._changed:
                    self._settled = binding
                    self._changed.notify_all()
                binding.release()

    def settled(self) -> bool:
        """Wait until each plugin is active or has failed, and return whether all are active."""
        binding = self._database().current().binding
        patience = (len(self.plugins.loaded) + 1) * self._seconds
        with self._changed:
            in_time = self._changed.wait_for(lambda: self._settled is binding, patience)
        return (
            binding is not None
            and in_time
            and not any(self.plugins.failure(plugin) for plugin in self.plugins.all)
        )

    def end(self) -> None:
        """Tell each plugin that was active in this process that the process ends. Only once."""
        with self._turn:
            told, self._told = self._told, set()
            for name in sorted(told):
                plugin = self.plugins.get(name)
                try:
                    self._call(plugin, "deploystack_shutdown", lambda: None)
                except Exception as error:  # noqa: BLE001  # it ends anyway
                    log.warning("The plugin %s failed to shut down: %s", name, describe(error))

    def _catch_up(self, binding: Binding) -> None:
        """Bring plugins up to date that may try again on the binding in use."""
        again = [p for p in self.plugins.usable() if self._active.get(p.name) is not binding]
        with engines.connected(binding.engine, read_only=True) as connection:
            if not self.upkeep.outdated(connection, again):
                return

        def attempt() -> None:
            with engines.migration(binding.target) as connection:
                self.upkeep.update(connection, again)

        undisturbed(attempt)

    def _tell_ready(self, plugin: Plugin, binding: Binding) -> None:
        held = Held(binding.engine)
        try:
            with (
                blamed("plugin_ready_failed", "It could not begin. Look at the log, and mend it."),
                held.watched(),
            ):
                self._call(plugin, "deploystack_database_ready", held.take_away)
        except PluginError as error:
            if _is_the_databases_fault(error.__cause__):
                log.warning("The plugin %s waits for the database: %s", plugin.name, error.cause)
                return
            self.quarantine(plugin, failure_of(error, error.code, error.sentence))
            return
        self.plugins.works(plugin)
        with self._changed:
            if not self._told:
                self._tell_at_exit()
            self._told.add(plugin.name)
            self._active[plugin.name] = binding
            self._changed.notify_all()

    def _call(self, plugin: Plugin, hook: str, cut: Callable[[], None]) -> None:
        if hook not in plugin.hooks:
            return
        app = self._app

        def call() -> None:
            with app.app_context():
                plugin.call(hook, app=app)

        call_bounded(call, self._seconds, cut)

    def _tell_at_exit(self) -> None:
        """See to it that plugins are told when this process ends, of whichever kind it is."""
        end = weakref.WeakMethod(self.end)

        def at_exit() -> None:
            method = end()
            if method:
                method()

        atexit.register(at_exit)
        Finalize(None, at_exit, exitpriority=10)  # a worker of ours ends without atexit

    def _database(self) -> Database:
        return get_database(self._app)


def _is_the_databases_fault(error: BaseException | None) -> bool:
    if isinstance(error, sa.exc.DBAPIError):
        return driver_errors.is_about_the_database(error)
    return isinstance(error, DatabaseProblem | sa.exc.TimeoutError) or (
        isinstance(error, ApiError) and error.status == 503
    )


def _still_waiting(name: str) -> ApiError:
    return ApiError(
        503,
        "plugin_waiting",
        f"The plugin {name!r} is about to begin. Try again in a few seconds.",
        {"plugin": name},
        {"Retry-After": "2"},
    )
