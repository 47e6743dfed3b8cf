"""``docs/how-to/systemd.md``, carried out on a machine whose folders are apart from this one's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.containers import sandbox
from tests.support.containers.dockerfile import Image
from tests.support.containers.stand_in import StandIn
from tests.support.containers.systemctl import Systemd
from tests.support.machine import Ended, Machine, make_environment
from tests.support.people import LOGIN
from tests.support.reader import Reader

FOLDERS = ("/opt/deploystack", "/etc/systemd/system", "/etc/deploystack")


@pytest.fixture
def systemd(machine: Machine, reader: Reader, image: Image) -> Iterator[Systemd]:
    """A machine that systemd manages."""
    place = machine.home
    make_environment(place / "opt/deploystack")
    reader.instead |= {folder: f"{place}{folder}" for folder in FOLDERS}
    systemd = Systemd(place, image, machine.ports[3000])
    answers = {
        "systemctl": systemd.systemctl,
        "journalctl": systemd.journalctl,
        "useradd": lambda told, *_: Ended(int(told[-1] != "deploystack"), "", ""),
    }
    programs = [StandIn(machine.home / "bin", *answer) for answer in answers.items()]
    yield systemd
    for program in programs:
        program.close()
    systemd.close()
    sandbox.as_root_of_a_sandbox("rm", "-rf", str(place / "var"), str(place / "run"))


@pytest.mark.page("how-to/systemd.md")
def test_the_page(reader: Reader, machine: Machine, systemd: Systemd) -> None:
    reader.follow()

    assert systemd.unit
    client = systemd.unit.client
    client.until(systemd.unit.answers, 20)
    password = machine.home / "etc/deploystack/admin_password"
    body = {"login": "alice", "password": password.read_text().strip()}
    client.until(lambda: client.post(LOGIN, body).status == 200)
    assert systemd.unit.stop() == 0
