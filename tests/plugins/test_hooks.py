"""The hooks: each is documented as it is, and each is seen to fire as documented.

Two plugins write down every call they get, with its arguments and its process.
"""

from __future__ import annotations

import ast
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask import Flask

from deploystack import plugins as exported
from deploystack.database import get_database
from deploystack.plugins import hookspecs
from deploystack.plugins.rules import is_reserved
from tests.conftest import MakeApp, Serve
from tests.support.applications import command, set_up
from tests.support.ask import every_worker
from tests.support.commands import Commands
from tests.support.pages import DOCS, quoted, table
from tests.support.server import Server
from tests.test_docs import codes_in_code

PAGE = DOCS / "reference/plugins.md"
TEXT = PAGE.read_text("utf-8")
SPECS = Path(hookspecs.__file__)
HOOKS = [name for name in vars(hookspecs) if name.startswith("deploystack_")]
LOADING = [
    "deploystack_tables",
    "deploystack_migrations",
    "deploystack_settings",
    "deploystack_blueprints",
    "deploystack_commands",
]
WORKERS = 3

RECORDER = '''
import inspect, json, os
import click
import sqlalchemy as sa
from flask import Blueprint, current_app
from sqlalchemy.orm import Mapped, Session, mapped_column
from deploystack.plugins import *


def record(session=None, **arguments):
    """Write down which hook was called; each line is written at once."""
    if "app" in arguments:
        assert arguments["app"] is current_app._get_current_object()
    line = json.dumps({
        "plugin": "NAME",
        "hook": inspect.stack()[1].function,
        "pid": os.getpid(),
        "arguments": {
            name: [kind.__name__ for kind in type(value).__mro__]
            for name, value in arguments.items()
        },
        "rows": None if session is None else list(session.scalars(sa.select(Thing.text))),
    })
    with open(os.environ["RECORD"], "a") as file:
        file.write(line + "\\n")


class Thing(Model):
    __tablename__ = "NAME_thing"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(sa.String(20))


blueprint = Blueprint("NAME", __name__)


@blueprint.get("/pid")
def pid():
    return json_response({"pid": os.getpid()})


@hookimpl
def deploystack_metadata():
    record()
    return PluginMetadata(name="NAME", version="VERSION")


@hookimpl
def deploystack_tables():
    record()
    return [Thing]


@hookimpl
def deploystack_migrations():
    record()


@hookimpl
def deploystack_settings():
    record()
    return []


@hookimpl
def deploystack_blueprints():
    record()
    return [blueprint]


@hookimpl
def deploystack_commands(cli):
    record(cli=cli)
    cli.command("NAME-pid")(lambda: click.echo(os.getpid()))


@hookimpl
def deploystack_seed(session):
    assert isinstance(session, Session)
    record(session)
    if session.scalar(sa.select(Thing.id).limit(1)) is None:
        session.add(Thing(text="VERSION"))


@hookimpl
def deploystack_database_ready(app):
    record(db.session, app=app)


@hookimpl
def deploystack_shutdown(app):
    record(app=app)
'''


class Call(NamedTuple):
    """A call that a plugin got."""

    plugin: str
    hook: str
    pid: int
    arguments: dict[str, list[str]]
    rows: list[str] | None


