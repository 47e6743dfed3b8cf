"""The plugins of an application, and which of them are out of service."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from ..config import Config
from ..errors import ApiError
from .declarations import SettingGroup
from .failure import Failure
from .loading import load
from .plugin import Plugin
from .quarantine import Quarantine

log = logging.getLogger(__name__)


class Plugins:
    """The plugins of one application, found and loaded as it is made.

    Args:
        config: says where they are, and which are switched off.
        given: more plugins, for tests.
    """

    def __init__(self, config: Config, given: Sequence[object] = ()) -> None:
        self._quarantine = Quarantine(config.quarantine_dir, since=time.time())
        self.all = load(config, given)
        self._by_name: dict[str, Plugin] = {}
        for plugin in self.all:
            if plugin.is_loaded:  # rather than one that was rejected and has the same name
                self._by_name[plugin.name] = plugin
                plugin.build  # noqa: B018  # looked up now, before its files change
            self._by_name.setdefault(plugin.name, plugin)
            if plugin.rejected:
                _log_failure(plugin.name, plugin.rejected)

    @property
    def loaded(self) -> list[Plugin]:
        """Those that can be used in this process, by name."""
        return [plugin for plugin in self.all if plugin.is_loaded]

    def declared_settings(self) -> dict[str, Sequence[SettingGroup]]:
        """Return the groups of settings that each declares."""
        return {plugin.name: plugin.settings for plugin in self.loaded}

    def get(self, name: str) -> Plugin:
        """Return the plugin of this name.

        Raises:
            ApiError: 404 ``plugin_unknown``.
        """
        plugin = self._by_name.get(name)
        if plugin is None:
            raise ApiError(
                404,
                "plugin_unknown",
                f"There is no plugin {name!r}. `flask plugins list` shows all there are.",
            )
        return plugin

    def failure(self, plugin: Plugin, *, ever: bool = False) -> Failure | None:
        """Return why ``plugin`` is quarantined, if it is.

        Args:
            plugin: the plugin.
            ever: whether any other process's failure counts as well, as it does in a command
                that looks at a running server.
        """
        if plugin.is_disabled:
            return None
        if ever:
            return plugin.rejected or self._quarantine.last(plugin.name)
        return plugin.rejected or self._quarantine.get(plugin.name, plugin.build)

    def usable(self) -> list[Plugin]:
        """Return those that are loaded and not quarantined, by name."""
        return [plugin for plugin in self.loaded if self.failure(plugin) is None]

    def quarantine(self, plugin: Plugin, failure: Failure) -> None:
        """Put ``plugin`` out of service, in every process."""
        self._quarantine.put(plugin.name, replace(failure, build=plugin.build))
        _log_failure(plugin.name, failure)

    def works(self, plugin: Plugin) -> None:
        """Forget a failure of ``plugin`` from before this application was made."""
        self._quarantine.lift_outdated(plugin.name)

    def retry(self, plugin: Plugin) -> None:
        """Let ``plugin`` be tried again, in every process.

        Raises:
            OSError: the data folder cannot be written.
        """
        self._quarantine.lift(plugin.name)


def is_disabled(name: str) -> ApiError:
    """Return the answer for a command about a plugin that the operator has switched off."""
    return ApiError(
        409,
        "plugin_disabled",
        f"The plugin {name!r} is switched off by DEPLOYSTACK_PLUGINS_DISABLED. Take it out of "
        "there first.",
    )


def _log_failure(name: str, failure: Failure) -> None:
    cause = f" Cause: {failure.cause}." if failure.cause else ""
    log.warning(
        "The plugin %s is quarantined: %s: %s%s", name, failure.code, failure.sentence, cause
    )
