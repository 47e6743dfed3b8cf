"""The machine of somebody who reads the documentation: a fresh checkout, and terminals in it.

What a page says is done to the letter there. Two things stand in for what a real machine has once:
ports that the pages name are led to free ones of 127.0.0.1, and ``sudo -u postgres`` becomes the
administrator of a PostgreSQL server of the machine's own.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import urllib.request
import venv
from contextlib import ExitStack, suppress
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from deploystack.testing.ports import HOST, free_port
from deploystack.testing.postgres_programs import find_programs
from tests.support.postgres import PostgresServer
from tests.support.programs import OURS
from tests.support.server import ROOT

SERVES = re.compile(r"(^|\s)(make run|(\S*/)?python -m deploystack|(\S*/)?gunicorn --bind)\b")
"""A command that goes on until it is stopped."""

SUDO = """#!/bin/sh
# `sudo -u postgres` is the administrator of the database server; plain `sudo` is nobody else.
if [ "$1" = -u ]; then
    shift 2
    export PGUSER="$ADMIN_NAME" PGPASSWORD="$ADMIN_PASSWORD" PGDATABASE="${PGDATABASE:-postgres}"
fi
exec "$@"
"""

# A terminal keeps its folder and its variables from one block to the next.
IN_TERMINAL = """
if [ -f "{state}/variables" ]; then . "{state}/variables" 2>/dev/null; fi
cd "$(cat "{state}/folder")"
{keep}
set -eo pipefail
. "{state}/block"
"""
KEEP = """trap 'pwd > "{state}/folder"; declare -p > "{state}/variables"' EXIT"""


def _check_out(folder: Path) -> None:
    """Put there what a clone would have: what is kept in the repository, as it is now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.split("\0"):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def make_environment(folder: Path) -> None:
    """Make ``.venv`` in a folder, which ``make`` takes as made.

    It sees what is installed in the real one; nothing that is installed into it stays.
    """
    home = folder / ".venv"
    venv.create(home, with_pip=False, symlinks=True)
    paths = {"base": str(home), "platbase": str(home)}
    site_packages = Path(sysconfig.get_path("purelib", "venv", vars=paths))
    # Not system_site_packages, which would be those that .venv was made from.
    site_packages.joinpath("ours.pth").write_text(
        f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    )
    for name in ("flask", "gunicorn", "openapi-python-client", "pip"):
        script = home / "bin" / name
        module = name.replace("-", "_")
        script.write_text(f'#!/bin/sh\nexec "{home}/bin/python" -m {module} "$@"\n')
        script.chmod(0o755)
    for stamp in (".created", ".runtime", ".dev"):
        (home / stamp).touch()


class Ended(NamedTuple):
    """How a block of commands ended."""

    code: int
    stdout: str
    stderr: str


