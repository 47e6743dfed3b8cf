"""The file with the choice of database: its form, and that missing is not unreadable."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from deploystack.database import selection
from deploystack.database.problems import DatabaseProblem
from deploystack.database.target import PostgresTarget, SqliteTarget, Target
from tests.conftest import MakeApp
from tests.support.direct import Direct
from tests.support.files import entry
from tests.support.server import ROOT

SETUP = "/api/db/setup"
SQLITE = {"type": "sqlite"}
READY = {"configured": True, "initialized": True, "dialect": "sqlite"}
UNREADABLE = {"configured": True, "initialized": False, "dialect": None}
ELSEWHERE = PostgresTarget(
    {"host": "127.0.0.1", "port": "1", "dbname": "ä", "user": "u", "password": "c4nary"}
)


@pytest.fixture
def path(client: FlaskClient, data_dir: Path) -> Path:
    """The selection of an application that is set up on SQLite."""
    assert client.post(SETUP, json=SQLITE).status_code == 200
    return data_dir / "db.selection.json"


def forge(path: Path, body: dict[str, Any]) -> None:
    """Write ``body`` with a checksum that fits."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    checksum = "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()
    path.write_text(json.dumps(body | {"checksum": checksum}))


def stays_closed(client: FlaskClient, path: Path) -> None:
    """See the state "unreadable", setup refused, and the file left as it is."""
    before = entry(path)
    assert client.get("/api/db/status").json == UNREADABLE
    for route in (SETUP, "/api/db/check"):
        response = client.post(route, json=SQLITE)
        assert (response.status_code, response.json["code"]) == (503, "selection_unreadable")
        assert int(response.headers["Retry-After"]) > 0
        assert "db.selection.json" in response.json["error"]
    assert client.get("/readyz").json["code"] == "selection_unreadable"
    assert entry(path) == before


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_what_is_written(make_app: MakeApp, data_dir: Path, umask: int) -> None:
    data_dir.mkdir(mode=0o755)
    previous = os.umask(umask)
    try:
        assert make_app().test_client().post(SETUP, json=SQLITE).status_code == 200
    finally:
        os.umask(previous)

    written = json.loads((data_dir / "db.selection.json").read_text())
    assert set(written) == {"version", "type", "checksum"}
    assert (written["version"], written["type"]) == (1, "sqlite")
    forge(forged := data_dir.parent / "forged", {"version": 1, "type": "sqlite"})
    assert json.loads(forged.read_text()) == written
    for place in (data_dir, *data_dir.rglob("*")):
        assert stat.S_IMODE(place.stat().st_mode) == (0o700 if place.is_dir() else 0o600)


@pytest.mark.parametrize(
    "target", [SqliteTarget(Path("/d")), ELSEWHERE], ids=["sqlite", "postgres"]
)
def test_what_is_written_is_read_and_nothing_less(tmp_path: Path, target: Target) -> None:
    """No byte can be changed, and none be missing, without being noticed."""
    path = tmp_path / "db.selection.json"
    selection.Draft(path, target).publish()
    assert selection.read(path, Path("/d")) == target
    content = path.read_bytes()
    assert len(content) > 100

    damaged = [content[:length] for length in range(len(content))]
    for place in range(len(content)):
        for flip in (0x01, 0x80, 0xFF):
            byte = bytes([content[place] ^ flip])
            damaged.append(content[:place] + byte + content[place + 1 :])
    for wrong in damaged:
        path.write_bytes(wrong)
        with pytest.raises(DatabaseProblem) as refused:
            selection.read(path, Path("/d"))
        assert refused.value.code == "selection_unreadable"
        assert "c4nary" not in f"{refused.value!r} {refused.value.cause}"


def test_cut_short_anywhere_while_running(client: FlaskClient, path: Path) -> None:
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        assert client.get("/api/db/status").json == UNREADABLE
        assert client.post(SETUP, json=SQLITE).status_code == 503
    path.write_bytes(content)
    assert client.get("/api/db/status").json == READY


def dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def huge(path: Path) -> None:
    os.truncate(path, 2**40)