class Recorders:
    """A folder with two plugins, ``alpha`` and ``beta``, and what they have written down.

    They are found in the other order: the names of their files are not theirs.

    Args:
        folder: where they go.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder.parent / "record"
        folder.mkdir()
        self.write("alpha", "1")
        self.write("beta", "1")
        self.forget()

    def write(self, name: str, version: str) -> None:
        """Write one of the plugins."""
        file = {"alpha": "z.py", "beta": "a.py"}[name]
        text = RECORDER.replace("NAME", name).replace("VERSION", version)
        (self.folder / file).write_text(text)

    def forget(self) -> None:
        """Begin anew."""
        self.file.write_text("")

    def calls(self, *hooks: str) -> list[Call]:
        """Return the calls in their order; those of ``hooks``, if any are named."""
        found = [Call(**json.loads(line)) for line in self.file.read_text().splitlines()]
        return [call for call in found if not hooks or call.hook in hooks]

    def told(self, *hooks: str) -> list[tuple[str, str]]:
        """Return which plugin was called, and for which hook."""
        return [(call.plugin, call.hook) for call in self.calls(*hooks)]

    def by_process(self, *hooks: str) -> dict[int, list[str]]:
        """Return which plugins were called in each process."""
        found = defaultdict(list)
        for call in self.calls(*hooks):
            found[call.pid].append(call.plugin)
        return dict(found)


@pytest.fixture
def recorders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorders:
    made = Recorders(tmp_path / "plugins")
    monkeypatch.setenv("RECORD", str(made.file))
    return made


@pytest.fixture
def make(make_app: MakeApp, recorders: Recorders) -> Callable[[], Flask]:
    """Make applications with the plugins."""
    return lambda: make_app(DEPLOYSTACK_PLUGINS_PATH=recorders.folder)


# --- Each hook fires as documented ------------------------------------------------------------

SHOWN: dict[str, list[str]] = defaultdict(list)
"""Which tests show a hook to fire."""


def shows(*hooks: str) -> Callable[[Any], Any]:
    """Say that a test shows these hooks to fire."""

    def mark(test: Any) -> Any:
        for hook in hooks:
            SHOWN[hook].append(test.__name__)
        return test

    return mark


@shows("deploystack_metadata", *LOADING)
def test_loading(make: Callable[[], Flask], recorders: Recorders) -> None:
    """Metadata of all first, as they are found; then the rest, plugin by plugin, by name."""
    app = make()

    assert recorders.told() == [
        ("beta", "deploystack_metadata"),
        ("alpha", "deploystack_metadata"),
        *(("alpha", hook) for hook in LOADING),
        *(("beta", hook) for hook in LOADING),
    ]
    assert {call.pid for call in recorders.calls()} == {os.getpid()}
    for call in recorders.calls():
        assert list(call.arguments) == (["cli"] if call.hook == "deploystack_commands" else [])
        assert all("Group" in kinds for kinds in call.arguments.values())
    assert command(app, "beta-pid").output == f"{os.getpid()}\n"
    recorders.forget()
    app.test_client().get("/api/plugins")
    assert recorders.told() == []  # once


@shows("deploystack_metadata", *LOADING)
def test_loading_in_a_command(recorders: Recorders, data_dir: Path, tmp_path: Path) -> None:
    """A ``flask`` command is a program of its own, and ends without having begun anything."""
    variables = {"RECORD": str(recorders.file), "DEPLOYSTACK_PLUGINS_PATH": str(recorders.folder)}
    commands = Commands(data_dir, tmp_path, **variables)

    [pid] = commands.succeed("alpha-pid").split()

    assert recorders.by_process("deploystack_metadata") == {int(pid): ["beta", "alpha"]}
    assert len(recorders.calls()) == 2 * len([*LOADING, "deploystack_metadata"])


@shows("deploystack_seed", "deploystack_database_ready", "deploystack_shutdown")
def test_life_in_a_process(
    make: Callable[[], Flask], recorders: Recorders, body: dict[str, str]
) -> None:
    app = make()
    recorders.forget()
    set_up(app, body)

    assert recorders.told() == [
        ("alpha", "deploystack_seed"),
        ("beta", "deploystack_seed"),
        ("alpha", "deploystack_database_ready"),
        ("beta", "deploystack_database_ready"),
    ]
    assert [call.rows for call in recorders.calls()] == [[], [], ["1"], ["1"]]
    assert all("Flask" in c.arguments["app"] for c in recorders.calls("deploystack_database_ready"))

    recorders.forget()
    get_database(app).close()
    get_database(app).close()
    assert recorders.told() == [
        ("alpha", "deploystack_shutdown"),
        ("beta", "deploystack_shutdown"),
    ]
    assert all("Flask" in call.arguments["app"] for call in recorders.calls())


@shows("deploystack_seed")
def test_the_seed_runs_again_after_an_upgrade_of_the_plugin(
    make: Callable[[], Flask], recorders: Recorders, body: dict[str, str]
) -> None:
    set_up(make(), body)
    recorders.forget()
    assert command(make(), "db", "upgrade").exit_code == 0
    assert recorders.told("deploystack_seed") == []

    recorders.write("beta", "2")
    assert command(make(), "db", "upgrade").exit_code == 0

    [call] = recorders.calls("deploystack_seed")
    assert (call.plugin, call.rows) == ("beta", ["1"])
    assert recorders.told("deploystack_database_ready", "deploystack_shutdown") == []


@shows("deploystack_database_ready")
def test_flask_db_setup_is_a_process_that_begins(
    make: Callable[[], Flask], recorders: Recorders
) -> None:
    assert command(make(), "db", "setup", "--type", "sqlite").exit_code == 0

    assert recorders.by_process("deploystack_database_ready") == {os.getpid(): ["alpha", "beta"]}


def recorded(serve: Serve, recorders: Recorders) -> Server:
    """Start a server with the plugins and several workers."""
    server = serve(
        WEB_CONCURRENCY=str(WORKERS),
        RECORD=str(recorders.file),
        DEPLOYSTACK_PLUGINS_PATH=str(recorders.folder),
    )
    server.until(lambda: len(server.workers()) == WORKERS)
    return server


def both(workers: set[int]) -> dict[int, list[str]]:
    """Return what each worker is expected to have done: told both plugins, in order."""
    return {worker: ["alpha", "beta"] for worker in workers}


def everyone(server: Server) -> set[int]:
    """Return the workers, each of which has answered for both plugins."""
    for name in ("alpha", "beta"):
        every_worker(server, f"/api/plugin/{name}/pid")
    return {worker.pid for worker in server.workers()}


@shows(*HOOKS)
def test_the_processes_of_a_server(
    serve: Serve,
    recorders: Recorders,
    new_body: Callable[[str], dict[str, str]],
    data_dir: Path,
    tmp_path: Path,
) -> None:
    server = recorded(serve, recorders)
    loading = ["deploystack_metadata", *LOADING]
    assert recorders.by_process(*loading) == {
        server.pid: ["beta", "alpha", *["alpha"] * len(LOADING), *["beta"] * len(LOADING)]
    }
    assert len(recorders.calls()) == 2 * len(loading)

    assert server.post("/api/db/setup", new_body("postgres")).status == 200
    workers = everyone(server)
    [(seeding, seeded)] = recorders.by_process("deploystack_seed").items()
    assert (seeding in workers, seeded) == (True, ["alpha", "beta"])
    begun = recorders.by_process("deploystack_database_ready")
    assert begun == both(workers)
    assert recorders.told()[2 * len(loading) :][:2] == [
        ("alpha", "deploystack_seed"),
        ("beta", "deploystack_seed"),
    ]

    # Another database: each worker binds again.
    Commands(data_dir, tmp_path).succeed("db", "reset", "--yes")
    recorders.forget()
    assert server.post("/api/db/setup", new_body("sqlite")).status == 200
    assert everyone(server) == workers
    begun = recorders.by_process("deploystack_database_ready")
    assert begun == both(workers)
    assert recorders.told("deploystack_shutdown") == []

    assert server.stop() == 0
    ended = recorders.by_process("deploystack_shutdown")
    assert ended == both(workers)


@shows("deploystack_database_ready", "deploystack_shutdown")
def test_each_worker_begins_at_the_start_of_a_site_that_is_set_up(
    serve: Serve, recorders: Recorders, make: Callable[[], Flask], body: dict[str, str]
) -> None:
    """Without having been asked anything; seeds do not run."""
    set_up(make(), body)
    recorders.forget()

    server = recorded(serve, recorders)

    expected = both({worker.pid for worker in server.workers()})
    server.until(lambda: recorders.by_process("deploystack_database_ready") == expected)
    assert recorders.told("deploystack_seed") == []
    assert server.stop() == 0
    assert recorders.by_process("deploystack_shutdown") == expected


def test_every_hook_is_shown_to_fire() -> None:
    assert set(HOOKS) == SHOWN.keys()
    assert [
        hook for hook, tests in SHOWN.items() if not all(name in globals() for name in tests)
    ] == []


# --- What is documented is what there is ------------------------------------------------------


def signatures() -> list[str]:
    """Return each hook with its arguments and what it returns, as the source says."""
    return [
        f"{node.name}({ast.unparse(node.args)}) -> {ast.unparse(node.returns)}"
        for node in ast.parse(SPECS.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.returns
    ]


def test_the_hooks_are_found() -> None:
    assert [signature.partition("(")[0] for signature in signatures()] == HOOKS
    assert "deploystack_metadata" in HOOKS


def test_every_hook_is_documented_with_its_signature() -> None:
    headings = re.findall(r"^### `(deploystack_.*)`$", TEXT, re.MULTILINE)

    assert sorted(headings) == sorted(signatures())


@pytest.mark.parametrize("name", HOOKS)
def test_each_hook_says_when_it_fires(name: str) -> None:
    text = getattr(hookspecs, name).__doc__

    assert re.search(r"\bFires (\w+ )*(once|first|in)\b", text), text


def test_everything_that_is_exported_is_documented_and_nothing_else() -> None:
    rows = table(PAGE, "name")
    named = [quoted(name) for row in rows for name in row["name"].split(", ")]

    assert sorted(named) == sorted(exported.__all__)


def test_every_code_of_a_plugin_is_in_the_table() -> None:
    rows = table(PAGE, "code")
    codes = [quoted(row["code"]) for row in rows]

    assert sorted(codes) == sorted(c for c in codes_in_code() if c.startswith("plugin_"))
    assert [row for row in rows if not all(row.values())] == []


def test_the_reserved_names_are_told() -> None:
    [row] = [row for row in table(PAGE, "what") if row["what"] == "name"]
    told = set(re.findall(r"`([a-z]+)`", row["rule"]))

    assert told == {name for name in [*told, "schema", "global", "users"] if is_reserved(name)}
