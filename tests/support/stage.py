"""Servers in every state that a page is shown in, each started when it is first asked for.

with Stage(folder) as stage:
    stage.server("ready")
"""

from __future__ import annotations

import contextlib
import http.client
import shutil
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from deploystack.testing.ports import HOST, free_port
from tests.support.people import PERSON, REGISTER
from tests.support.postgres import Postgres, external_or_private
from tests.support.server import ROOT, Server

EXAMPLE = ROOT / "examples" / "deploystack-example" / "deploystack_example"
BROKEN = """
from pathlib import Path

from deploystack.plugins import PluginMetadata, hookimpl


@hookimpl
def deploystack_metadata():
    return PluginMetadata(name="broken", version="0.3.1", description="Cannot begin.")


@hookimpl
def deploystack_database_ready(app):
    if not Path(__file__).with_name("mended").exists():
        raise RuntimeError("its own server is not there")
"""
"""A plugin that is out of service until there is a file ``mended`` beside it."""

GATED = """
import time
from pathlib import Path

from deploystack.plugins import PluginMetadata, hookimpl

HERE = Path(__file__).parent


@hookimpl
def deploystack_metadata():
    return PluginMetadata(name="gated", version="1.0", description="Waits in its seed.")


@hookimpl
def deploystack_seed(session):
    (HERE / "waiting").touch()
    while not (HERE / "open").exists():
        time.sleep(0.02)
"""
"""A plugin that holds a setup up until there is a file ``open`` beside it."""


class Stage:
    """All the servers, over folders of their own.

    Args:
        folder: an empty place for them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._servers: dict[str, Server] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @cached_property
    def postgres(self) -> Postgres:
        """A PostgreSQL server to make databases in."""
        return self._stack.enter_context(external_or_private())

    def server(self, kind: str) -> Server:
        """Return the server of a kind, running.

        Args:
            kind: a key of :data:`KINDS`. ``sqlite`` and ``postgres`` are set up and have plugins
                and an administrator; on SQLite one of the plugins is out of service.
        """
        if kind not in self._servers:
            self._servers[kind] = KINDS[kind](self, self.folder / kind)
        return self._servers[kind]

    def at_the_end(self, call: Callable[[], object]) -> None:
        """Have something called before the servers that are there now are ended."""
        self._stack.callback(call)

    def fresh(self, name: str, variables: Mapping[str, str] | None = None) -> Server:
        """Start a server over an empty folder of its own."""
        return self.start(self.folder / name, variables or {})

    def start(self, home: Path, variables: Mapping[str, str]) -> Server:
        """Start a server whose data is below ``home``, which is made if need be."""
        home.mkdir(parents=True, exist_ok=True)
        server = Server(home / "data", dict(variables))
        self._stack.callback(server.kill)
        server.start()
        return server


def set_up(server: Server, body: Mapping[str, str]) -> None:
    """Choose the database of a server, without a browser."""
    answer = server.post("/api/db/setup", body)
    assert answer.status == 200, answer.text


def make_administrator(server: Server) -> None:
    """Make the first account of a server, `PERSON`, without a browser."""
    answer = server.post(REGISTER, PERSON)
    assert answer.status == 201, answer.text


def plugins(home: Path, *, is_well: bool = False) -> dict[str, str]:
    """Put two plugins below ``home``, or only the one that is well; return the variable."""
    folder = home / "plugins"
    shutil.copytree(EXAMPLE, folder / EXAMPLE.name)
    if not is_well:
        (folder / "broken.py").write_text(BROKEN)
    return {"DEPLOYSTACK_PLUGINS_PATH": str(folder)}


class Gate:
    """What holds the setup of a server up, until it is opened.

    Args:
        home: an empty folder, or one that is to be made.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "plugins"
        self._folder.mkdir(parents=True)
        (self._folder / "gated.py").write_text(GATED)

    @property
    def variables(self) -> dict[str, str]:
        """The variables for the server."""
        return {"DEPLOYSTACK_PLUGINS_PATH": str(self._folder)}

    @property
    def is_reached(self) -> bool:
        """Whether a setup has come to it."""
        return (self._folder / "waiting").exists()

    def open(self) -> None:
        """Let every setup go on."""
        (self._folder / "open").touch()


def _new(stage: Stage, home: Path) -> Server:
    return stage.start(home, {})


def _guarded(stage: Stage, home: Path) -> Server:
    return stage.start(home, {"DEPLOYSTACK_SETUP_TOKEN_MODE": "always"})


def _unreadable(stage: Stage, home: Path) -> Server:
    (home / "data").mkdir(parents=True)
    (home / "data" / "db.selection.json").write_text("{")
    return stage.start(home, {})


def _away(stage: Stage, home: Path) -> Server:
    uri = f"postgresql://u:p@{HOST}:{free_port()}/d"
    return stage.start(home, {"DEPLOYSTACK_DATABASE_URL": uri})


def _running(stage: Stage, home: Path) -> Server:
    gate = Gate(home)
    server = stage.start(home, gate.variables)
    thread = threading.Thread(target=server.post, args=["/api/db/setup", {"type": "sqlite"}])
    thread.start()
    # The last to be put down is the first to be done: the setup ends before the server does.
    stage.at_the_end(thread.join)
    stage.at_the_end(gate.open)
    server.until(lambda: gate.is_reached, 20)
    return server


def _interrupted(stage: Stage, home: Path) -> Server:
    gate = Gate(home)
    server = stage.start(home, gate.variables)

    def lost() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            server.post("/api/db/setup", {"type": "sqlite"})

    thread = threading.Thread(target=lost)
    thread.start()
    server.until(lambda: gate.is_reached, 20)
    server.kill()
    thread.join()
    server.start()
    return server


def _ownerless(stage: Stage, home: Path) -> Server:
    server = stage.start(home, {})
    set_up(server, {"type": "sqlite"})
    return server


def _sqlite(stage: Stage, home: Path) -> Server:
    server = stage.start(home, plugins(home))
    set_up(server, {"type": "sqlite"})
    make_administrator(server)
    return server


def _postgres(stage: Stage, home: Path) -> Server:
    server = stage.start(home, plugins(home, is_well=True))
    uri = stage.postgres.create_database()
    set_up(server, {"type": "postgres", "connectionString": uri})
    make_administrator(server)
    return server


KINDS: dict[str, Callable[[Stage, Path], Server]] = {
    "new": _new,
    "guarded": _guarded,
    "unreadable": _unreadable,
    "away": _away,
    "running": _running,
    "interrupted": _interrupted,
    "ownerless": _ownerless,
    "sqlite": _sqlite,
    "postgres": _postgres,
}
