"""The image and the compose files, carried out step by step as they are written."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from deploystack.server import STOP_SECONDS
from tests.operations.conftest import MakeProject
from tests.support.containers.compose import Project, seconds
from tests.support.containers.dockerfile import Image, context, is_ignored
from tests.support.people import LOGIN, PASSWORD, PERSON, REGISTER
from tests.support.server import ROOT

ENV = "DEPLOYSTACK_ADMIN_USERNAME=alice\nDEPLOYSTACK_ADMIN_EMAIL=alice@example.org\n"


def log_in(project: Project) -> int:
    return project.app.client.post(LOGIN, {"login": "alice", "password": PASSWORD}).status


class Unwritten:
    """Asserts at its end that nothing was written but the data, not even in memory."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.before = self._files()

    def assert_still(self, project: Project) -> None:
        found = project.app.exec(["find", "/dev/shm", "/tmp", "/run", "-type", "f", "-size", "+0"])
        mounted = {f"/run/secrets/{name}" for name in project.told.get("secrets", {})}
        assert set(found.stdout.split()) - mounted == set()
        assert self._files() == self.before

    def _files(self) -> dict[Path, int]:
        paths = (path for path in self.image.root.rglob("*") if path.is_file())
        # What something is mounted on is empty.
        return {path: path.stat().st_mtime_ns for path in paths if path.stat().st_size}


@pytest.fixture
def unwritten(image: Image) -> Unwritten:
    """The image as it was before."""
    return Unwritten(image)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """A folder for a project that needs secrets, with these and the variables in it."""
    folder = tmp_path / "project"
    (folder / "secrets").mkdir(parents=True)
    (folder / "secrets").chmod(0o700)
    (folder / ".env").write_text(ENV)
    told = {
        "postgres_password": "kanari",
        "database_url": "postgresql://deploystack:kanari@postgres/deploystack",
        "admin_password": PASSWORD,
    }
    for name, text in told.items():
        (folder / "secrets" / name).write_text(f"{text}\n")
        (folder / "secrets" / name).chmod(0o644)
    return folder


def test_the_image(image: Image) -> None:
    """Read-only in all that it runs from, compiled, for a user that is only a number."""
    code = image.path("deploystack/__init__.py")
    assert image.user == (10001, 10001)
    assert [p.name for p in code.parent.glob("__pycache__/server.*.pyc")]
    assert list(image.path(".venv/lib").glob("python3*/site-packages/flask/__pycache__/app.*.pyc"))
    assert not image.path("tests").exists()
    writable = [
        path
        for path in image.path("").rglob("*")
        if not path.is_symlink() and path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ]
    assert writable == []
    assert image.labels["org.opencontainers.image.version"] == "0.1.0"


def test_what_is_sent_to_the_builder() -> None:
    """Code and its lock file: no data, no secrets, no history, no tests."""
    tops = {path.parts[0] for path in context(ROOT)}
    assert tops == {
        "LICENSE",
        "deploy",
        "deploystack",
        "migrations",
        "pyproject.toml",
        "requirements.lock",
        "setup.cfg",
        "wsgi.py",
    }
    rules = ["*", "!deploystack", "**/*.py[cod]", "!keep/this"]
    kept = ("deploystack/a.py", "deploystack/x/b.txt", "keep/this", "keep/this/too")
    left_out = (".env", "deploystack/x/a.pyc", "keep/that", "persistent_data/secret.key")
    assert [name for name in kept if is_ignored(Path(name), rules)] == []
    assert [name for name in left_out if not is_ignored(Path(name), rules)] == []


def test_sqlite_set_up_from_outside_with_the_token(
    project: MakeProject, tmp_path: Path, unwritten: Unwritten
) -> None:
    here = project("compose.yaml", tmp_path / "project")
    here.up()
    here.await_health("app")
    client = here.app.client
    assert client.status()["setup_token_required"] is True
    assert client.post("/api/db/setup", {"type": "sqlite"}).status == 401
    token = here.app.exec(["flask", "db", "setup-token"]).stdout.strip()
    header = {"X-Setup-Token": token}
    assert client.post("/api/db/setup", {"type": "sqlite"}, header).status == 200
    assert client.post(REGISTER, PERSON).status == 401
    assert client.post(REGISTER, PERSON, header).status == 201
    unwritten.assert_still(here)
    assert here.stop() == {"app": 0}

    here.up()
    client = here.app.client
    client.until(lambda: here.app.is_healthy() and client.get("/readyz").status == 200)
    assert log_in(here) == 200
    assert here.stop() == {"app": 0}


