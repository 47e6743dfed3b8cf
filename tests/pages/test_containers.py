"""``docs/how-to/containers.md``, carried out by an engine that does here what it would do there."""

from __future__ import annotations

import json
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
    alice = log_in(machine, "choose a good one")
    restore(reader, machine, "the volume", "app rm -r /var/lib/deploystack/database")
    assert log_in(machine, "choose a good one") == alice, "and nobody made anew"

    succeed(machine, "docker compose down --volumes")
    reader.follow("With PostgreSQL")
    alice = log_in(machine, "$(cat secrets/admin_password)")
    drop = "psql --username=deploystack --command 'DROP TABLE users CASCADE' deploystack"
    restore(reader, machine, "PostgreSQL", f"postgres {drop}")
    assert log_in(machine, "$(cat secrets/admin_password)") == alice

    succeed(machine, "docker compose down --volumes")
    # Whoever adds plugins has one database or the other.
    machine.path(".env").write_text("DEPLOYSTACK_DATABASE_URL=sqlite:///database/deploystack.db\n")
    reader.follow()


def restore(reader: Reader, machine: Machine, what: str, loss: str) -> None:
    """Back up, lose what the command ``loss`` takes away, and have it again."""
    reader.follow(f"Back up {what}")
    succeed(machine, f"docker compose exec {loss}")
    reader.follow(f"Restore {what}")


def log_in(machine: Machine, password: str) -> str:
    """Log alice in, once she is there, and return the id of her account."""
    body = f'{{\\"login\\": \\"alice\\", \\"password\\": \\"{password}\\"}}'
    answer = succeed(
        machine,
        "curl --retry 5 --retry-all-errors http://127.0.0.1:3000/api/auth/email/login"
        f' -H "Content-Type: application/json" -d "{body}"',
    )
    return str(json.loads(answer.splitlines()[-1])["user"]["id"])  # after those that were too early


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


def succeed(machine: Machine, command: str) -> str:
    ended = machine.run(command)
    assert ended.code == 0, f"{command}\n{ended.stdout}{ended.stderr}"
    return ended.stdout
