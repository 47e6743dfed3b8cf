"""``docker``, as far as the documentation types it: each command does here what it says."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import yaml

from tests.support.containers import sandbox
from tests.support.containers.compose import Project, mounted, variables
from tests.support.containers.dockerfile import Builder, Image, context
from tests.support.containers.sandbox import Program
from tests.support.machine import Ended
from tests.support.server import ROOT

FORMAT = "{{.Service}}: {{.Health}}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="docker", exit_on_error=False, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    once = commands.add_parser("run")
    once.add_argument("--rm", action="store_true", required=True)
    once.add_argument("--user", required=True, choices=["0:0"])
    once.add_argument("--volume", action="append", required=True)
    once.add_argument("image")
    once.add_argument("argv", nargs=argparse.REMAINDER)
    compose = commands.add_parser("compose")
    compose.add_argument("--file", action="append")
    actions = compose.add_subparsers(dest="action", required=True)
    up = actions.add_parser("up")
    for flag in ("--build", "--detach", "--wait"):
        up.add_argument(flag, action="store_true")
    actions.add_parser("build")
    actions.add_parser("ps").add_argument("--format", required=True, choices=[FORMAT])
    run = actions.add_parser("exec")
    run.add_argument("-T", action="store_true")
    run.add_argument("service")
    run.add_argument("argv", nargs=argparse.REMAINDER)
    actions.add_parser("logs").add_argument("service")
    actions.add_parser("stop").add_argument("service", nargs="?")
    actions.add_parser("down").add_argument("--volumes", action="store_true")
    return parser


class Docker:
    """An engine with its images and projects.

    Args:
        image: what the Dockerfile of this checkout comes to.
        kept: a folder for what it keeps.
        port: where the server is published that pages call ``127.0.0.1:3000``.
    """

    def __init__(self, image: Image, kept: Path, port: int) -> None:
        self.images: dict[str, Image] = {}
        self._ours = image
        self._kept = kept
        self._port = port
        self._projects: dict[tuple[Path, ...], Project] = {}

    def __call__(self, arguments: list[str], cwd: Path, stdin: str) -> Ended:
        """Do what a command says."""
        told = _parser().parse_args(arguments)
        if told.command == "run":
            return self._run(told, cwd)
        return self._compose(told, self._files(told.file, cwd), stdin)

    def close(self) -> None:
        """End everything, and keep nothing."""
        for project in self._projects.values():
            project.down(volumes=True)

    def _compose(self, told: argparse.Namespace, files: tuple[Path, ...], stdin: str) -> Ended:
        if told.action == "up":
            return self._up(told, files)
        if told.action == "build":
            self._build(Project(files, self.images, self._kept))
            return Ended(0, "", "")
        project = self._projects[files]
        if told.action == "exec":
            ended = project.running[told.service].exec(told.argv, stdin)
            return Ended(ended.returncode, ended.stdout, ended.stderr)
        if told.action == "ps":
            healthy = {n: s.is_healthy() for n, s in project.running.items()}
            states = [f"{n}: {'healthy' if healthy[n] else 'unhealthy'}\n" for n in sorted(healthy)]
            return Ended(0, "".join(states), "")
        if told.action == "logs":
            assert told.service == "app"
            return Ended(0, project.logs(), "")
        named = [told.service] if told.action == "stop" and told.service else []
        codes = project.stop(*named)
        assert set(codes.values()) <= {0}, codes
        if told.action == "down":
            project.down(volumes=told.volumes)
        return Ended(0, "", "")

    def _up(self, told: argparse.Namespace, files: tuple[Path, ...]) -> Ended:
        assert told.detach, "it would hold the terminal"
        project = Project(files, self.images, self._kept, self._port)
        for other, before in self._projects.items():  # one project, whichever files describe it
            if other == files:
                if "app" in before.running:
                    before.stop("app")
                project.running = before.running
            elif before.running:
                before.stop()
                before.down()
        self._projects[files] = project
        service = project.told["services"]["app"]
        if told.build or service["image"] not in self.images:
            self._build(project)
        project.up()
        if told.wait:
            for name in project.running:
                project.await_health(name)
        return Ended(0, "", "")

    def _run(self, told: argparse.Namespace, cwd: Path) -> Ended:
        """Run a program as root, in a container that is gone after it."""
        image = self.images[told.image]
        folder = self._kept / "volumes"
        volumes = {f"deploystack_{path.name}": path for path in folder.iterdir()}
        mounts = [mounted(text, image, cwd, volumes) for text in told.volume]
        env = {"HOME": "/root", **image.env}
        ended = sandbox.run(Program(image.root, told.argv, env, image.workdir, mounts))
        return Ended(ended.returncode, ended.stdout, "")

    def _build(self, project: Project) -> None:
        service = project.told["services"]["app"]
        folder, name = project.folder / service["build"], service["image"]
        if (folder / "wsgi.py").exists():
            assert _content(folder) == _content(ROOT), "the checkout is another one"
            self.images[name] = self._ours
            return
        place = self._kept / "images" / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        self.images[name] = Builder(folder, place, self.images).build(folder / "Dockerfile")

    @staticmethod
    def _files(named: list[str] | None, cwd: Path) -> tuple[Path, ...]:
        told = variables(cwd, [{"path": ".env", "required": False}]).get("COMPOSE_FILE", "")
        named = named or list(filter(None, told.split(":")))
        if named:
            return tuple(cwd / name for name in named)
        override = cwd / "compose.override.yaml"
        if override.exists():
            assert yaml.safe_load(override.read_text("utf-8"))
            return cwd / "compose.yaml", override
        return (cwd / "compose.yaml",)


def _content(folder: Path) -> dict[Path, bytes]:
    found = {path: (folder / path).read_bytes() for path in context(folder)}
    return found | {Path("Dockerfile"): (folder / "Dockerfile").read_bytes()}
