"""The real server, as `make run` starts it: worker processes, on a free port of 127.0.0.1."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from deploystack.testing.ports import HOST, free_port
from tests.support import documented

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 20.0


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.text)


class Server:
    """A server process with its workers, and a client for it.

    Args:
        data_dir: its data folder.
        environment: more variables for it.
        command: the program to run instead of the server itself.
        root: the checkout it runs from.
    """

    def __init__(
        self,
        data_dir: Path,
        environment: dict[str, str] | None = None,
        command: list[str] | None = None,
        root: Path = ROOT,
    ) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.log = data_dir.parent / f"server-{self.port}.log"
        self._root = root
        self._command = command or [sys.executable, "-m", "deploystack"]
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("DEPLOYSTACK_", "PG"))},
            "DEPLOYSTACK_DATA_DIR": str(data_dir),
            "DEPLOYSTACK_LOG_LEVEL": "DEBUG",
            "HOST": HOST,
            "PORT": str(self.port),
            **(environment or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> None:
        """Start it, and wait until it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._root, env=self._environment, stdout=log, stderr=log
            )
        if wait:
            self.until(self._answers, START_SECONDS)

    def stop(self, sig: int = signal.SIGTERM) -> int:
        """Tell it to stop and return its exit code."""
        assert self._process
        workers = self.workers()
        self._process.send_signal(sig)
        try:
            code = self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        _, left = psutil.wait_procs(workers, 5)
        assert not left, "a worker outlived the server"
        self._process = None
        return code

    def kill(self) -> None:
        """End it and its workers at once, as a crash of the machine would."""
        if self._process is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            server = psutil.Process(self._process.pid)
            server.suspend()  # first, or it would start another worker in place of a killed one
            for process in [*self.workers(), server]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        self._process.wait(10)
        self._process = None

    @property
    def origin(self) -> str:
        """Where a browser finds it: scheme, host and port."""
        return f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """The main process."""
        assert self._process
        return self._process.pid

    def workers(self) -> list[psutil.Process]:
        """The worker processes."""
        try:
            return psutil.Process(self.pid).children()
        except psutil.NoSuchProcess:
            return []

    def get(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        """Send a GET on a connection of its own, so that any worker may answer."""
        return self.request("GET", path, headers=headers)

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> Answer:
        """Send ``body`` as JSON."""
        return self.request(
            "POST",
            path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json", **(headers or {})},
        )

    def request(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: dict[str, str] | None = None,
        timeout: float = 60,
    ) -> Answer:
        """Send a request on a connection of its own."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=timeout)
        try:
            # A server that refuses a body may answer, and close, before it was all sent.
            with contextlib.suppress(BrokenPipeError):
                connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            text = response.read().decode()
            kind = response.headers.get_content_type()
            documented.check(method, path, response.status, kind, dict(response.headers), text)
            return Answer(response.status, response.headers, text)
        finally:
            connection.close()

    def status(self) -> dict[str, Any]:
        """Return the body of the status route."""
        body: dict[str, Any] = self.get("/api/db/status").json
        return body

    def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> float:
        """Wait for ``condition`` and return how many seconds it took."""
        started = time.monotonic()
        while not condition():
            if time.monotonic() - started > seconds:
                raise AssertionError(f"not within {seconds} s; the log:\n{self.log.read_text()}")
            time.sleep(0.02)
        return time.monotonic() - started

    def _answers(self) -> bool:
        assert self._process
        if self._process.poll() is not None:
            raise AssertionError(f"the server ended; its log:\n{self.log.read_text()}")
        try:
            return self.get("/livez").status == 200
        except OSError:
            return False