def text(content: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(content) and None


def forged(**body: Any) -> Callable[[Path], None]:
    return lambda path: forge(path, body)


DAMAGE: dict[str, Callable[[Path], Any]] = {
    "flipped": lambda path: path.write_text(path.read_text().replace("sqlite", "sqlitf")),
    "cut": lambda path: os.truncate(path, 50),
    "empty": lambda path: os.truncate(path, 0),
    "blank": text(" \n"),
    "folder": folder,
    "dangling link": dangling,
    "device": device,
    "pipe": pipe,
    "mode 000": lambda path: path.chmod(0),
    "huge": huge,
    "null": text("null"),
    "list": text("[]"),
    "string": text('"sqlite"'),
    "number": text("9" * 5000),
    "empty object": text("{}"),
    "no checksum": text('{"version": 1, "type": "sqlite"}'),
    "null checksum": text('{"version": 1, "type": "sqlite", "checksum": null}'),
    "deep": text("[" * 60_000),
    "deep value": text('{"a": ' * 10_000 + "1" + "}" * 10_000),
    "latin": lambda path: path.write_bytes(b'{"type": "\xff"}'),
    "newer version": forged(version=2, type="sqlite"),
    "no version": forged(type="sqlite"),
    "another type": forged(version=1, type="mysql"),
    "no type": forged(version=1),
    "no connection": forged(version=1, type="postgres", operator=False),
    "wrong connection": forged(version=1, type="postgres", operator=False, connection=["h"]),
    "empty connection": forged(version=1, type="postgres", operator=False, connection={}),
    "wrong value": forged(
        version=1, type="postgres", operator=False, connection={**ELSEWHERE.keywords, "port": 1}
    ),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_unreadable_while_running(
    client: FlaskClient, path: Path, damage: Callable[[Path], Any]
) -> None:
    """... and mended without a restart."""
    original = path.read_bytes()
    damage(path)
    stays_closed(client, path)

    if path.is_dir():
        path.rmdir()
    else:
        path.unlink()
    path.write_bytes(original)
    path.chmod(0o600)
    assert client.get("/api/db/status").json == READY
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_unreadable_at_the_start(
    make_app: MakeApp, path: Path, damage: Callable[[Path], Any]
) -> None:
    damage(path)
    stays_closed(make_app().test_client(), path)


def test_a_link_to_a_selection_is_followed(client: FlaskClient, path: Path) -> None:
    elsewhere = path.rename(path.with_name("elsewhere.json"))
    path.symlink_to(elsewhere)

    assert client.get("/api/db/status").json == READY


def test_removed_while_running(client: FlaskClient, path: Path, data_dir: Path) -> None:
    Direct(SQLITE, data_dir).execute("DELETE FROM roles WHERE id = 'global_user'")
    path.unlink()

    assert client.get("/api/db/status").json["configured"] is False
    assert client.get("/readyz").json["code"] == "not_configured"
    assert client.post(SETUP, json=SQLITE).status_code == 200
    assert client.get("/api/db/status").json == READY
    assert Direct(SQLITE, data_dir).rows("SELECT id FROM roles") == ["global_admin"]


def test_what_a_killed_setup_left_is_no_choice(client: FlaskClient, data_dir: Path) -> None:
    draft = data_dir / ".db.selection.json.draft"
    draft.write_text("half a dra")

    assert client.get("/api/db/status").json["configured"] is False
    assert client.post(SETUP, json=SQLITE).status_code == 200
    assert not draft.exists()


PUBLISH_FOR_EVER = """
import itertools, sys
from pathlib import Path
from deploystack.database.selection import Draft
from deploystack.database.target import PostgresTarget, SqliteTarget
path = Path(sys.argv[1])
for number in itertools.count():
    Draft(path, PostgresTarget({"dbname": "x" * 9999}, operator=True)).publish()
    Draft(path, SqliteTarget(Path("/d"))).publish()
    print(number, flush=True)
"""


def test_killed_at_any_moment_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "db.selection.json"
    for delay in (0.0, 0.002, 0.02):
        with subprocess.Popen(
            [sys.executable, "-c", PUBLISH_FOR_EVER, path], cwd=ROOT, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout
            assert process.stdout.readline() == b"0\n"
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
        assert isinstance(selection.read(path, Path("/d")), SqliteTarget | PostgresTarget)
        assert {p.name for p in tmp_path.iterdir()} <= {path.name, f".{path.name}.draft"}
