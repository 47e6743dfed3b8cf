"""Starting what a unit of systemd describes, as far as it decides what the program can do.

The user, the environment, the credentials, the state folder, the file system that cannot be
written, memory that cannot be written and run: all as the unit has it. The filter of system calls
is held to what the program calls, by ``tests/operations/test_unit.py``.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.containers import sandbox
from tests.support.containers.compose import variables
from tests.support.containers.sandbox import Mount, Network, Program, Running
from tests.support.server import Server

USER = 10002
"""The number of the user that the unit names, on the machine that is played here."""

Settings = dict[str, list[str]]


def read(*files: Path) -> dict[str, Settings]:
    """Return the sections of a unit and its drop-ins; an empty value forgets the ones before."""
    sections: dict[str, Settings] = {}
    section: Settings = {}
    for file in files:
        for line in file.read_text("utf-8").splitlines():
            if line.startswith("["):
                section = sections.setdefault(line.strip("[]"), {})
            elif line.strip() and not line.startswith("#"):
                name, _, value = line.partition("=")
                section[name] = [*section.get(name, []), value] if value else []
    return sections


class Unit:
    """A unit on a machine.

    Args:
        files: the unit and its drop-ins.
        root: the root of the machine.
        machine: what in ``/etc`` and ``/var/lib`` is the machine's own: a folder with both.
        ways_out: ports of this machine's services.
        under: a program, with its arguments, that runs the program of the unit.
        mounts: what else the machine has.
        port: where its port 3000 is published; any that is free, if none is given.
    """

    def __init__(
        self,
        files: Sequence[Path],
        root: Path,
        machine: Path,
        ways_out: Mapping[int, int],
        under: Sequence[str] = (),
        mounts: Sequence[Mount] = (),
        port: int | None = None,
    ) -> None:
        self.settings = read(*files)["Service"]
        [state] = self.settings["StateDirectory"]
        self._machine = machine
        self.state = machine / "var/lib" / state
        self._credentials = machine / "run/credentials/deploystack.service"
        self._specifiers = {"%S": "/var/lib", "%d": "/run/credentials/deploystack.service"}
        [command], [folder] = self.settings["ExecStart"], self.settings["WorkingDirectory"]
        assert self.settings["ProtectSystem"] == ["strict"]
        assert self.settings["PrivateTmp"] == self.settings["NoNewPrivileges"] == ["yes"]
        assert self.settings["CapabilityBoundingSet"] == []
        self._make_folders(self.settings["StateDirectoryMode"][0])
        program = Program(
            root,
            [*under, *shlex.split(command)],
            self._environment(),
            folder,
            [
                *mounts,
                Mount("/tmp", options=("mode=1777",)),
                Mount(f"/var/lib/{state}", str(self.state)),
                Mount(self._specifiers["%d"], str(self._credentials), ("ro",)),
            ],
            (USER, USER),
            read_only=True,
            confined=True,
            umask=int(self.settings["UMask"][0], 8),
            no_written_code=self.settings["MemoryDenyWriteExecute"] == ["yes"],
        )
        self.client = Server(machine)
        self.client.log = machine / "journal"
        self.client.port = port or self.client.port
        with self.client.log.open("ab") as log:
            network = Network({3000: self.client.port}, ways_out)
            self.running = Running.start(program, network, log)

    def answers(self) -> bool:
        """Return whether the program serves."""
        try:
            return self.client.get("/livez").status == 200
        except OSError:
            return False

    def stop(self) -> int:
        """Tell the main process to stop, and return its exit code; it has the unit's time."""
        assert self.settings["KillMode"] == ["mixed"]
        return self.running.stop(float(self.settings["TimeoutStopSec"][0]))

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        self.running.kill()

    def _environment(self) -> dict[str, str]:
        found = {"PATH": sandbox.SEARCH_PATH, "HOME": "/nonexistent", "USER": "deploystack"}
        for text in self.settings["Environment"]:
            name, _, value = text.partition("=")
            found[name] = re.sub("%.", lambda one: self._specifiers[one[0]], value)
        return found | variables(self._machine, [p[1:] for p in self.settings["EnvironmentFile"]])

    def _make_folders(self, mode: str) -> None:
        for folder in (self.state, self._credentials):
            folder.mkdir(parents=True, exist_ok=True)
        for text in self.settings.get("LoadCredential", []):
            name, _, path = text.partition(":")
            shutil.copy(self._machine / path.lstrip("/"), self._credentials / name)
        chown = ("chown", "--recursive", f"{USER}:{USER}")
        sandbox.as_root_of_a_sandbox(*chown, str(self.state), str(self._credentials))
        sandbox.as_root_of_a_sandbox("chmod", mode, str(self.state))
        sandbox.as_root_of_a_sandbox("chmod", "-R", "u=rX,go=", str(self._credentials))
