"""Plugins as text, written into a folder: two that work, and whatever a test makes of a third.

The names are chosen so that the third, ``bad``, has its turn between the two others.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from werkzeug.test import TestResponse

from deploystack.models import Role, User
from deploystack.plugins import db
from tests.support.applications import command, settled
from tests.support.direct import Direct
from tests.support.waiting import until

HEADER = """\
import sys, threading, time
from collections.abc import Iterable
from pathlib import Path

import click
import sqlalchemy as sa
from flask import Blueprint, Flask, abort, current_app, g, request
from marshmallow import ValidationError
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from deploystack.plugins import *
"""

METADATA = """
@hookimpl
def deploystack_metadata():
    return PluginMetadata(name={name!r}, version={version!r})
"""

WORKING = """
class Shelf(Model):
    __tablename__ = "NAME_shelf"
    id: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(sa.String(50), unique=True)
    items: Mapped[list["Item"]] = relationship(back_populates="shelf")


class Item(Model):
    __tablename__ = "NAME_item"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(sa.String(50))
    shelf_id: Mapped[int] = mapped_column(sa.ForeignKey("NAME_shelf.id"), index=True)
    owner_id: Mapped[str | None] = mapped_column(sa.ForeignKey("users.id"))
    shelf: Mapped["Shelf"] = relationship(back_populates="items")
    owner: Mapped["User | None"] = relationship(User)


blueprint = Blueprint("NAME", __name__)


@blueprint.get("/items")
def index():
    items = db.session.scalars(sa.select(Item).order_by(Item.id))
    return json_response({"items": [f"{item.shelf.label} {item.text}" for item in items]})


@blueprint.post("/items/<text>")
def add(text):
    db.session.add(Item(text=text, shelf=db.session.scalars(sa.select(Shelf)).one()))
    db.session.commit()
    return json_response({}, 201)


@hookimpl
def deploystack_tables():
    return [Shelf, Item]


@hookimpl
def deploystack_settings():
    size = Setting(key="NAME.size", type="integer", default=3)
    return [SettingGroup(id="NAME", name="NAME", settings=[size])]


@hookimpl
def deploystack_seed(session):
    if session.scalar(sa.select(Shelf).where(Shelf.label == "NAME")) is None:
        session.add(Shelf(label="NAME", items=[Item(text="one"), Item(text="two")]))


@hookimpl
def deploystack_database_ready(app):
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Item)) >= 2


@hookimpl
def deploystack_blueprints():
    return [blueprint]


@hookimpl
def deploystack_commands(cli):
    cli.command("NAME")(lambda: click.echo("NAME works"))
"""
"""A plugin with tables, seeded rows, settings, routes and a command."""

FIRST_REVISION = """
op.create_table(
    "NAME_shelf",
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("label", sa.String(50), nullable=False, unique=True),
)
op.create_table(
    "NAME_item",
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("text", sa.String(50), nullable=False),
    sa.Column("shelf_id", sa.Integer(), sa.ForeignKey("NAME_shelf.id"), nullable=False, index=True),
    sa.Column("owner_id", sa.String(36), sa.ForeignKey("users.id")),
)
"""
"""What makes the tables of ``WORKING``."""

REVISIONS_HOOK = """
@hookimpl
def deploystack_migrations():
    return Path(__file__).parent / "revisions"
"""

REVISION = """\
import sqlalchemy as sa
from alembic import op
from sqlalchemy.orm import Session

revision = {revision!r}
down_revision = {after!r}


def upgrade():
{upgrade}


def downgrade():
    pass
