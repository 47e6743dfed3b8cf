"""``docs/how-to/write-a-plugin.md``, carried out on both databases."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import sqlalchemy as sa

from deploystack.plugins.scaffold import write
from tests.support.direct import Direct
from tests.support.pages import DOCS, blocks, code, quoted, section, table
from tests.support.postgres import Postgres
from tests.support.reader import Reader

PAGE = DOCS / "how-to" / "write-a-plugin.md"
TEXT = PAGE.read_text("utf-8")


@pytest.mark.page("how-to/write-a-plugin.md")
def test_the_page(reader: Reader, body: dict[str, str], postgres: Postgres) -> None:
    machine = reader.machine
    machine.export(DEPLOYSTACK_TEST_POSTGRES_URL=postgres.uri("postgres"))
    reader.instead = {'{"type": "sqlite"}': json.dumps(body)}
    direct = Direct(body, machine.folder / "persistent_data")

    reader.follow("A plugin in one file")
    assert direct.rows("SELECT text FROM notes_note") == ["hello"]
    plugins = json.loads(machine.run("curl http://127.0.0.1:3000/api/plugins").stdout)["data"]
    assert [(plugin["name"], plugin["version"], plugin["state"]) for plugin in plugins] == [
        ("notes", "1.0", "active")
    ]

    reader.follow("Tutorial")
    assert [line for line in reader.done if not line.startswith(("curl", "."))] == [
        "DEPLOYSTACK_PLUGINS_PATH=plugins make run",
        "rm plugins/notes.py",
        "flask db reset --yes --delete-data",
        "flask plugins new notes",
        "pip install --no-build-isolation --no-deps -e deploystack-notes",
        "make run",
        "flask plugins show notes",
        "python -m pytest deploystack-notes",
        'flask plugins migrate notes -m "add is_done"',
        "make run",
        "flask plugins history notes",
    ]
    assert direct.rows("SELECT name FROM notes_item ORDER BY id") == ["First", "Second", "Mine"]
    assert "is_done" in {
        each["name"] for each in sa.inspect(direct.engine).get_columns("notes_item")
    }
    [revision] = direct.rows("SELECT version_num FROM alembic_version_notes")
    log = "SELECT revision FROM schema_revisions WHERE history = 'notes' ORDER BY id"
    assert direct.rows(log) == ["ab5aa97074c4", revision]


def test_the_generated_files_are_listed(tmp_path: Path) -> None:
    generated = write("notes", tmp_path)
    files = {str(path.relative_to(generated)) for path in generated.rglob("*") if path.is_file()}
    rows = table(PAGE, "file in `deploystack-notes/`")
    listed = {quoted(name) for row in rows for name in re.split(", ", next(iter(row.values())))}

    def is_listed(file: str) -> bool:
        return file in listed or f"{Path(file).parent}/" in listed

    assert [file for file in files if not is_listed(file)] == []
    assert [name for name in listed if not (generated / name).exists()] == []


def test_a_plugin_in_one_file_is_short() -> None:
    [source] = [b.text for b in blocks(section(TEXT, "A plugin in one file")) if b[0] == "python"]

    assert len([line for line in source.splitlines() if line.strip()]) <= 30


def test_commands_in_running_text_are_complete() -> None:
    """No command of the page leaves out what it needs: each can be split as a shell does."""
    for text in code(TEXT):
        if text.startswith(("flask ", "pip ", "python ")) and "…" not in text:
            assert shlex.split(text.partition("#")[0])