def test_sqlite_unattended(project: MakeProject, tmp_path: Path, unwritten: Unwritten) -> None:
    here = project("compose.yaml", tmp_path / "project")
    (tmp_path / "project" / ".env").write_text(
        f"{ENV}DEPLOYSTACK_ADMIN_PASSWORD={PASSWORD}\n"
        "DEPLOYSTACK_DATABASE_URL=sqlite:///database/deploystack.db\n"
    )
    here.up()
    here.await_health("app")
    here.app.client.until(lambda: log_in(here) == 200)
    unwritten.assert_still(here)
    assert here.stop() == {"app": 0}
    assert PASSWORD not in here.logs()


def test_postgres_unattended(project: MakeProject, secrets: Path, unwritten: Unwritten) -> None:
    here = project("compose.postgres.yaml", secrets)
    for _ in range(2):  # the second start finds everything
        here.up()
        here.await_health("app")
        here.app.client.until(lambda: log_in(here) == 200)
        assert here.app.client.status()["dialect"] == "postgres"
        unwritten.assert_still(here)
        assert here.app.stop() == 0
        del here.running["app"]
    assert here.logs().count("Made the administrator") == 1
    assert "kanari" not in here.logs()


LARGE = """
import sqlite3
db = sqlite3.connect("/var/lib/deploystack/large.db")
db.execute("CREATE TABLE large (text TEXT)")
rows = ([n * 7919 % 160001] for n in range(160000))
db.executemany("INSERT INTO large VALUES (printf('%0500d', ?))", rows)
db.execute("CREATE INDEX by_text ON large (text)")
db.commit()
print(db.execute("SELECT count(*) FROM large").fetchone()[0])
"""


def test_what_a_container_can_and_cannot_do(project: MakeProject, tmp_path: Path) -> None:
    here = project("compose.yaml", tmp_path / "project")
    here.up()
    here.await_health("app")
    told = here.app.exec(["sh", "-c", "id -u; id -g; grep -E 'Cap(Eff|Bnd)|NoNew' /proc/1/status"])
    assert told.stdout.split() == [
        *("10001", "10001"),
        *("CapEff:", "0" * 16),
        *("CapBnd:", "0" * 16),
        *("NoNewPrivs:", "1"),
    ]
    for place in ("/opt/deploystack", "/etc", "/var/lib", "/run", "/dev", "/"):
        assert here.app.exec(["touch", f"{place}/x"]).returncode != 0, place
    for place in ("/var/lib/deploystack", "/tmp"):
        assert here.app.exec(["touch", f"{place}/x"]).returncode == 0, place
    assert here.app.exec(["stat", "-c", "%a %u", "/var/lib/deploystack"]).stdout == "700 10001\n"

    # SQLite sorts more than there is room for in memory.
    assert here.app.exec(["python", "-c", LARGE]).stdout == "160000\n"
    in_memory = ["env", "SQLITE_TMPDIR=/tmp", "python", "-c", LARGE.replace("large", "other")]
    assert "disk is full" in here.app.exec(in_memory).stderr, "it is the place that matters"

    elsewhere = here.app.exec(["env", "PORT=3001", *here.app.image.healthcheck])
    assert elsewhere.returncode == 1
    assert elsewhere.stderr.startswith("deploystack: nobody answers on port 3001: ")


@pytest.mark.parametrize("name", ["compose.yaml", "compose.postgres.yaml"])
def test_there_is_time_to_stop(image: Image, name: str, tmp_path: Path) -> None:
    app = Project([ROOT / name], {}, tmp_path).told["services"]["app"]
    assert seconds(app["stop_grace_period"]) >= STOP_SECONDS + 5
    assert image.stop_signal == "SIGTERM"