"""

GOOD = ("apples", "pears")
"""The plugins that work: before ``bad`` in the order of names, and after it."""


@dataclass(frozen=True)
class Bad:
    """A plugin that has to be quarantined, and nothing else.

    Attributes:
        what: what it does, for the name of the test.
        code: the code it is quarantined with, as a pattern.
        text: its source, after ``HEADER`` and its metadata.
        says: what the sentence about it contains.
        revisions: the bodies of its revisions, in order.
        is_whole: whether ``text`` is all there is, without header and metadata.
        name: its name.
        keeps: whether its tables stay.
        commits: whether rows of it stay, because it went past everything and committed them.
    """

    what: str
    code: str
    text: str = ""
    says: str = ""
    revisions: tuple[str, ...] = ()
    is_whole: bool = False
    name: str = "bad"
    keeps: bool = False
    commits: bool = False

    @property
    def is_named(self) -> bool:
        """Whether what is said of it depends on its name."""
        return "bad" in self.text + self.says

    def __str__(self) -> str:
        return self.what


class Folder:
    """A folder of plugins, as ``DEPLOYSTACK_PLUGINS_PATH`` names one.

    Args:
        path: where it is made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def add_good(self) -> None:
        """Write the two plugins that work: one with tables alone, one with a revision."""
        self.add("apples", WORKING)
        self.add("pears", WORKING, revisions=[FIRST_REVISION])

    def add_bad(self, bad: Bad) -> None:
        """Write one that does not."""
        self.add(bad.name, bad.text, revisions=bad.revisions, is_whole=bad.is_whole)

    def add_mended(self, name: str = "bad") -> None:
        """Write one that works in place of one that did not."""
        self.add(name, WORKING, version="2")

    def add(
        self,
        name: str,
        text: str,
        *,
        file: str | None = None,
        version: str = "1",
        revisions: Sequence[str] = (),
        is_whole: bool = False,
    ) -> Path:
        """Write a plugin, in place of the one that its file held before.

        Args:
            name: its name; ``NAME`` in its text stands for it.
            text: its source, to which header and metadata are added.
            file: the name of its file, if that is another.
            version: its version.
            revisions: the bodies of its revisions, in order; with any, it is a package.
            is_whole: whether nothing is added to ``text``.
        """
        label = file or name
        self.remove(label)
        home = self.path / label
        if not is_whole:
            hook = REVISIONS_HOOK if revisions else ""
            text = HEADER + METADATA.format(name=name, version=version) + hook + text
        if revisions:
            (home / "revisions").mkdir(parents=True)
            after = None
            for number, upgrade in enumerate(revisions, 1):
                revision = f"{name}{number:04}"
                path = home / "revisions" / f"{revision}.py"
                body = upgrade.strip().replace("NAME", name).splitlines()
                path.write_text(
                    REVISION.format(
                        revision=revision,
                        after=after,
                        upgrade="\n".join(f"    {line}" for line in body),
                    )
                )
                after = revision
            path = home / "__init__.py"
        else:
            path = home.with_suffix(".py")
        path.write_text(text.replace("NAME", name))
        return path

    def remove(self, label: str) -> None:
        """Delete the plugin in the file of this name, if there is one."""
        shutil.rmtree(self.path / label, ignore_errors=True)
        (self.path / f"{label}.py").unlink(missing_ok=True)


class Snapshots(Direct):
    """A database that is looked at as a whole, each time on one connection: that is much faster."""

    _connection: sa.Connection | None = None

    def everything(self) -> dict[str, list[Any]]:
        """Return the whole schema and all rows."""
        with self.engine.connect() as connection:
            self._connection = connection
            try:
                return super().everything()
            finally:
                self._connection = None

    def rows(self, statement: str) -> list[Any]:
        """Return the rows of a query."""
        if self._connection is None:
            return super().rows(statement)
        found = [tuple(row) for row in self._connection.exec_driver_sql(statement)]
        return [row[0] if len(row) == 1 else row for row in found]

    def tables(self) -> set[str]:
        """Return the names of all tables."""
        return set(sa.inspect(self._connection or self.engine).get_table_names())


def told(app: Flask) -> dict[str, dict[str, Any]]:
    """Return what ``GET /api/plugins`` tells of each plugin, by its name."""
    answer = app.test_client().get("/api/plugins")
    assert answer.status_code == 200, answer.text
    return {plugin["name"]: plugin for plugin in answer.get_json()["data"]}


