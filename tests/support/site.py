"""A site with plugins, in this process: its folder of plugins, its database, its commands."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import dedent, indent
from typing import Any
from unittest import mock

import click
import sqlalchemy as sa
from alembic.config import Config as AlembicConfig
from click.testing import Result
from flask import Flask

from deploystack.database import get_database
from tests.support.applications import command, set_up, settled
from tests.support.direct import Direct
from tests.support.waiting import until

SOURCE = """
import os
from pathlib import Path

import click
import sqlalchemy as sa
from flask import Blueprint
from sqlalchemy.orm import Mapped, mapped_column

from deploystack.plugins import *


class Note(Model):
    __tablename__ = "NAME_note"
    id: Mapped[int] = mapped_column(primary_key=True)
{columns}

blueprint = Blueprint("NAME", __name__)


@blueprint.get("/")
def index():
    notes = list(db.session.scalars(sa.select(Note.text)))
    return json_response({{"pid": os.getpid(), "notes": notes}})


@hookimpl
def deploystack_metadata():
    return PluginMetadata(name="NAME", version={version!r}, description="Notes of NAME.")


@hookimpl
def deploystack_tables():
    return [Note]


@hookimpl
def deploystack_settings():
    size = Setting(key="NAME.size", type="integer", default=3)
    return [SettingGroup(id="NAME", name="NAME", settings=[size])]


@hookimpl
def deploystack_blueprints():
    return [blueprint]


@hookimpl
def deploystack_seed(session):
    if session.scalar(sa.select(Note.id).limit(1)) is None:
        session.add(Note(text="hello"))
"""

REVISIONS = """
@hookimpl
def deploystack_migrations():
    return Path(__file__).parent / "revisions"
"""

TEXT = "text: Mapped[str] = mapped_column(sa.String(50))"
DONE = "is_done: Mapped[bool] = mapped_column(sa.Boolean, default=False, server_default=sa.false())"


def _print(_config: AlembicConfig, text: str, *arguments: object) -> None:
    click.echo(str(text) % arguments)


class Site:
    """An installation, on which a program is started again and again.

    Args:
        folder: an empty place for it.
        data_dir: its data folder.
        body: what is sent to set it up.
        make: makes an application.
    """

    def __init__(
        self, folder: Path, data_dir: Path, body: dict[str, str], make: Callable[..., Flask]
    ) -> None:
        self.plugins = folder / "plugins"
        self.plugins.mkdir()
        self.body = body
        self.data_dir = data_dir
        self.direct = Direct(body, data_dir)
        self._make = make
        self._app: Flask | None = None

    @classmethod
    def at(cls, site: Site, body: dict[str, str]) -> Site:
        """Return the same site with another database, which nobody has set up yet."""
        other = cls.__new__(cls)
        other.__dict__ |= site.__dict__
        other.body, other.direct = body, Direct(body, site.data_dir)
        return other

    @property
    def app(self) -> Flask:
        """The program that runs now."""
        return self._app or self.start()

    def start(self, *, set_up_first: bool = False, **variables: Any) -> Flask:
        """Start the program, in place of the one that ran before."""
        if self._app:
            get_database(self._app).close()
        self._app = self._make(DEPLOYSTACK_PLUGINS_PATH=self.plugins, **variables)
        if set_up_first:
            set_up(self._app, self.body)
        return self._app

    def write(
        self,
        name: str,
        *columns: str,
        revisions: bool = False,
        version: str = "1",
        more: str = "",
    ) -> Path:
        """Write a plugin with one table, in place of what it was before; return its folder.

        Args:
            name: its name.
            columns: lines that declare the columns besides ``id``; ``text`` alone by default.
            revisions: whether it has a folder for revisions.
            version: its version.
            more: is added to its source, in which ``NAME`` stands for its name.
        """
        home = self.plugins / name
        home.mkdir(exist_ok=True)
        lines = indent("\n".join(columns or (TEXT,)), "    ")
        text = SOURCE.format(columns=lines, version=version)
        text += (REVISIONS if revisions else "") + dedent(more)
        (home / "__init__.py").write_text(text.replace("NAME", name))
        return home

    def remove(self, name: str) -> None:
        """Uninstall a plugin, with its revisions."""
        shutil.rmtree(self.plugins / name)

    def flask(self, *arguments: str, **options: Any) -> Result:
        """Run a command in a program of its own, beside the one that runs."""
        app = self._make(DEPLOYSTACK_PLUGINS_PATH=self.plugins)
        try:
            # Alembic prints to the standard output that there was when it was imported.
            with mock.patch.object(AlembicConfig, "print_stdout", _print):
                return command(app, *arguments, **options)
        finally:
            get_database(app).close()

    def succeed(self, *arguments: str) -> str:
        """Run a command, which must succeed, and return its standard output."""
        result = self.flask(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    def fail(self, *arguments: str, code: int = 1) -> str:
        """Run a command, which must fail in words, and return its output."""
        result = self.flask(*arguments)
        assert isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code == code, result.output
        return result.output

    def told(self) -> dict[str, dict[str, Any]]:
        """Return what ``GET /api/plugins`` tells of each plugin."""
        settled(self.app)
        data = self.app.test_client().get("/api/plugins").get_json()["data"]
        return {plugin["name"]: plugin for plugin in data}

    def states(self) -> dict[str, str]:
        """Return the state of each plugin, or its code if it has one, once none waits."""

        def found() -> dict[str, str]:
            return {name: each["code"] or each["state"] for name, each in self.told().items()}

        until(lambda: "waiting" not in found().values())
        return found()

    def ask(self, name: str) -> Any:
        """Return the notes of a plugin, or the code that it answers once nothing is migrated."""
        client = self.app.test_client()
        told: Any = None

        def is_told() -> bool:
            nonlocal told
            body = client.get(f"/api/plugin/{name}/").get_json()
            told = body.get("notes", body.get("code"))
            return bool(told != "db_migrating")

        until(is_told)
        return told

    def revisions(self, name: str) -> list[Path]:
        """Return the files of the revisions of a plugin, oldest first."""
        files = (self.plugins / name / "revisions").glob("*.py")
        return sorted(files, key=lambda path: path.stat().st_mtime_ns)

    def applied(self, name: str) -> Sequence[str]:
        """Return which revisions of a plugin the log holds."""
        return self.direct.rows(
            f"SELECT revision FROM schema_revisions WHERE history = '{name}' ORDER BY id"
        )

    def shape(self, table: str) -> list[str]:
        """Return the names of the columns of a table."""
        return [column["name"] for column in sa.inspect(self.direct.engine).get_columns(table)]
