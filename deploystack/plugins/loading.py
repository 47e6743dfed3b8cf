"""Loading plugins: importing them, asking each what it declares, holding it to the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import pluggy

from ..config import Config
from ..database.migrations.history import History
from . import discovery, hookspecs, mounting, rules
from .failure import PluginError, blamed, failure_of
from .plugin import Plugin, version_table

COMMANDS = frozenset({"db", "plugins", "routes", "run", "settings", "shell", "tokens", "users"})
"""The commands of the core and of Flask itself."""


def load(config: Config, given: Sequence[object]) -> list[Plugin]:
    """Return every plugin there is, in the order of their names.

    One that cannot be imported, or breaks a rule, is returned too; its ``rejected`` says why.

    Args:
        config: says where plugins are, and which of them are switched off.
        given: more plugins.
    """
    pluggy_manager = pluggy.PluginManager(hookspecs.PROJECT)
    pluggy_manager.add_hookspecs(hookspecs)
    plugins = []
    for found in discovery.discover(config, given):
        plugin = Plugin(found.label, found.origin)
        if found.label in config.plugins_disabled:
            plugin.is_disabled = True
        else:
            with _rejecting(plugin):
                _import(plugin, found.load, pluggy_manager)
            if plugin.source is None and plugin.rejected is None:
                continue  # the same was found in another place
        plugins.append(plugin)
    rules.detach_strays()
    _hand_out_hooks(plugins, pluggy_manager)
    for plugin in plugins:
        with _rejecting(plugin):
            _ask_for_metadata(plugin, config)
    _reject_duplicates(plugins)
    plugins.sort(key=lambda plugin: (plugin.name, plugin.rejected is not None))
    for plugin in plugins:
        with _rejecting(plugin):
            _ask_for_the_rest(plugin, config)
    for plugin in plugins:
        with _rejecting(plugin):
            _check_commands(plugin, plugins)
    return plugins


@contextmanager
def _rejecting(plugin: Plugin) -> Iterator[None]:
    """Do something to a plugin unless it is out already; whatever it raises puts it out."""
    try:
        yield
    except PluginError as error:
        plugin.rejected = failure_of(error, error.code, error.sentence)


def _import(
    plugin: Plugin, load_source: Callable[[], object], pluggy_manager: pluggy.PluginManager
) -> None:
    with (
        blamed("plugin_import_failed", "It cannot be imported. Look at the log, and mend it."),
        plugin.scope.entered(),
    ):
        source = load_source()
        if isinstance(source, type):
            source = source()
    if any(source is other for other in pluggy_manager.get_plugins()):
        return
    plugin.source = source
    with blamed("plugin_hook_failed", "Its hooks cannot be read. Look at the log, and mend it."):
        _check_marks(source)
        _register(source, f"{plugin.label} {id(source)}", pluggy_manager)


def _register(source: object, name: str, pluggy_manager: pluggy.PluginManager) -> None:
    try:
        pluggy_manager.register(source, name=name)
        pluggy_manager.check_pending()
    except BaseException as error:
        if any(source is other for other in pluggy_manager.get_plugins()):
            pluggy_manager.unregister(source)
        if not isinstance(error, pluggy.PluginValidationError):
            raise
        raise PluginError(
            "plugin_hook_unknown",
            "It implements a hook that does not exist, or that takes other arguments. The hooks "
            "are listed in docs/reference/plugins.md. Correct its name or its arguments.",
            str(error).strip().partition("\n")[0],
        ) from error


def _check_marks(source: object) -> None:
    """Refuse a function that is called like a hook and would be ignored."""
    for name in vars(hookspecs):
        function = getattr(source, name, None) if name.startswith(f"{hookspecs.PROJECT}_") else None
        if callable(function) and not hasattr(function, f"{hookspecs.PROJECT}_impl"):
            raise PluginError(
                "plugin_hook_unknown",
                f"Its function {name} is not decorated with @hookimpl. Add that.",
            )


def _hand_out_hooks(plugins: Sequence[Plugin], pluggy_manager: pluggy.PluginManager) -> None:
    # Pluggy would call the plugin that was registered last first, and stop at the first exception.
    by_source = {id(plugin.source): plugin for plugin in plugins if plugin.source is not None}
    for name, caller in vars(pluggy_manager.hook).items():
        if isinstance(caller, pluggy.HookCaller):
            for implementation in caller.get_hookimpls():
                plugin = by_source[id(implementation.plugin)]
                plugin.hooks[name] = _by_keyword(implementation)


def _by_keyword(implementation: pluggy.HookImpl) -> Callable[..., Any]:
    """Return a function that passes on what the implementation asks for, as pluggy does."""

    def call(**arguments: Any) -> Any:
        return implementation.function(*(arguments[name] for name in implementation.argnames))

    return call


def _asked(plugin: Plugin, hook: str, **arguments: Any) -> Any:
    with (
        blamed("plugin_hook_failed", f"Its hook {hook} failed. Look at the log, and mend it."),
        plugin.scope.entered(),
    ):
        return plugin.call(hook, **arguments)


def _ask_for_metadata(plugin: Plugin, config: Config) -> None:
    if not plugin.is_loaded:
        return
    given = _asked(plugin, "deploystack_metadata")
    claimed = getattr(given, "name", None)
    if isinstance(claimed, str) and claimed:
        plugin.label = claimed[: rules.MAX_TABLE_NAME]  # what people call it, allowed or not
    plugin.metadata = rules.check_metadata(given)
    plugin.is_disabled = plugin.metadata.name in config.plugins_disabled


def _reject_duplicates(plugins: Sequence[Plugin]) -> None:
    owners: dict[str, Plugin] = {}
    for plugin in plugins:
        if plugin.is_loaded and owners.setdefault(plugin.name, plugin) is not plugin:
            plugin.rejected = failure_of(
                PluginError(
                    "plugin_name_taken",
                    f"Another plugin is called {plugin.name!r} too. That one is used; rename or "
                    "remove this one.",
                    f"the other is from {owners[plugin.name].origin}",
                ),
                "",
                "",
            )


def _ask_for_the_rest(plugin: Plugin, config: Config) -> None:
    if not plugin.is_loaded:
        return
    name = plugin.name
    with blamed(
        "plugin_table_invalid", "Its tables cannot be used. Look at the log, and correct them."
    ):
        with plugin.scope.entered():  # a generator declares as it is gone through
            declared = list(_asked(plugin, "deploystack_tables") or ())
        rules.detach_strays()
        tables = rules.check_tables(name, declared)
    plugin.tables = tables
    plugin.history = _history(plugin, config)
    plugin.settings = rules.check_settings(name, _items(plugin, "deploystack_settings"))
    given = _items(plugin, "deploystack_blueprints")
    group = click.Group(name)
    if given:
        with blamed(
            "plugin_route_invalid", "Its routes cannot be used. Look at the log, and correct them."
        ):
            plugin.blueprint, commands = mounting.mount(name, given)
        for command in commands:
            group.add_command(command)
    _asked(plugin, "deploystack_commands", cli=group)
    with blamed("plugin_command_invalid", "Its commands cannot be used. Look at the log."):
        plugin.commands = _checked_commands(group)


def _checked_commands(group: click.Group) -> list[click.Command]:
    added: Any = group.commands  # a plugin need not keep to the annotations
    for name, command in added.items():
        if not isinstance(command, click.Command) or not name or command.name != name:
            raise PluginError(
                "plugin_command_invalid",
                "A command is a click.Command, and is added by its own name. Correct "
                "deploystack_commands.",
                f"{name!r}: {type(command).__name__}",
            )
    return list(group.commands.values())


def _check_commands(plugin: Plugin, plugins: Sequence[Plugin]) -> None:
    earlier = plugins[: plugins.index(plugin)]
    taken = COMMANDS | {c.name for other in earlier if other.is_loaded for c in other.commands}
    taken |= {other.name for other in plugins if other.name != plugin.name}
    clashing = [str(command.name) for command in plugin.commands if command.name in taken]
    if clashing and plugin.is_loaded:
        raise PluginError(
            "plugin_command_invalid",
            f"The command `flask {clashing[0]}` is not this plugin's to have: there is one, or "
            "another plugin has that name. Rename it.",
        )


def _items(plugin: Plugin, hook: str) -> list[Any]:
    with blamed("plugin_hook_failed", f"Its hook {hook} failed. Look at the log, and mend it."):
        return list(plugin.call(hook) or ())


def _history(plugin: Plugin, config: Config) -> History | None:
    folder = _asked(plugin, "deploystack_migrations")
    if folder is None:
        return None
    if not isinstance(folder, Path):
        raise PluginError(
            "plugin_hook_failed",
            "The hook deploystack_migrations returns the folder of its revisions as a Path.",
        )
    if not folder.is_absolute():
        folder = Path(getattr(plugin.source, "__file__", "") or "").parent / folder
    if (folder / "versions").is_dir():
        folder = folder / "versions"
    history = History(
        plugin.name,
        config.migrations_dir,
        version_table(plugin.name),
        folder.absolute(),
        plugin.prefix,
        plugin.declared,
    )
    with blamed(
        "plugin_migration_failed",
        "Its revisions cannot be read, or branch. Mend them, then restart.",
    ):
        history.head  # noqa: B018  # read once, here
    return history
