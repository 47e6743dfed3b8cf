"""``docs/reference/plugins.md``, carried out with the plugin that ``flask plugins new`` writes."""

from __future__ import annotations

import ast
import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from deploystack import plugins as exported
from tests.pages.conftest import restart
from tests.support.machine import Machine
from tests.support.postgres import Postgres
from tests.support.reader import Reader

Rows = Callable[[str], list[Any]]
REVISIONS = """
@hookimpl
def deploystack_migrations() -> Path:
    \"""Return the folder of its revisions.\"""
    return Path(__file__).with_name("migrations")

"""
FAILS = """

@hookimpl
def deploystack_database_ready(app: object) -> None:
    if Path("away").exists():
        raise RuntimeError("what it needs is away")
"""
"""Appended to the plugin, so that it cannot begin while there is a file."""


@pytest.mark.page("reference/plugins.md")
def test_the_page(reader: Reader, owned: Machine, rows: Rows, postgres: Postgres) -> None:
    owned.export(DEPLOYSTACK_TEST_POSTGRES_URL=postgres.uri("postgres"), WEB_CONCURRENCY="1")
    are_the_classes(reader.take("PluginMetadata("))
    plugin = owned.folder / "deploystack-notes" / "deploystack_notes"
    hooks, models = plugin / "__init__.py", plugin / "models.py"

    def succeed(commands: str) -> str:
        ended = owned.run(commands)
        assert ended.code == 0, ended.stdout + ended.stderr
        return ended.stdout

    # A site with the plugin, which has no revisions yet.
    succeed(
        ". .venv/bin/activate; flask plugins new notes; rm -r deploystack-notes/*/migrations; "
        "pip install --no-build-isolation --no-deps -e deploystack-notes"
    )
    assert REVISIONS in hooks.read_text()
    hooks.write_text(hooks.read_text().replace(REVISIONS, "") + FAILS)
    reader.follow("Documenting routes")
    restart(owned)
    curl = (
        "TOKEN=$(flask tokens create --user alice --name notes --scope notes.delete); "
        'curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:3000/api'
    )
    removed = json.loads(succeed(f"{curl}/plugin/notes/items/1 -X DELETE"))
    assert removed["name"] == "First"
    paths = json.loads(succeed(f"{curl}/openapi.json"))["paths"]
    operation = paths["/api/plugin/notes/items/{item_id}"]["delete"]
    assert operation["summary"] == "Remove an item"
    assert {"200", "401", "403", "404", "503"} <= operation["responses"].keys()

    # Its table changes, and so it gets revisions; then it changes again.
    def add_column(name: str) -> None:
        with models.open("a") as file:
            file.write(f"    {name}: Mapped[bool] = mapped_column(server_default=sa.false())\n")

    owned.stop()
    hooks.write_text(hooks.read_text().replace(FAILS, REVISIONS + FAILS))
    add_column("is_done")
    afterwards = reader.take('flask plugins migrate notes -m "say')
    reader.follow("The life of tables")
    add_column("is_late")
    succeed(afterwards)
    written = {path.stem.split("_", 3)[3] for path in (plugin / "migrations").glob("*.py")}
    assert written == {
        "tables_as_they_were",
        "add_is_done",
        "say_what_has_changed",
        "fill_the_column",
    }
    assert rows("SELECT name, is_done, is_late FROM notes_item ORDER BY id") == [
        ("Second", 0, 0),
        ("First", 0, 0),
    ]

    # It cannot begin, and then it can.
    (owned.folder / "away").touch()
    restart(owned)
    reader.follow("Quarantine")
    (owned.folder / "away").unlink()
    succeed("flask plugins retry notes")
    assert "Second" in succeed(f"{curl}/plugin/notes/items")
    reader.follow("What an operator sees")

    reader.follow("Testing")
    reader.follow("The example")
    assert "example" in succeed("flask plugins list")


def are_the_classes(example: str) -> None:
    """Hold the classes to what the page says of their keywords and defaults."""
    calls = [node.value for node in ast.parse(example).body if isinstance(node, ast.Expr)]
    assert len(calls) == 3
    for call in calls:
        assert isinstance(call, ast.Call)
        fields = dataclasses.fields(getattr(exported, ast.unparse(call.func)))
        assert [keyword.arg for keyword in call.keywords] == [field.name for field in fields]
        for keyword, field in zip(call.keywords, fields, strict=True):
            if field.default is not dataclasses.MISSING:
                assert ast.literal_eval(keyword.value) == field.default
