"""The rules that keep plugins apart from the core and from each other, checked as one is loaded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

import sqlalchemy as sa

from ..database.binding import Model as CoreModel
from ..settings import core, values
from ..settings.definitions import KEY
from .declarations import PluginMetadata, Setting, SettingGroup
from .failure import PluginError

NAME = re.compile(r"[a-z][a-z0-9]{0,39}")
"""Forty characters, so that a table's name still fits into PostgreSQL's 63."""

MAX_TABLE_NAME = 63
MAX_GROUP_NAME = 255
MAX_DESCRIPTION = 2000
MAX_LABEL = 100
MAX_SORT_ORDER = 2**31
CORE_KEYS = frozenset(setting.key for group in core.GROUPS for setting in group.settings)

_TAKEN = frozenset({"alembic", "core", "deploystack", "pg", "sqlite"})


def is_reserved(name: str) -> bool:
    """Return whether tables named after a plugin ``name`` could be somebody else's."""
    core = (table.partition("_") for table in CoreModel.metadata.tables)
    return name in _TAKEN or any(separator and name == prefix for prefix, separator, _ in core)


def check_metadata(given: object) -> PluginMetadata:
    """Return what a plugin says about itself.

    Raises:
        PluginError: it is no :class:`PluginMetadata`, or its name or version cannot be used.
    """
    if not isinstance(given, PluginMetadata):
        raise PluginError(
            "plugin_hook_failed",
            "The hook deploystack_metadata must be there, decorated with @hookimpl, and return a "
            "PluginMetadata.",
        )
    name, version, description = _untyped(given, "name", "version", "description")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise PluginError(
            "plugin_name_invalid",
            "A plugin's name consists of lower-case letters and digits, begins with a letter, and "
            "has at most 40 characters. Rename it.",
        )
    if is_reserved(name):
        raise PluginError(
            "plugin_name_invalid",
            f"The name {name!r} is reserved: tables that begin with it are not a plugin's. "
            "Rename the plugin.",
        )
    if not isinstance(version, str) or not 0 < len(version) <= 64 or not version.isprintable():
        raise PluginError(
            "plugin_name_invalid",
            "A plugin's version is a text of 1 to 64 printable characters. Correct it.",
        )
    if not isinstance(description, str):
        raise PluginError("plugin_name_invalid", "A plugin's description is a text. Correct it.")
    return given


def check_tables(name: str, given: Iterable[Any]) -> list[sa.Table]:
    """Return the tables that the plugin ``name`` declares.

    Raises:
        PluginError: a name or a foreign key breaks the rules, or a class cannot be mapped.
    """
    classes = [item for item in given if not isinstance(item, sa.Table)]
    tables = [item for item in given if isinstance(item, sa.Table)]
    for item in classes:
        table = getattr(item, "__table__", None)
        if not isinstance(item, type) or not isinstance(table, sa.Table):
            _refuse_table(
                "The hook deploystack_tables returns classes that derive from Model, and tables. "
                "It has returned something else."
            )
        if table not in tables:
            tables.append(table)
    for table in tables:
        _check_name(name, table)
    twice = [table for table, count in Counter(t.name for t in tables).items() if count > 1]
    if twice:
        _refuse_table(f"The table {twice[0]!r} is declared twice. Rename one of them.")
    allowed = {table.name for table in tables} | CoreModel.metadata.tables.keys()
    for table in tables:
        _check_foreign_keys(table, allowed)
    for item in classes:  # a relationship that leads nowhere would fail at the first query
        sa.inspect(item).registry.configure(cascade=True)
    return tables


def _check_name(name: str, table: sa.Table) -> None:
    if not re.fullmatch(rf"{name}_[a-z0-9_]+", table.name):
        _refuse_table(
            f"The names of a plugin's tables begin with its own name and '_', here '{name}_', and "
            f"consist of lower-case letters, digits and '_'. {table.name!r} does not. Rename it."
        )
    if len(table.name) > MAX_TABLE_NAME:
        _refuse_table(f"The name {table.name!r} has more than 63 characters. Shorten it.")
    if table.schema is not None:
        _refuse_table(f"The table {table.name!r} names a schema. Leave it out.")
    if not table.columns:
        _refuse_table(f"The table {table.name!r} has no columns. Add one.")


def _check_foreign_keys(table: sa.Table, allowed: set[str]) -> None:
    for key in table.foreign_keys:
        target = key.target_fullname.rpartition(".")[0]
        if target not in allowed:
            raise PluginError(
                "plugin_foreign_key_invalid",
                f"A plugin's foreign keys lead to its own tables or to the core's. One of "
                f"{table.name!r} leads to {target!r}. Remove it, or return that table from "
                "deploystack_tables too.",
            )
        try:
            key.column  # noqa: B018  # resolves it
        except sa.exc.SQLAlchemyError as error:
            raise PluginError(
                "plugin_foreign_key_invalid",
                f"The foreign key of {table.name!r} to {key.target_fullname!r} leads nowhere. "
                "Correct the column, and declare tables in Model.metadata.",
                str(error),
            ) from error


