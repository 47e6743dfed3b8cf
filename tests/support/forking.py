"""Python programs that begin with the libraries imported: forked from a process that has them.

    Forked([sys.executable, "-m", "flask", "routes"], cwd=ROOT, env={}).wait(10)

A start of Python costs 0.5 s of processor time, of which 0.4 s is to import what others wrote
(measured with ``time`` on ``python -c "import wsgi"``). Here that is done once. The program itself,
and all of ours, is imported anew by each: a process of its own, with a working directory, an
environment, files and an end of its own. What is about the start itself uses ``subprocess``.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import site
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

LIBRARIES = (
    "alembic.autogenerate",
    "alembic.command",
    "apispec",
    "click",
    "cryptography.fernet",
    "cryptography.hazmat.primitives.kdf.argon2",
    "filelock",
    "flask.cli",
    "flask_migrate",
    "flask_sqlalchemy",
    "granian.server",
    "jinja2.ext",
    "marshmallow",
    "multiprocessing",
    "pluggy",
    "psycopg2",
    "sqlalchemy.dialects.postgresql.psycopg2",
    "sqlalchemy.dialects.sqlite",
    "yaml",
)
"""What the processes of the project import, sooner or later."""

CALL_SECONDS = 5
"""How long a call may take to arrive."""

MESSAGE = 100_000
"""Bytes that a call may have: an environment, mostly. Linux takes twice as many at once."""

SCRIPT = """#!{home}/bin/python -IS
import json, os, signal, socket, sys
line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
line.connect({origin!r})
call = {{"args": [{module!r}, *sys.argv[1:]], "cwd": os.getcwd(), "home": {home!r}}}
message = json.dumps(call | {{"env": dict(os.environ)}}).encode()
socket.send_fds(line, [message], [0, 1, 2])
pid = int(line.recv(64))
for each in (signal.SIGINT, signal.SIGTERM):
    signal.signal(each, lambda sig, _: os.kill(pid, sig))
code = int(line.recv(64))
sys.exit(code if code >= 0 else 128 - code)
"""


class Forked:
    """A program that runs; used as ``subprocess.Popen`` is.

    Args:
        command: the interpreter, ``-m``, a module, and its arguments.
        cwd: the folder it runs in.
        env: its whole environment; of Python's own variables only ``PYTHONPATH`` has an effect.
        stdin: what it reads; nothing, if there is none.
        stdout: where it writes.
        stderr: where it writes what is wrong.
    """

    def __init__(
        self,
        command: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        stdin: IO[Any] | None = None,
        stdout: IO[Any] | None = None,
        stderr: IO[Any] | None = None,
    ) -> None:
        python, dash_m, *self.args = command
        assert (python, dash_m) == (sys.executable, "-m"), command
        variables = {name: os.fsdecode(value) for name, value in env.items()}
        call = json.dumps({"args": self.args, "cwd": str(cwd), "env": variables}).encode()
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line.connect(_origin())
        with Path(os.devnull).open("r+b") as null:
            files = [each.fileno() for each in (stdin or null, stdout or null, stderr or null)]
            socket.send_fds(self._line, [call], files)
            self.pid = int(self._line.recv(64))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return its exit code, or none while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return its exit code: minus the signal, if one ended it.

        Raises:
            subprocess.TimeoutExpired: it still runs after ``timeout`` seconds.
        """
        if self.returncode is None:
            self._line.settimeout(timeout)
            try:
                told = self._line.recv(64)
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
            assert told, "the process that it was forked from is gone"
            self.returncode = int(told)
            self._line.close()
        return self.returncode

    def send_signal(self, sig: int) -> None:
        """Send it a signal, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, sig)


def run(
    command: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    stdin: str = "",
    timeout: float = 60,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end.

    Args:
        command: as for :class:`Forked`.
        cwd: the folder it runs in.
        env: its whole environment.
        stdin: what it reads.
        timeout: seconds after which it is killed.

    Raises:
        subprocess.TimeoutExpired: it was.
    """
    with contextlib.ExitStack() as files:
        given, out, err = (files.enter_context(tempfile.TemporaryFile()) for _ in range(3))
        given.write(stdin.encode())
        given.seek(0)
        process = Forked(command, cwd, env, given, out, err)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait(10)
            raise
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess(list(command), code, *texts)


def script(home: Path, module: str) -> str:
    """Return a script that is ``python -m module`` in the virtual environment ``home``."""
    return SCRIPT.format(home=str(home), module=module, origin=_origin())


@cache
def _origin() -> str:
    """Start what is forked from, and return where it listens; it ends with this process."""
    folder = tempfile.TemporaryDirectory(prefix="forking-", dir="/tmp")
    place = f"{folder.name}/socket"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.forking", place],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,  # closed with this process, however that ends
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C in the terminal is not for it
    )
    assert process.stdin
    assert process.stdout

    def close() -> None:
        process.communicate(timeout=10)
        folder.cleanup()

    atexit.register(close)
    assert process.stdout.readline() == b"ready\n"
    return place


def _fork_on_call(place: str) -> list[str]:
    """Fork on each call; return in the forked process, with the arguments of the program."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(place)
    listener.listen(64)
    woken, waker = socket.socketpair()
    waker.setblocking(False)
    signal.set_wakeup_fd(waker.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    lines: dict[int, socket.socket] = {}
    selector = selectors.DefaultSelector()
    for source in (sys.stdin, listener, woken):
        selector.register(source, selectors.EVENT_READ)
    sys.stdout.write("ready\n")
    sys.stdout.flush()

    while True:
        ready = {key.fileobj for key, _ in selector.select()}
        if woken in ready:
            woken.recv(64)
            _tell_ends(lines)
        if sys.stdin in ready:  # its other end is closed: nothing is ever written
            sys.exit()
        if listener not in ready:
            continue
        line, _ = listener.accept()
        line.settimeout(CALL_SECONDS)
        try:
            message, files, *_ = socket.recv_fds(line, MESSAGE, 3)
            call = json.loads(message)
        except (OSError, ValueError):  # who called is gone
            line.close()
            continue
        pid = os.fork()
        if pid:
            lines[pid] = line
            with contextlib.suppress(OSError):
                line.send(str(pid).encode())
            for file in files:
                os.close(file)
            continue
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        selector.close()
        for each in (listener, woken, waker, line, *lines.values()):
            each.close()
        for number, file in enumerate(files):
            os.dup2(file, number)
            os.close(file)
        return _become(**call)


def _tell_ends(lines: dict[int, socket.socket]) -> None:
    """Tell whoever called of the processes that have ended."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            with lines.pop(pid) as line, contextlib.suppress(OSError):  # nobody waits for it
                line.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(args: list[str], cwd: str, env: dict[str, str], home: str = "") -> list[str]:
    """Take on what a process starts with, as Python does for ``-m``; return the arguments."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    own = [path for path in env.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:1] = [cwd, *own]
    if home:  # another virtual environment, which sees the packages of this one
        sys.prefix = sys.exec_prefix = home
        sys.executable = f"{home}/bin/python"
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        site.addsitedir(f"{home}/lib/{version}/site-packages")
    importlib.invalidate_caches()
    return args


if __name__ == "__main__":
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.freeze()  # nobody looks through all that for garbage
    module, *arguments = _fork_on_call(sys.argv[1])
    sys.argv[1:] = arguments
    for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
        del sys.modules[name]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
