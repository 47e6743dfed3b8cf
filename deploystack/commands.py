"""The ``flask`` command groups, each imported only when it is used: serving needs none."""

from __future__ import annotations

from importlib import import_module

import click
from flask import Flask

from .plugins.service import get_service


class ImportedGroup(click.Group):
    """A group that lives in another module.

    Args:
        name: its name on the command line, and in the module.
        module: where it is, absolute.
        help: one line for ``flask --help``, so that listing imports nothing.
    """

    def __init__(self, name: str, module: str, help: str) -> None:
        super().__init__(name, help=help)
        self._module = module

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: object,
    ) -> click.Context:
        """Hand over to the group itself."""
        group: click.Group = getattr(import_module(self._module), str(self.name))
        return group.make_context(info_name, args, parent, **extra)


def register_commands(app: Flask) -> None:
    """Add the command groups to ``app``, and the commands of its plugins."""
    for name, module, text in (
        ("db", "deploystack.database.cli", "Set up, inspect and migrate the database."),
        ("openapi", "deploystack.openapi.cli", "Write the documentation of the API."),
        ("plugins", "deploystack.plugins.cli", "List, make, migrate and remove plugins."),
        ("settings", "deploystack.settings.cli", "Look at settings, change them and their key."),
        ("tokens", "deploystack.auth.cli", "Make, list and revoke tokens for scripts."),
        ("users", "deploystack.auth.cli", "List, make, change and delete accounts."),
    ):
        app.cli.add_command(ImportedGroup(name, module, text))
    for plugin in get_service(app).plugins.loaded:
        for command in plugin.commands:
            app.cli.add_command(command)
