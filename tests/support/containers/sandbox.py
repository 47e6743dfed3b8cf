"""Running a program as a container runs it: its own root, read-only if wished, and its own network.

Root can do all of this; anybody else can where the kernel allows user namespaces and the system has
given them a range of subordinate ids. Where neither holds, that is an error, never a skip.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil

from tests.support.server import ROOT

DEVICES = ("null", "zero", "full", "random", "urandom")
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
RANGE = (
    "Run the tests as root, or let this user make user namespaces with more than one user in them: "
    "install the package uidmap, and see that /etc/subuid and /etc/subgid name this user."
)


@dataclass(frozen=True)
class Mount:
    """What is mounted in a sandbox.

    Attributes:
        target: where.
        source: the file or folder to be seen there; nothing for a new file system in memory.
        options: of ``mount``.
    """

    target: str
    source: str = ""
    options: Sequence[str] = ()


@dataclass(frozen=True)
class Program:
    """What runs in a sandbox, and how confined.

    Attributes:
        root: the folder that is its root.
        argv: the program and its arguments.
        env: its whole environment.
        cwd: the folder it begins in.
        mounts: besides the system's own folders.
        user: the numbers of its user and group; 0 is whoever made the sandbox.
        read_only: whether the root cannot be written.
        confined: whether it has no capabilities, and gains none.
        umask: which rights new files do not have.
        no_written_code: whether memory that was written cannot be run.
    """

    root: Path
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str = "/"
    mounts: Sequence[Mount] = ()
    user: tuple[int, int] = (0, 0)
    read_only: bool = False
    confined: bool = False
    umask: int = 0o022
    no_written_code: bool = False


def others() -> list[str]:
    """Return the options of ``unshare`` by which one who is not root becomes root of a sandbox."""
    return [] if os.geteuid() == 0 else ["--user", "--map-root-user", "--map-auto"]


def require() -> None:
    """Raise unless sandboxes can be made here.

    Raises:
        RuntimeError: they cannot; it says what to do.
    """
    command = ["unshare", *others(), "--mount", "--net", "--pid", "--fork", "--", "true"]
    try:
        tried = subprocess.run(command, capture_output=True, text=True, check=False)
        why = tried.stderr.strip() if tried.returncode else ""
    except FileNotFoundError:
        why = "there is no program unshare (package util-linux)"
    if why:
        raise RuntimeError(f"A sandbox cannot be made: {why}. {RANGE}")


def system_mounts(root: Path) -> list[Mount]:
    """Return what stands in for the base image: the system's programs, and this Python."""
    mounts = []
    for name in ("usr", "bin", "sbin", "lib", "lib32", "lib64", "etc"):
        path = Path("/", name)
        if path.is_symlink():
            with contextlib.suppress(FileExistsError):
                (root / name).symlink_to(path.readlink())
        elif path.is_dir():
            mounts.append(Mount(f"/{name}", f"/{name}", ("ro",)))
    if sys.base_prefix != "/usr":
        # As in the image of Python; and where it was built for.
        mounts += [
            Mount(place, sys.base_prefix, ("ro",)) for place in ("/usr/local", sys.base_prefix)
        ]
    names = Path("/etc/resolv.conf").resolve()
    if names.exists() and not names.is_relative_to("/etc"):
        mounts.append(Mount(str(names), str(names), ("ro",)))
    return mounts


class Network:
    """A network of its own: loopback alone, and the ways in and out that are asked for.

    Args:
        ways_in: ports in it, each with the port of 127.0.0.1 here that leads to it.
        ways_out: ports in it that lead to a port of 127.0.0.1 here.
    """

    def __init__(self, ways_in: Mapping[int, int], ways_out: Mapping[int, int]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="relay-", dir="/tmp")
        here: list[str] = []
        there: list[str] = []
        for inside, outside in ways_in.items():
            middle = f"unix:{self._folder.name}/in-{inside}"
            there.append(f"{middle}=tcp:127.0.0.1:{inside}")
            here.append(f"tcp:127.0.0.1:{outside}={middle}")
        for inside, outside in ways_out.items():
            middle = f"unix:{self._folder.name}/out-{inside}"
            here.append(f"{middle}=tcp:127.0.0.1:{outside}")
            there.append(f"tcp:127.0.0.1:{inside}={middle}")
        self._relays = [
            _relay(["unshare", *others(), "--net", "--"], ["--up", *there]),
            _relay([], here),
        ]
        self.entering = ["nsenter", f"--target={self._relays[0].pid}", "--net"]
        if others():
            self.entering += ["--user", "--preserve-credentials"]
        self.entering.append("--")

    def close(self) -> None:
        """End it, if it has not ended."""
        while self._relays:
            self._relays.pop().communicate(timeout=10)
        self._folder.cleanup()


