"""``docs/how-to/containers.md``, carried out by an engine that does here what it would do there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.containers import sandbox
from tests.support.containers.docker import Docker
from tests.support.containers.dockerfile import Image
from tests.support.containers.stand_in import StandIn
from tests.support.machine import Machine
from tests.support.reader import Reader


@pytest.fixture
def docker(machine: Machine, image: Image) -> Iterator[Docker]:
    """A machine that has Docker."""
    docker = Docker(image, machine.home / "engine", machine.ports[3000])
    program = StandIn(machine.home / "bin", "docker", docker)
    yield docker
    program.close()
    docker.close()
    sandbox.as_root_of_a_sandbox("rm", "-rf", str(machine.folder / "backup"))


@pytest.mark.page("how-to/containers.md")
@pytest.mark.usefixtures("docker")
def test_the_page(reader: Reader, machine: Machine) -> None:
    reader.follow("With SQLite")
    succeed(machine, "docker compose down --volumes")
    succeed(machine, "docker compose up --detach --wait")
    log_in(machine, "choose a good one")
    restore(reader, machine, "the volume")

    succeed(machine, "docker compose down --volumes")
    reader.follow("With PostgreSQL")
    log_in(machine, "$(cat secrets/admin_password)")
    restore(reader, machine, "PostgreSQL")

    succeed(machine, "docker compose down --volumes")
    # Whoever adds plugins has one database or the other.
    machine.path(".env").write_text("DEPLOYSTACK_DATABASE_URL=sqlite:///database/deploystack.db\n")
    reader.follow()


def restore(reader: Reader, machine: Machine, what: str) -> None:
    """Change something after a backup, which undoes it."""
    settings = "docker compose exec app flask settings"
    succeed(machine, f"{settings} set smtp.host before.example.org")
    reader.follow(f"Back up {what}")
    succeed(machine, f"{settings} set smtp.host after.example.org")
    reader.follow(f"Restore {what}")
    assert machine.run(f"{settings} get smtp.host").stdout == "before.example.org\n"


def log_in(machine: Machine, password: str) -> None:
    body = f'{{\\"login\\": \\"alice\\", \\"password\\": \\"{password}\\"}}'
    succeed(
        machine,
        "curl --retry 5 --retry-all-errors http://127.0.0.1:3000/api/auth/email/login"
        f' -H "Content-Type: application/json" -d "{body}"',
    )


@pytest.mark.usefixtures("docker")
def test_a_mistake_is_noticed(machine: Machine) -> None:
    for wrong in (
        "docker compose exec app flask db no-such-command",
        "docker compose exec apps flask db status",
        "docker compose --file compose.yml up --detach",
        "docker compose up",
        "docker compose exec --no-tty app flask db status",
        "docker build --tag x ..",
        "docker run --rm deploystack:0.1.0 true",
    ):
        assert machine.run(wrong).code != 0, wrong


def succeed(machine: Machine, command: str) -> None:
    ended = machine.run(command)
    assert ended.code == 0, f"{command}\n{ended.stdout}{ended.stderr}"
