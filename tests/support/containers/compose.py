"""Starting what a compose file describes: images, volumes, secrets, networks, health and order.

The service with a ``build`` runs in a sandbox. A service of PostgreSQL's image is the real server
that all tests use, with the role and the database that its variables ask for.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import yaml
from psycopg2 import sql

from deploystack.testing.ports import HOST
from deploystack.testing.postgres_programs import find_programs
from tests.support.containers import sandbox
from tests.support.containers.dockerfile import Image
from tests.support.containers.sandbox import Mount, Network, Program, Running
from tests.support.postgres import PostgresServer
from tests.support.server import Server

HARDENING = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "restart": "unless-stopped",
}
POSTGRES_PORT = 5432


class Service(Protocol):
    """Something that was started."""

    def is_healthy(self) -> bool:
        """Run its health check."""

    def exec(self, argv: list[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run another program in it."""

    def stop(self) -> int:
        """Tell it to stop, and return its exit code."""

    def kill(self) -> None:
        """End it, if it has not ended."""


class Container:
    """A container of our image.

    Args:
        service: what the compose file says of it.
        image: the image.
        folder: the folder of the compose file.
        volumes: where each volume is kept.
        secrets: where each secret is kept.
        ways_out: the ports of other services.
        log: what it writes.
        port: where it is published.
    """

    def __init__(
        self,
        service: Mapping[str, Any],
        image: Image,
        folder: Path,
        volumes: Mapping[str, Path],
        secrets: Mapping[str, Path],
        ways_out: Mapping[int, int],
        log: Path,
        port: int | None,
    ) -> None:
        told = dict(service)
        for name, value in HARDENING.items():
            assert told.pop(name) == value, f"{name} is not {value}"
        others = told.pop("depends_on", {})
        told.pop("build"), told.pop("image")
        hosts = log.with_name("hosts")
        hosts.write_text(" ".join([HOST, "localhost", *others]) + "\n")
        self.image = image
        self.grace = seconds(told.pop("stop_grace_period"))
        self.client = Server(log.parent)
        self.client.log = log
        self.client.port = port or self.client.port
        [published] = told.pop("ports")
        address, outside, inside = published.split(":")
        assert (address, outside) == (HOST, "3000"), "published for this machine alone"
        env = {"HOME": "/", **image.env, **variables(folder, told.pop("env_file", []))}
        env |= {name: str(value) for name, value in told.pop("environment", {}).items()}
        mounts = [
            Mount("/etc/hosts", str(hosts), ("ro",)),
            *(_memory(text) for text in told.pop("tmpfs", [])),
            *(mounted(text, image, folder, volumes) for text in told.pop("volumes")),
            *(
                Mount(f"/run/secrets/{name}", str(secrets[name]), ("ro",))
                for name in told.pop("secrets", [])
            ),
        ]
        assert not told, f"nothing is known of {sorted(told)}"
        program = Program(image.root, image.cmd, env, image.workdir, mounts, image.user, True, True)
        with log.open("ab") as file:
            network = Network({int(inside): self.client.port}, ways_out)
            self.running = Running.start(program, network, file)

    def is_healthy(self) -> bool:
        """Run the health check of the image."""
        assert self.running.process.poll() is None, self.client.log.read_text()
        return self.exec(self.image.healthcheck).returncode == 0

    def exec(self, argv: list[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run another program in it."""
        return self.running.run(argv, stdin=stdin)

    def stop(self) -> int:
        """Send it the signal of the image, and return its exit code; it has its grace period."""
        return self.running.stop(self.grace)

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        self.running.kill()


class Database:
    """A container of PostgreSQL's image, in its place the server that tests bring along.

    Args:
        service: what the compose file says of it.
        secrets: where each secret is kept.
    """

    def __init__(self, service: Mapping[str, Any], secrets: Mapping[str, Path]) -> None:
        assert re.fullmatch(r"postgres:\d+\.\d+", service["image"]), "a pinned image"
        assert {name: service[name] for name in HARDENING} == HARDENING
        kind, *self._check = service["healthcheck"]["test"]
        assert kind == "CMD"
        told = service["environment"]
        role, database = told["POSTGRES_USER"], told["POSTGRES_DB"]
        files = {f"/run/secrets/{name}": secrets[name] for name in service["secrets"]}
        self._password = files[told["POSTGRES_PASSWORD_FILE"]].read_text().strip()
        self.server = PostgresServer()
        self.server.start()
        names = {"role": sql.Identifier(role), "name": sql.Identifier(database)}
        for statement in (
            sql.SQL("CREATE ROLE {role} SUPERUSER LOGIN PASSWORD {password}"),
            sql.SQL("CREATE DATABASE {name} OWNER {role}"),
        ):
            self.server.execute(statement.format(**names, password=sql.Literal(self._password)))

    def is_healthy(self) -> bool:
        """Run the health check that the compose file has."""
        return self.exec(self._check).returncode == 0

    def exec(self, argv: list[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program of PostgreSQL's, which the image lets in without a password."""
        env = {
            "PATH": f"{find_programs()}:{os.environ['PATH']}",
            "PGHOST": self.server.host,
            "PGPORT": str(self.server.port),
            "PGPASSWORD": self._password,
        }
        return subprocess.run(
            argv, env=env, input=stdin, capture_output=True, text=True, check=False
        )

    def stop(self) -> int:
        """Stop the server."""
        self.server.stop()
        return 0

    def kill(self) -> None:
        """End it, with all its data."""
        self.server.close()


class Project:
    """What compose files describe.

    Args:
        files: the compose file, and those that add to it; ``.env`` and secrets are beside it.
        images: every image that there is, by its name.
        kept: the folder for volumes and logs.
        port: where the server is published; any that is free, if none is given.
    """

    def __init__(
        self,
        files: Sequence[Path],
        images: Mapping[str, Image],
        kept: Path,
        port: int | None = None,
    ) -> None:
        self.folder = files[0].parent
        self.told: dict[str, Any] = {}
        for file in files:
            self.told = merged(self.told, yaml.safe_load(file.read_text("utf-8")))
        self.running: dict[str, Service] = {}
        self._images = images
        self._kept = kept
        self._port = port
        self.volumes = {name: kept / "volumes" / name for name in self.told["volumes"]}
        (kept / "volumes").mkdir(parents=True, exist_ok=True)

    @property
    def app(self) -> Container:
        """The container of our image."""
        app = self.running["app"]
        assert isinstance(app, Container)
        return app

    def up(self) -> None:
        """Start every service, each after those that it waits for."""
        for name in self._in_order():
            if name not in self.running:
                self._start(name)

    def stop(self, *names: str) -> dict[str, int]:
        """Stop these services, or all of them, and return the exit codes."""
        codes = {}
        for name in reversed(names or list(self.running)):
            codes[name] = self.running[name].stop()
            if isinstance(self.running[name], Container):
                del self.running[name]
        return codes

    def down(self, *, volumes: bool = False) -> None:
        """End what still runs; remove the volumes, if wished."""
        for service in self.running.values():
            service.kill()
        self.running.clear()
        if volumes:
            sandbox.as_root_of_a_sandbox("rm", "-rf", str(self._kept / "volumes"))

    def await_health(self, name: str, patience: float = 30) -> None:
        """Return once the health check of a service passes."""
        deadline = time.monotonic() + patience
        while not self.running[name].is_healthy():
            assert time.monotonic() < deadline, f"{name} is not healthy:\n{self.logs()}"
            time.sleep(0.05)

    def logs(self) -> str:
        """Return what our container has written."""
        return self._log.read_text()

    @property
    def _log(self) -> Path:
        return self._kept / "app.log"

    def _in_order(self) -> Iterator[str]:
        services = self.told["services"]
        yield from sorted(services, key=lambda name: len(services[name].get("depends_on", {})))

    def _start(self, name: str) -> None:
        service = self.told["services"][name]
        secrets = {n: self.folder / s["file"] for n, s in self.told.get("secrets", {}).items()}
        if "build" not in service:
            self.running[name] = Database(service, secrets)
            return
        for other, condition in service.get("depends_on", {}).items():
            assert condition == {"condition": "service_healthy"}
            self.await_health(other)
        databases = [s for s in self.running.values() if isinstance(s, Database)]
        ways_out = {}
        for database in databases:
            ways_out[POSTGRES_PORT] = database.server.port
        self.running[name] = Container(
            service,
            self._images[service["image"]],
            self.folder,
            self.volumes,
            secrets,
            ways_out,
            self._log,
            self._port,
        )


def mounted(text: str, image: Image, folder: Path, volumes: Mapping[str, Path]) -> Mount:
    """Return what ``SOURCE:TARGET`` mounts: a folder, if it has a slash, or a volume.

    A new volume takes what the image has there.
    """
    source, target, *options = text.split(":")
    if "/" in source:
        return Mount(target, str(folder / source), options)
    if not volumes[source].exists():
        begun = image.root / target.lstrip("/")
        sandbox.as_root_of_a_sandbox("cp", "--archive", str(begun), str(volumes[source]))
    return Mount(target, str(volumes[source]), options)


def seconds(text: str) -> float:
    """Return how long ``20s`` is."""
    assert text.endswith("s")
    return float(text[:-1])


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return what two compose files say together: lists are added, and the second one decides."""
    found = dict(one)
    for name, value in other.items():
        before = found.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            found[name] = merged(before, value)
        elif isinstance(before, list) and isinstance(value, list):
            found[name] = [*before, *value]
        else:
            found[name] = value
    return found


def variables(folder: Path, files: list[Any]) -> dict[str, str]:
    """Return what is in files of variables, each line of which is ``NAME=value``."""
    found = {}
    for one in files:
        told = one if isinstance(one, dict) else {"path": one}
        path = folder / told["path"]
        if not path.exists() and told.get("required") is False:
            continue
        for line in path.read_text("utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                name, _, value = line.partition("=")
                found[name.strip()] = value.strip().strip("'\"")
    return found


def _memory(text: str) -> Mount:
    target, _, options = text.partition(":")
    return Mount(target, options=tuple(filter(None, options.split(","))))