def states(app: Flask) -> dict[str, str]:
    """Return the state of each plugin, and its code if it has one, once none is waiting."""
    settled(app)
    found: dict[str, str] = {}

    def decided() -> bool:
        for name, plugin in told(app).items():
            found[name] = " ".join(filter(None, (plugin["state"], plugin["code"])))
        return "waiting" not in found.values()

    until(decided, 5)
    return found


def ask(app: Flask, path: str, name: str = "bad") -> TestResponse:
    """Ask a plugin."""
    return app.test_client().get(f"/api/plugin/{name}/{path}")


def assert_quarantined(app: Flask, bad: Bad, log: str) -> None:
    """Assert that ``bad`` is out of service, that everybody can know why, and that others work.

    Args:
        app: the application.
        bad: the plugin.
        log: what was logged.
    """
    found = states(app)
    code = found.pop(bad.name).removeprefix("quarantined ")
    assert re.fullmatch(bad.code, code), code
    assert found == dict.fromkeys(GOOD, "active")
    sentence = told(app)[bad.name]["error"]
    assert bad.says in sentence
    assert sentence.endswith(".")
    assert f"The plugin {bad.name} is quarantined: {code}: {sentence}" in log
    answer = ask(app, "things", bad.name)
    assert answer.status_code == 503, answer.text
    assert answer.get_json() == {
        "success": False,
        "error": f"The plugin {bad.name!r} is out of service. {sentence}",
        "code": code,
        "details": {"plugin": bad.name, "reason": code},
    }
    assert int(answer.headers["Retry-After"]) > 0
    assert_others_work(app)


def assert_others_work(app: Flask) -> None:
    """Assert that the core and the two plugins that work can read and write."""
    client = app.test_client()
    assert client.get("/readyz").status_code == 200
    assert client.get("/api/db/status").get_json()["initialized"] is True
    assert client.get("/nowhere").status_code == 404
    with app.app_context():
        role = db.session.get_one(Role, "global_user")
        user = User(username="somebody", email="somebody@example.org", role=role)
        db.session.add(user)
        db.session.commit()
        db.session.delete(user)
        db.session.commit()
    for name in GOOD:
        assert client.post(f"/api/plugin/{name}/items/three").status_code == 201
        answer = ask(app, "items", name)
        assert answer.status_code == 200, answer.text
        assert answer.get_json()["items"][:2] == [f"{name} one", f"{name} two"]
        assert command(app, name).output == f"{name} works\n"


def alike(everything: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Return what a database holds, but for what no two databases have in common."""

    def value(column: Any) -> Any:
        text = str(column)
        is_passing = (
            isinstance(column, datetime | float)
            or re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:", text)
            or re.fullmatch(r"[0-9a-f]{16}|[0-9a-f]{64}", text)  # fingerprints
        )
        return type(column).__name__ if is_passing else column

    def row(table: str, columns: Any) -> Any:
        if not isinstance(columns, tuple):
            return value(columns)
        if table in ("schema_revisions", "audit_log"):  # a sequence takes no number back
            columns = columns[1:]
        if table == "global_settings_state":  # it counts what is done and done again
            columns = (columns[0], *columns[2:])
        return tuple(map(value, columns))

    return {
        table: rows if table == "schema" else [row(table, columns) for columns in rows]
        for table, rows in everything.items()
    }


def without(everything: dict[str, list[Any]], name: str) -> dict[str, list[Any]]:
    """Return what a database holds, but for what belongs to a plugin."""
    belonging = re.compile(rf"\b(alembic_version_{name}|{name}(_\w+)?|\w+_{name}_\w+)\b")
    return {
        table: [row for row in rows if not belonging.search(str(row))]
        for table, rows in everything.items()
        if not belonging.fullmatch(table)
    }
