"""``docs/how-to/write-a-plugin.md``, followed to the letter: its blocks are carried out.

A reader has a folder with ``wsgi.py`` and an environment in ``.venv``, as a checkout has. The
environment is a throw-away one that sees what is installed in the real one, so that a plugin is
really installed and nothing of it stays.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from deploystack.plugins.scaffold import write
from tests.support.direct import Direct
from tests.support.pages import DOCS, blocks, code, parse_curl, quoted, section, table
from tests.support.postgres import Postgres
from tests.support.server import ROOT, Server

PAGE = DOCS / "how-to" / "write-a-plugin.md"
TEXT = PAGE.read_text("utf-8")
REFERENCE = (DOCS / "reference" / "plugins.md").read_text("utf-8")
REVISION = "05205063ecf1"
"""What the page calls a revision whose id differs each time."""

PLACES = {
    "write": r"[Pp]ut this into `([^`]+)`:$",
    "append": r"[Aa]dd this at the end of the class in `([^`]+)`:$",
    "compare": r"In `([^`]+)` you find:$",
}
"""How the text before a block of Python names a file, and says what to do."""


class Reader:
    """Someone who does what a section of the page says, block by block.

    Args:
        folder: where: as if it were DeployStack's own.
        data_dir: the data folder.
        body: what is sent to set up, in place of what the page sends.
        python: the Python of the environment.
        variables: more variables for commands.
    """

    def __init__(
        self, folder: Path, data_dir: Path, body: dict[str, str], python: Path, **variables: str
    ) -> None:
        self.folder = folder
        self.done: list[str] = []
        self.server: Server | None = None
        self._data_dir = data_dir
        self._body = body
        self._python = python
        self._activate = ""
        self._ids: dict[str, str] = {}
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("DEPLOYSTACK_", "PG"))},
            **variables,
            "DEPLOYSTACK_DATA_DIR": str(data_dir),
            "PATH": os.defpath,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INDEX": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        shutil.copy(ROOT / "wsgi.py", folder)

    def follow(self, text: str) -> None:
        """Do what each block says; where a block shows what comes out, compare."""
        end, output = 0, None
        for block in blocks(text):
            before = text[end : block.start].strip()
            end = block.end
            match block.language:
                case "sh":
                    output = "".join(self._run(line, before) for line in _commands(block.text))
                    for own in re.findall(r"Generating \S*_([0-9a-f]{12})_", output):
                        self._ids[own] = REVISION
                case "json" | "text":
                    assert not before, "what shows an output follows the command"
                    assert output is not None
                    assert self._alike(output) == self._alike(block.text)
                case "python":
                    self._edit(" ".join(before.split()), block.text)
                case other:
                    pytest.fail(f"a block in {other or 'no language'}")

    def close(self) -> None:
        """Stop the server."""
        if self.server:
            self.server.kill()

    def _run(self, command: str, before: str) -> str:
        self.done.append(command)
        if command.startswith(". "):
            self._activate = f"{command}\n"
            return ""
        if command.endswith("make run"):
            self._serve(dict(word.split("=") for word in command.split()[:-2]), before)
            return ""
        if command.startswith("curl "):
            return self._ask(command)
        ended = subprocess.run(
            ["sh", "-e", "-c", self._activate + command],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == 0, f"{command}\n{ended.stdout}{ended.stderr}"
        return ended.stdout

    def _serve(self, variables: dict[str, str], before: str) -> None:
        if self.server:
            assert "Ctrl-C" in before
            assert self.server.stop(signal.SIGINT) == 0
        command = [str(self._python), "-m", "deploystack"]
        self.server = Server(self._data_dir, variables, command, self.folder)
        self.server.start()

    def _ask(self, command: str) -> str:
        method, path, headers, data = parse_curl(command)
        if path == "/api/db/setup":
            assert data
            assert json.loads(data) == {"type": "sqlite"}
            data = json.dumps(self._body)
        assert self.server
        answer = self.server.request(method, path, data.encode() if data else None, dict(headers))
        assert answer.status < 300, answer.text
        return answer.text

    def _edit(self, before: str, text: str) -> None:
        [(what, name)] = [
            (what, found[1])
            for what, place in PLACES.items()
            if (found := re.search(place, before))
        ]
        if what == "write":
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            return
        [path] = self.folder.glob(name.replace("…", "*"))
        source = path.read_text()
        if what == "append":
            indent = re.findall(r"^ *", source.rstrip("\n").rpartition("\n")[2])[0]
            path.write_text(source + "".join(f"{indent}{line}\n" for line in text.splitlines()))
        else:
            own = {ast.dump(node) for node in ast.parse(source).body}
            assert {ast.dump(node) for node in ast.parse(text).body} <= own

    def _alike(self, text: str) -> Any:
        """Return an output without what differs each time."""
        for own, shown in self._ids.items():
            text = text.replace(own, shown)
        text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", "TIME", text)
        text = re.sub(r"Generating \S*/(deploystack-\S*/)\d+_\d+_", r"Generating …/\1", text)
        try:
            return json.loads(text)
        except ValueError:
            return text.split()


def _commands(text: str) -> list[str]:
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that stands for DeployStack's own."""
    made = tmp_path / "deploystack"
    made.mkdir()
    return made