class Machine:
    """A checkout in a folder, ``.venv`` in it, terminals, servers, a database server if asked for.

    Args:
        home: an empty folder for all of it.
        is_new: whether nothing is installed there, not even what a first ``make`` installs.
        variables: for every command, as if they had been exported.
    """

    def __init__(self, home: Path, *, is_new: bool = False, **variables: str) -> None:
        self.home = home
        self.folder = home / "deploystack"
        self.ports = {3000: free_port()}
        self._servers: dict[int, subprocess.Popen[bytes]] = {}
        self._programs = home / "bin"
        self._variables = variables
        self._programs.mkdir()
        _check_out(self.folder)
        self.install("sudo", SUDO)
        (home / ".curlrc").write_text("silent\nshow-error\nfail-with-body\n")
        for name in ("psql", "pg_dump", "pg_restore"):
            self._programs.joinpath(name).symlink_to(find_programs() / name)
        if not is_new:
            make_environment(self.folder)
        self.open_terminal()

    @cached_property
    def postgres(self) -> PostgresServer:
        """A PostgreSQL server, at the port that pages call 5432."""
        server = PostgresServer()
        server.start()
        return server

    def export(self, **variables: str) -> None:
        """Set variables for every command from now on, in every terminal."""
        self._variables |= variables

    def open_terminal(self) -> None:
        """Turn to another terminal: in the checkout, with no environment activated."""
        state = self.home / "terminal"
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir()
        (state / "folder").write_text(str(self.folder))

    def run(self, block: str, stdin: str = "", seconds: float = 120) -> Ended:
        """Run commands in the terminal, to their end.

        Args:
            block: the commands, which end at the first that fails.
            stdin: what is typed into them.
            seconds: how long they may take.
        """
        state = self.home / "terminal"
        (state / "block").write_text(self.here(block))
        keep = KEEP.format(state=state)
        ended = subprocess.run(
            ["bash", "-c", IN_TERMINAL.format(state=state, keep=keep)],
            cwd=self.home,
            env=self._environment(),
            input=self.here(stdin),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            start_new_session=True,  # a password is read from what is typed here
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def serve(self, command: str) -> int:
        """Start what serves until it is stopped, in a terminal of its own, and wait for it.

        Returns:
            The port that the page calls it by.
        """
        named = int(found[1]) if (found := re.search(r"(?:\bPORT=|:)(\d{4})\b", command)) else 3000
        assert named not in self._servers, f"something serves at {named} already"
        state = self.home / "terminal"
        (state / "block").write_text(self.here(command))
        with (self.home / f"server-{named}.log").open("ab") as log:
            self._servers[named] = subprocess.Popen(
                ["bash", "-c", IN_TERMINAL.format(state=state, keep="")],
                cwd=self.home,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for it and all that it has started
            )
        self._await(named)
        return named

    def printed(self, named: int = 3000) -> str:
        """Return what a server has written to its terminal."""
        return self.as_printed((self.home / f"server-{named}.log").read_text("utf-8"))

    def stop(self, named: int | None = None, sig: signal.Signals = signal.SIGINT) -> None:
        """Press Ctrl-C where a server runs; in every such terminal, if none is named."""
        with ExitStack() as each:  # all of them, even if one does not
            for port in [named] if named else list(self._servers):
                each.callback(self._stop, self._servers.pop(port), sig)

    def close(self) -> None:
        """Stop everything that runs."""
        self.stop()
        if "postgres" in self.__dict__:
            self.postgres.close()

    def path(self, name: str) -> Path:
        """Return where a file is that a page names; one of the system's own is not really there."""
        return self.home / name[1:] if name.startswith("/") else self.folder / name

    def address(self, named: int = 3000) -> str:
        """Return where the server really is that a page calls ``127.0.0.1:3000``."""
        return f"{HOST}:{self._port(named)}"

    def here(self, text: str) -> str:
        """Return a text of a page with the ports that are meant on this machine."""
        text = re.sub(
            r"\b(PORT=|127\.0\.0\.1:)([348]\d\d\d)\b",
            lambda found: f"{found[1]}{self._port(int(found[2]))}",
            text,
        )
        if ":5432" in text:
            text = text.replace(":5432", f":{self.postgres.port}")
        return text

    def as_printed(self, text: str) -> str:
        """Return an output with the ports and folders that pages name."""
        for named, real in self.ports.items():
            text = text.replace(f":{real}", f":{named}")
        if "postgres" in self.__dict__:
            text = text.replace(f":{self.postgres.port}", ":5432")
        return text.replace(str(self.folder), "…")

    @staticmethod
    def _stop(process: subprocess.Popen[bytes], sig: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sig)
        try:
            process.wait(20)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _port(self, named: int) -> int:
        return self.ports.setdefault(named, free_port())

    def _await(self, named: int) -> None:
        deadline = time.monotonic() + 60
        while True:
            with suppress(OSError):
                urllib.request.urlopen(f"http://{self.address(named)}/livez", timeout=5).close()
                return
            assert self._servers[named].poll() is None, self.printed(named)
            assert time.monotonic() < deadline, self.printed(named)
            time.sleep(0.05)

    def _environment(self) -> dict[str, str]:
        found = {
            **{k: v for k, v in os.environ.items() if not k.startswith((*OURS, "PYTHON"))},
            "CURL_HOME": str(self.home),
            "LANG": "C.UTF-8",
            # Python is the one that runs this, without its environment.
            "PATH": f"{self._programs}:{sys.base_prefix}/bin:{os.defpath}:/usr/sbin",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PORT": str(self.ports[3000]),
            **self._variables,
        }
        if "postgres" in self.__dict__:
            admin = self.postgres.admin
            found |= {"ADMIN_NAME": admin.name, "ADMIN_PASSWORD": admin.password}
            found |= {"PGHOST": HOST, "PGPORT": str(self.postgres.port)}
        return found

    def install(self, name: str, script: str) -> None:
        """Let a program be found in every terminal: a script."""
        program = self._programs / name
        program.write_text(script)
        program.chmod(0o755)
