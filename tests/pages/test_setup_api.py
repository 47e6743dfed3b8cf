"""``docs/reference/setup-api.md``, carried out; with a second server for the states in between."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support import documented
from tests.support.machine import Machine
from tests.support.reader import Reader
from tests.support.waiting import until

OTHER = 8080
PLUGINS = {
    "mail": """
import time
from pathlib import Path

from deploystack.plugins import PluginMetadata, hookimpl


@hookimpl
def deploystack_metadata():
    return PluginMetadata(name="mail", version="2.1.0", description="Sends mail.")


@hookimpl
def deploystack_seed(session):
    while not Path("go-on").exists():
        time.sleep(0.02)


@hookimpl
def deploystack_database_ready(app):
    raise RuntimeError("no mail today")
""",
    "notes": """
from deploystack.plugins import PluginMetadata, hookimpl


@hookimpl
def deploystack_metadata():
    return PluginMetadata(name="notes", version="0.1.0", description="Items, listed and added.")
""",
}
"""One that holds setup up until there is a file, and then fails; and one that works."""


class Other:
    """A second server, with the two plugins, which is not set up yet.

    Args:
        machine: where it runs.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._command = f"DEPLOYSTACK_DATA_DIR=other PORT={OTHER} make run"
        folder = machine.folder / "plugins"
        folder.mkdir()
        for name, text in PLUGINS.items():
            (folder / f"{name}.py").write_text(text)
        machine.serve(f"DEPLOYSTACK_PLUGINS_PATH=plugins {self._command}")

    def restart(self) -> None:
        """Start it again, without the plugins."""
        self._machine.stop(OTHER)
        self._machine.serve(self._command)

    def ask(self, method: str, path: str, body: str | None = None) -> str:
        """Return what it answers, which is documented."""
        connection = http.client.HTTPConnection(self._machine.address(OTHER), timeout=60)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text, kind = answer.read().decode(), answer.headers.get_content_type()
            documented.check(method, path, answer.status, kind, dict(answer.headers), text)
            return text
        finally:
            connection.close()


@pytest.mark.page("reference/setup-api.md")
def test_the_page(reader: Reader, machine: Machine, rows: Callable[[str], list[Any]]) -> None:
    before = reader.take('{"success": false, "error": "No database')
    running = reader.take('{"success": true, "state": "running"')
    restart = reader.take('{"message": "Database setup successful, but')
    failed = reader.take('{"success": true, "data": [{"name": "mail"')
    warned = reader.take('{"status": "ready", "warnings"')
    machine.serve("make run")
    reader.follow()
    assert rows("SELECT id FROM roles ORDER BY id") == ["global_admin", "global_user"]

    other = Other(machine)
    reader.compare([other.ask("GET", "/readyz")], before)
    with ThreadPoolExecutor() as pool:
        done = pool.submit(other.ask, "POST", "/api/db/setup", '{"type": "sqlite"}')
        seeding = '"name": "mail", "label": null, "state": "running"'
        until(lambda: seeding in other.ask("GET", "/api/db/setup/progress"))
        reader.compare([other.ask("GET", "/api/db/setup/progress")], running)
        (machine.folder / "go-on").touch()
        reader.compare([done.result()], restart)
    reader.compare([other.ask("GET", "/api/plugins")], failed)

    store = "printf hunter22 | .venv/bin/flask settings set smtp.password --stdin"
    assert machine.run(f"export DEPLOYSTACK_DATA_DIR=other; {store}").code == 0
    (machine.folder / "other" / "encryption.key").unlink()
    other.restart()
    reader.compare([other.ask("GET", "/readyz")], warned)
