"""The unit of systemd, started as it is written, by root of a machine of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploystack.server import STOP_SECONDS
from tests.operations.test_files import CREDENTIALS, UNIT
from tests.support.containers import sandbox, units
from tests.support.containers.dockerfile import Image
from tests.support.containers.units import Unit
from tests.support.people import LOGIN, PASSWORD
from tests.support.postgres import Postgres
from tests.support.server import ROOT

Start = Callable[..., Unit]

ADMIN = "DEPLOYSTACK_ADMIN_USERNAME=alice\nDEPLOYSTACK_ADMIN_EMAIL=alice@example.org\n"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine with the example of an environment where the unit looks for it."""
    (tmp_path / "etc/deploystack").mkdir(parents=True)
    shutil.copy(ROOT / "deploy/environment", tmp_path / "etc/deploystack")
    return tmp_path


@pytest.fixture
def start(image: Image, machine: Path) -> Iterator[Start]:
    """Start the unit; the image has the program where the unit has it."""
    made = []

    def start(*files: Path, ways_out: dict[int, int] | None = None, under: str = "") -> Unit:
        unit = Unit([UNIT, *files], image.root, machine, ways_out or {}, under.split())
        made.append(unit)
        return unit

    yield start
    for unit in made:
        unit.kill()
    sandbox.as_root_of_a_sandbox("rm", "-rf", str(machine / "var"), str(machine / "run"))


def test_begun_and_begun_again(start: Start) -> None:
    """With SQLite, set up on the machine: no token is asked for."""
    for configured in (False, True):
        unit = start()
        client = unit.client
        client.until(unit.answers, 20)
        assert client.status()["configured"] is configured
        if not configured:
            assert client.post("/api/db/setup", {"type": "sqlite"}).status == 200
        assert client.get("/readyz").status == 200
        workers = unit.running.first().children()
        assert len(workers) == 2
        files = [f"/var/lib/deploystack{name}" for name in ("", "/database/deploystack.db")]
        rights = unit.running.run(["stat", "--format=%a %u", *files]).stdout
        assert rights == f"700 {units.USER}\n600 {units.USER}\n"
        assert unit.stop() == 0


def test_unattended_with_credentials(start: Start, machine: Path, postgres: Postgres) -> None:
    uri = postgres.create_database()
    own = machine / "etc/deploystack"
    own.joinpath("admin_password").write_text(f"{PASSWORD}\n")
    own.joinpath("database_url").write_text(re.sub(r":\d+/", "/", uri))
    with own.joinpath("environment").open("a") as file:
        file.write(ADMIN)
    try:
        unit = start(CREDENTIALS, ways_out={5432: postgres.port})
        client = unit.client
        client.until(lambda: unit.answers() and client.get("/readyz").status == 200, 20)
        body = {"login": "alice", "password": PASSWORD}
        client.until(lambda: client.post(LOGIN, body).status == 200)
        assert client.status()["dialect"] == "postgres"
        assert unit.stop() == 0
    finally:
        postgres.drop_database(uri)
    assert PASSWORD not in client.log.read_text()


def test_a_wrong_configuration_ends_it_with_a_sentence(start: Start, machine: Path) -> None:
    with (machine / "etc/deploystack/environment").open("a") as file:
        file.write("DEPLOYSTACK_ADMIN_USERNAME=alice\n")
    unit = start()
    assert unit.running.process.wait(20) == 1
    assert unit.client.log.read_text().startswith("deploystack: DEPLOYSTACK_ADMIN_EMAIL and ")


def test_it_has_time_to_stop() -> None:
    [given] = units.read(UNIT)["Service"]["TimeoutStopSec"]
    assert float(given) >= STOP_SECONDS + 5


def allowed() -> set[str]:
    """Return the system calls that the unit's filter lets pass."""
    found: set[str] = set()
    for line in units.read(UNIT)["Service"]["SystemCallFilter"]:
        named = set().union(*map(calls_of, line.removeprefix("~").split()))
        found = found - named if line.startswith("~") else found | named
    return found


def calls_of(group: str) -> set[str]:
    shown = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager", group],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    names = {line.strip() for line in shown.splitlines()[1:] if not line.strip().startswith("#")}
    return set().union(*(calls_of(n) if n.startswith("@") else {n} for n in names if n))


CALL = re.compile(r"^\d+ +(\w+)\((.*)", re.MULTILINE)
WRITING = re.compile(
    r'(?:AT_FDCWD, )?"([^"]+)", [^"]*\bO_(?:WRONLY|RDWR|CREAT)\b.*(?: = \d+|unfinished \.\.\.>)$'
)


@pytest.mark.slow
def test_every_system_call_passes_the_filter(start: Start, machine: Path) -> None:
    """What the filter forbids would fail with EPERM, perhaps only in some corner.

    And no file is opened for writing but the data, though PrivateTmp would let it.
    """
    with (machine / "etc/deploystack/environment").open("a") as file:
        file.write(f"{ADMIN}DEPLOYSTACK_ADMIN_PASSWORD={PASSWORD}\n")
    trace = machine / "var/lib/deploystack/trace"
    unit = start(under="strace --follow-forks --output=/var/lib/deploystack/trace")
    client = unit.client
    client.until(unit.answers, 60)
    assert client.post("/api/db/setup", {"type": "sqlite"}).status == 200
    assert client.post(LOGIN, {"login": "alice", "password": PASSWORD}).status == 200
    assert client.get("/api/openapi.json").status == 200
    [server] = unit.running.first().children()
    server.terminate()
    assert unit.running.process.wait(30) == 0
    calls = CALL.findall(sandbox.as_root_of_a_sandbox("cat", str(trace)))
    written = {
        found[1] for name, rest in calls if name == "openat" and (found := WRITING.match(rest))
    }

    assert {"openat", "fsync", "accept4"} <= {name for name, _ in calls}
    assert {name for name, _ in calls} - allowed() == set()
    assert "/var/lib/deploystack/database/deploystack.db" in written
    assert {path for path in written if not path.startswith("/var/lib/deploystack/")} == set()
