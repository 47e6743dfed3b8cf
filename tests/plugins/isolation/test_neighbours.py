"""Plugins that get in each other's way: names, classes and tables of somebody else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

from deploystack.database import get_database
from tests.plugins.isolation.catalogue import MINE, ROUTES, THING, hook, tables
from tests.plugins.isolation.conftest import Running, Start
from tests.support.applications import command, set_up
from tests.support.plugins import (
    WORKING,
    Folder,
    ask,
    assert_others_work,
    states,
)
from tests.support.server import ROOT

SQLITE = {"type": "sqlite"}
UNRETURNED = "\n@hookimpl\ndef deploystack_tables():\n    return []\n"
INTRUDERS = {
    "its table": MINE.replace("NAME_mine", "VICTIM_item"),
    "its table without its columns": "Mine = sa.Table('VICTIM_shelf', Model.metadata, sa.Column('x'))",
    "a class of the same name in its name": MINE.replace("NAME_mine", "VICTIM_more").replace(
        "class Mine", "class Item"
    ),
    "a class in its name that cannot be mapped": MINE.replace("NAME_mine", "VICTIM_more")
    + "x: Mapped['Nothing'] = relationship()",
    "a class in its name that cannot be mapped, related to the core": MINE.replace(
        "NAME_mine", "VICTIM_more"
    )
    + "user_id = sa.Column(sa.ForeignKey('users.id'))\n    user: Mapped[User] = relationship()\n"
    "    x: Mapped['Nothing'] = relationship()",
    "a class in its name, and cannot be imported": MINE.replace("NAME_mine", "VICTIM_more")
    + "x: Mapped['Nothing'] = relationship()\n\n\nraise ValueError",
}


@pytest.mark.parametrize(
    ("fruit", "is_returned"),
    [("apricots", False), ("plums", True)],
    ids=["before, not returned", "after, returned"],
)
@pytest.mark.parametrize("what", INTRUDERS)
def test_a_table_declared_in_the_name_of_another(
    folder: Folder, start: Start, what: str, fruit: str, is_returned: bool
) -> None:
    """Both plugins live in one process, so what one declares must not meet the other's."""
    # A name of its own for each test: they share a process, too.
    victim = f"{fruit}{list(INTRUDERS).index(what)}{int(is_returned)}"
    folder.add(victim, WORKING)
    text = INTRUDERS[what].replace("VICTIM", victim)
    given = "[Item]" if "class Item" in text else "[Mine]"
    folder.add("bad", tables(text, given) if is_returned else text + UNRETURNED)
    app = start()
    app.test_client().post("/api/db/setup", json=SQLITE)

    found = states(app)
    assert found[victim] == "active"
    assert ask(app, "items", victim).json["items"] == [f"{victim} one", f"{victim} two"]
    if is_returned:
        assert found["bad"].startswith("quarantined")
    assert_others_work(app)


def test_a_name_that_is_taken(folder: Folder, start: Start) -> None:
    """The one in the first file is used; the other's tables, rows and routes are not."""
    other = WORKING.replace('"one"', '"other"').replace("/items", "/others")
    folder.add("pears", other, file="zpears")
    app = start()
    answer = app.test_client().post("/api/db/setup", json=SQLITE)

    assert answer.json["restart_required"] is True
    plugins = app.test_client().get("/api/plugins").json["data"]
    assert [(p["name"], p["state"], p["code"]) for p in plugins] == [
        ("apples", "active", None),
        ("pears", "active", None),
        ("pears", "quarantined", "plugin_name_taken"),
    ]
    assert "'pears'" in plugins[2]["error"]
    assert ask(app, "others", "pears").status_code == 404
    assert_others_work(app)


def test_a_name_that_is_claimed_by_one_that_is_refused(folder: Folder, start: Start) -> None:
    folder.add("pears", WORKING, file="zpears", version="")
    app = start()
    set_up_but(app)

    assert ask(app, "items", "pears").status_code == 200
    assert_others_work(app)


def set_up_but(app: Flask) -> None:
    """Set up, though a plugin is out of service."""
    answer = app.test_client().post("/api/db/setup", json=SQLITE)
    assert (answer.status_code, answer.json["restart_required"]) == (200, True)


