"""PostgreSQL servers for the project's own tests: plugin authors' ones, which can also hang.

with external_or_private() as server:
    uri = server.create_database()
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal

import psutil

from deploystack.testing import postgres_server
from deploystack.testing.postgres import Postgres, Role
from deploystack.testing.postgres_server import external_or_private

__all__ = ["Postgres", "PostgresServer", "Role", "external_or_private"]


class PostgresServer(postgres_server.PostgresServer):
    """A private server, which can be frozen and followed."""

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

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server, also one that is frozen."""
        if self.is_running:
            self.thaw()
        super().stop(mode)

    def standby(self) -> PostgresServer:
        """Return a started server that follows this one and refuses to write (a hot standby)."""
        standby = _Standby(self)
        standby.start()
        return standby


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