def _refuse_table(sentence: str) -> NoReturn:
    raise PluginError("plugin_table_invalid", sentence)


def check_settings(name: str, given: Iterable[Any]) -> list[SettingGroup]:
    """Return the groups of settings that the plugin ``name`` declares.

    Raises:
        PluginError: a key, a type or a default breaks the rules.
    """
    groups = list(given)
    for group in groups:
        _check_group(group)
    settings = [setting for group in groups for setting in group.settings]
    for setting in settings:
        _check_setting(name, setting)
    for what, names in (
        ("group", [group.id for group in groups]),
        ("setting", [setting.key for setting in settings]),
    ):
        twice = [found for found, count in Counter(names).items() if count > 1]
        if twice:
            _refuse_setting(f"The {what} {twice[0]!r} is declared twice. Rename one of them.")
    return groups


def _check_group(group: Any) -> None:
    if not isinstance(group, SettingGroup) or not isinstance(group.settings, Sequence):
        _refuse_setting("The hook deploystack_settings returns groups of type SettingGroup.")
    [group_id] = _untyped(group, "id")
    if not isinstance(group_id, str) or not KEY.fullmatch(group_id):
        _refuse_setting(
            "The id of a group consists of at most 255 letters, digits, '.', '_' and '-'. "
            f"{group_id!r} cannot be used. Rename it."
        )
    name, description, icon, sort_order = _untyped(
        group, "name", "description", "icon", "sort_order"
    )
    if not (
        isinstance(name, str)
        and 0 < len(name) <= MAX_GROUP_NAME
        and isinstance(description, str)
        and len(description) <= MAX_DESCRIPTION
        and (icon is None or (isinstance(icon, str) and len(icon) <= MAX_GROUP_NAME))
        and isinstance(sort_order, int)
        and abs(sort_order) < MAX_SORT_ORDER
    ):
        _refuse_setting(
            f"The group {group_id!r} has a name of 1 to 255 characters, a description of at most "
            f"{MAX_DESCRIPTION} characters, an icon that is a short text or None, and a sort_order "
            "that is a whole number. Correct it."
        )


def _check_setting(name: str, setting: Any) -> None:
    if not isinstance(setting, Setting):
        _refuse_setting("A group's settings are of type Setting. Correct deploystack_settings.")
    key, kind, default, description, label, validate = _untyped(
        setting, "key", "type", "default", "description", "label", "validate"
    )
    # A key of the core's is no reason to do without the plugin: the core's declaration holds.
    if not isinstance(key, str) or not (
        key in CORE_KEYS or (KEY.fullmatch(key) and key.startswith(f"{name}."))
    ):
        _refuse_setting(
            f"The keys of a plugin's settings begin with its own name and '.', here '{name}.', and "
            f"consist of at most 255 letters, digits, '.', '_' and '-'. {key!r} does not. Rename "
            "it."
        )
    if not isinstance(kind, str) or kind not in values.KINDS:
        _refuse_setting(f"The type of {key!r} is none of {', '.join(values.KINDS)}. Correct it.")
    if default is not None:
        try:
            values.write(kind, default)
        except ValueError as error:
            _refuse_setting(
                f"The default of {key!r} is not of the type {kind!r}. {error} Correct it."
            )
    if not isinstance(description, str) or len(description) > MAX_DESCRIPTION:
        _refuse_setting(
            f"The description of {key!r} is not a text of at most {MAX_DESCRIPTION} characters. "
            "Correct it."
        )
    if not isinstance(label, str) or len(label) > MAX_LABEL or not label.isprintable():
        _refuse_setting(
            f"The label of {key!r} is not a text of at most {MAX_LABEL} printable characters. "
            "Correct it."
        )
    if validate is not None and not callable(validate):
        _refuse_setting(f"What validates {key!r} is not a function. Correct it.")


def _untyped(given: object, *names: str) -> list[Any]:
    """Return attributes that may be of any type: a plugin need not keep to the annotations."""
    return [getattr(given, name) for name in names]


def _refuse_setting(sentence: str) -> NoReturn:
    raise PluginError("plugin_setting_invalid", sentence)


def detach_strays() -> None:
    """Take tables that plugins have declared in the core's metadata out of it again.

    ``Table("notes_tag", db.metadata, …)`` is easily written. Left there, the table would be a part
    of the core's schema. All tables of the core have a class.
    """
    metadata = CoreModel.metadata
    ours = {mapper.local_table for mapper in CoreModel.registry.mappers}
    strays = [table for table in metadata.tables.values() if table not in ours]
    for key in [key for table in strays for key in table.foreign_keys]:
        with suppress(sa.exc.SQLAlchemyError):  # told when the plugin's tables are checked
            key.column  # noqa: B018  # resolves it while that is possible
    for table in strays:
        metadata.remove(table)