def _relay(prefix: list[str], arguments: list[str]) -> subprocess.Popen[str]:
    relay = subprocess.Popen(
        [*prefix, sys.executable, "-m", "tests.support.containers.relay", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert relay.stdout
    if relay.stdout.readline() != "ready\n":
        relay.communicate()
        raise RuntimeError(f"A network for a sandbox cannot be made. {RANGE}")
    return relay


def run(program: Program, seconds: float = 300) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with the network of this machine: a step of a build."""
    spaces = ["--mount", "--pid", "--fork", "--kill-child"]
    command = ["unshare", *others(), *spaces, "--", *_entering(program)]
    return subprocess.run(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )


def as_root_of_a_sandbox(*argv: str) -> str:
    """Run a command on files of any of the users that sandboxes have, and return its output."""
    prefix = ["unshare", *others(), "--"] if others() else []
    ended = subprocess.run([*prefix, *argv], stdout=subprocess.PIPE, text=True, check=True)
    return ended.stdout


@dataclass
class Running:
    """A program that runs as the first process of its sandbox.

    Attributes:
        program: what runs.
        process: what waits for it.
        network: its network.
    """

    program: Program
    process: subprocess.Popen[bytes]
    network: Network
    _first: psutil.Process | None = field(default=None, repr=False)

    @classmethod
    def start(cls, program: Program, network: Network, log: IO[bytes]) -> Running:
        """Start a program."""
        spaces = ["--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"]
        command = [*network.entering, "unshare", *spaces, "--", *_entering(program)]
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        return cls(program, process, network)

    def first(self) -> psutil.Process:
        """Return process 1 of the sandbox, once it is the program itself."""
        deadline = time.monotonic() + 10
        while self._first is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                for child in psutil.Process(self.process.pid).children():
                    if child.cmdline() == list(self.program.argv):
                        self._first = child
                        return child
            assert time.monotonic() < deadline, "the program did not start"
            assert self.process.poll() is None, "the program ended"
            time.sleep(0.01)
        return self._first

    def stop(self, seconds: float, sig: int = signal.SIGTERM) -> int:
        """Tell it to stop, and return its exit code.

        Raises:
            subprocess.TimeoutExpired: it did not in time, and was killed.
        """
        self.first().send_signal(sig)
        try:
            return self.process.wait(seconds)
        finally:
            self.kill()

    def kill(self) -> None:
        """End it at once, if it has not ended, and with it all that runs in the sandbox."""
        if self.process.poll() is None:
            for child in psutil.Process(self.process.pid).children():
                child.kill()
            self.process.kill()
            self.process.wait(10)
        self.network.close()

    def run(
        self, argv: Sequence[str], seconds: float = 30, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run another program beside it, as confined as it is."""
        target = self.first().pid
        command = ["nsenter", f"--target={target}", "--mount", "--net", "--pid", "--ipc", "--uts"]
        if others():
            command += ["--user", "--preserve-credentials"]
        command += [
            "--root",
            "--wd",
            "--",
            *_becoming(self.program),
            "/usr/bin/env",
            "--ignore-environment",
        ]
        command += [f"{name}={value}" for name, value in self.program.env.items()]
        return subprocess.run(
            [*command, *argv],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )


def _becoming(program: Program) -> list[str]:
    """Return the program that becomes the user, and gives up what it may not keep."""
    uid, gid = program.user
    command = ["/usr/bin/setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
    if program.confined:
        command += ["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"]
    return [*command, "--"]


def _entering(program: Program) -> list[str]:
    told = json.dumps(asdict(program), default=str)
    return [sys.executable, "-m", "tests.support.containers.sandbox", told]


def _enter(told: Mapping[str, Any]) -> None:
    """Become a program in a sandbox; called in namespaces of its own."""
    program = Program(
        **{
            **told,
            "root": Path(told["root"]),
            "mounts": [Mount(**one) for one in told["mounts"]],
            "user": tuple(told["user"]),
        }
    )
    root = program.root
    _mount("--bind", str(root), str(root))
    os.chdir(root)
    for mount in [*system_mounts(root), *_own_mounts(), *program.mounts]:
        _mount_in(root, mount)
    for name in DEVICES:
        place = root / "dev" / name
        place.touch()
        _mount("--bind", f"/dev/{name}", str(place))
    _mount("--types=proc", "proc", str(_folder(root / "proc")))
    if program.read_only:
        _mount("--options=remount,bind,ro", str(root))
        _mount("--options=remount,ro,mode=755", str(root / "dev"))
    os.chroot(root)
    os.umask(program.umask)
    if program.no_written_code:
        refuse_gain = 1
        assert ctypes.CDLL(None).prctl(65, refuse_gain, 0, 0, 0) == 0, "PR_SET_MDWE needs Linux 6.3"
    os.chdir(program.cwd)
    command = [*_becoming(program), *program.argv]
    os.environ["PATH"] = program.env.get("PATH", SEARCH_PATH)
    os.execve(command[0], command, dict(program.env))


def _own_mounts() -> Iterator[Mount]:
    yield Mount("/dev", options=("mode=755",))
    yield Mount("/dev/shm", options=("mode=1777",))


def _mount_in(root: Path, mount: Mount) -> None:
    place = root / mount.target.lstrip("/")
    if not mount.source:
        options = ",".join(("nosuid", *mount.options))
        _mount("--types=tmpfs", f"--options={options}", "tmpfs", str(_folder(place)))
        return
    if Path(mount.source).is_dir():
        _folder(place)
    elif not place.exists():
        _folder(place.parent)
        place.touch()
    # With what is mounted below it, which one who is not root may not uncover.
    _mount("--rbind", mount.source, str(place))
    if "ro" in mount.options:
        _mount("--options=remount,bind,ro,nosuid,nodev", str(place))


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


if __name__ == "__main__":
    _enter(json.loads(sys.argv[1]))