@pytest.fixture
def environment(folder: Path) -> Path:
    """The Python of an environment in which plugins can be installed; what we have is there."""
    home = folder / ".venv"
    venv.create(home, with_pip=False, symlinks=True)
    scripts = home / "bin"
    paths = {"base": str(home), "platbase": str(home)}
    site_packages = Path(sysconfig.get_path("purelib", "venv", vars=paths))
    # Not system_site_packages, which would be those that .venv was made from.
    site_packages.joinpath("ours.pth").write_text(
        f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    )
    for name in ("flask", "pip"):
        (scripts / name).write_text(f'#!/bin/sh\nexec "{scripts}/python" -m {name} "$@"\n')
        (scripts / name).chmod(0o755)
    return scripts / "python"


@pytest.fixture
def reader(
    folder: Path,
    environment: Path,
    data_dir: Path,
    body: dict[str, str],
    postgres: Postgres,
) -> Iterator[Reader]:
    """A reader with an environment; the plugin's own tests need not start another server."""
    url = postgres.uri("postgres")
    made = Reader(folder, data_dir, body, environment, DEPLOYSTACK_TEST_POSTGRES_URL=url)
    yield made
    made.close()


@pytest.fixture
def generated(tmp_path: Path) -> Path:
    """What ``flask plugins new notes`` writes."""
    return write("notes", tmp_path)


def test_the_tutorial(reader: Reader, body: dict[str, str], data_dir: Path) -> None:
    reader.follow(section(TEXT, "Tutorial"))

    assert [line for line in reader.done if not line.startswith(("curl", "."))] == [
        "flask plugins new notes",
        "pip install --no-build-isolation --no-deps -e deploystack-notes",
        "make run",
        "flask plugins show notes",
        "python -m pytest deploystack-notes",
        'flask plugins migrate notes -m "add is_done"',
        "make run",
        "flask plugins history notes",
    ]
    direct = Direct(body, data_dir)
    assert direct.rows("SELECT name FROM notes_item ORDER BY id") == ["First", "Second", "Mine"]
    columns = {column["name"] for column in sa.inspect(direct.engine).get_columns("notes_item")}
    assert "is_done" in columns
    [revision] = direct.rows("SELECT version_num FROM alembic_version_notes")
    assert direct.rows(
        "SELECT revision FROM schema_revisions WHERE history = 'notes' ORDER BY id"
    ) == [
        "ab5aa97074c4",
        revision,
    ]
    assert reader.server
    assert reader.server.stop() == 0


def test_the_generated_files_are_listed(generated: Path) -> None:
    files = {str(path.relative_to(generated)) for path in generated.rglob("*") if path.is_file()}
    rows = table(PAGE, "file in `deploystack-notes/`")
    listed = {quoted(name) for row in rows for name in re.split(", ", next(iter(row.values())))}

    def is_listed(file: str) -> bool:
        return file in listed or f"{Path(file).parent}/" in listed

    assert [file for file in files if not is_listed(file)] == []
    assert [name for name in listed if not (generated / name).exists()] == []


def test_the_tests_of_the_page_pass(generated: Path, postgres: Postgres) -> None:
    [tests] = [b.text for b in blocks(section(REFERENCE, "Testing")) if b.language == "python"]
    [written] = (generated / "tests").glob("*.py")
    written.write_text(tests)

    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", generated],
        cwd=generated,
        env={**os.environ, "DEPLOYSTACK_TEST_POSTGRES_URL": postgres.uri("postgres")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout
    assert "4 passed" in ended.stdout  # two tests, each on both databases


def test_a_plugin_in_one_file(folder: Path, data_dir: Path, body: dict[str, str]) -> None:
    reader = Reader(folder, data_dir, body, Path(sys.executable))
    try:
        reader.follow(section(TEXT, "A plugin in one file"))
        assert reader.server
        assert [
            (plugin["name"], plugin["version"], plugin["state"])
            for plugin in reader.server.get("/api/plugins").json["data"]
        ] == [("notes", "1.0", "active")]
    finally:
        reader.close()


def test_a_plugin_in_one_file_is_short() -> None:
    [source] = [b.text for b in blocks(section(TEXT, "A plugin in one file")) if b[0] == "python"]

    assert len([line for line in source.splitlines() if line.strip()]) <= 30


def test_commands_in_running_text_are_complete() -> None:
    """No command of the page leaves out what it needs: each can be split as a shell does."""
    for text in code(TEXT):
        if text.startswith(("flask ", "pip ", "python ")) and "…" not in text:
            assert shlex.split(text.partition("#")[0])