def test_a_name_that_begins_like_another(folder: Folder, start: Start) -> None:
    folder.add("pear", WORKING)
    app = start()
    set_up(app, SQLITE)
    assert set(states(app).values()) == {"active"}
    assert ask(app, "items", "pear").json["items"] == ["pear one", "pear two"]

    folder.add("pear", WORKING + hook("database_ready(app)", "raise ValueError"))
    get_database(app).close()
    app = start()
    assert states(app) == {
        "apples": "active",
        "pear": "quarantined plugin_ready_failed",
        "pears": "active",
    }
    assert_others_work(app)
    get_database(app).close()
    app = start(DEPLOYSTACK_PLUGINS_DISABLED="pear")
    assert command(app, "plugins", "purge", "pear", "--yes").exit_code == 0
    assert states(app) == {"apples": "active", "pear": "disabled", "pears": "active"}
    assert_others_work(app)


@pytest.mark.parametrize("name", ["pear", "pearsandmore"])
def test_what_belongs_to_one_whose_name_begins_alike(
    folder: Folder, start: Start, name: str
) -> None:
    for text, code in (
        (tables(MINE.replace("NAME_mine", "pears_mine")), "plugin_table_invalid"),
        (
            tables(f"{MINE}x = sa.Column(sa.ForeignKey('pears_item.id'))"),
            "plugin_foreign_key_invalid",
        ),
        (
            hook(
                "blueprints()",
                f"return [Blueprint('{name}', __name__, url_prefix='/api/plugin/pears')]",
            ),
            None,
        ),
    ):
        folder.add(name, text)
        app = start()
        answer = app.test_client().get("/api/plugins").json["data"]
        codes = {plugin["name"]: plugin["code"] for plugin in answer}
        assert codes == {"apples": None, "pears": None, name: code}


def test_the_command_of_another(folder: Folder, start: Start) -> None:
    """A plugin is not out of service because another one took its command."""
    folder.add("bad", hook("commands(cli)", "cli.command('pears')(lambda: click.echo('mine'))"))
    app = start()
    set_up_but(app)

    assert states(app)["bad"] == "quarantined plugin_command_invalid"
    assert_others_work(app)


REACHING = """
import sys
from pathlib import Path

from deploystack import create_app
from deploystack.models import User
from tests.support.plugins import assert_others_work, states

app = create_app({"DEPLOYSTACK_DATA_DIR": sys.argv[1], "DEPLOYSTACK_PLUGINS_PATH": sys.argv[2]})
answer = app.test_client().post("/api/db/setup", json={"type": "sqlite"})
assert (answer.status_code, answer.json["restart_required"]) == (200, True)
found = states(app)
assert found.pop("apples") == found.pop("pears") == "active"
assert len(found) == 3
assert all(state.startswith("quarantined") for state in found.values()), found
assert not hasattr(User, "things")
assert_others_work(app)
"""


def test_a_relationship_that_reaches_into_the_core(folder: Folder, data_dir: Path) -> None:
    """The core's class gets no attribute that leads to a table that is not there.

    In a process of its own, which nobody else's tests share.
    """
    for i, given in enumerate(
        (
            "User, backref='things'",
            "lambda: User, backref='things'",
            "User, back_populates='things'",
        )
    ):
        key = 'sa.ForeignKey("users.id"))\n'
        user = f"    user: Mapped[User | None] = relationship({given})\n"
        text = THING.replace(key, key + user) + hook("seed(session)", "raise ValueError")
        folder.add(f"bad{i}", text)
    ended = subprocess.run(
        [sys.executable, "-c", REACHING, data_dir, folder.path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr


def test_a_newer_version_that_cannot_be_compiled(
    running: Running, folder: Folder, start: Start
) -> None:
    """Its tables are there and were recorded; the new declaration is looked at before anything."""
    folder.add("bad", THING + ROUTES)
    app = start(DEPLOYSTACK_DATA_DIR=running.data_dir)
    assert states(app)["bad"] == "active"
    get_database(app).close()

    folder.add(
        "bad", THING.replace("primary_key=True)", "primary_key=True)\n    x = sa.Column()") + ROUTES
    )
    app = start(DEPLOYSTACK_DATA_DIR=running.data_dir)
    assert states(app)["bad"].startswith("quarantined")
    assert command(app, "plugins", "list").exit_code == 0
    assert_others_work(app)


def test_files_that_are_no_plugins(folder: Folder, start: Start) -> None:
    """A module of the standard library is not replaced by a plugin's file of its name."""
    folder.add("bad", WORKING, file="json")
    (folder.path / "_private.py").write_text("raise ValueError")
    (folder.path / ".hidden.py").write_text("raise ValueError")
    (folder.path / "notes.txt").write_text("raise ValueError")
    (folder.path / "empty").mkdir()
    (folder.path / "gone.py").symlink_to(folder.path / "nowhere")
    app = start()
    set_up(app, SQLITE)

    import json

    assert json.loads("{}") == {}
    assert set(states(app)) == {"apples", "bad", "pears"}
    assert_others_work(app)
