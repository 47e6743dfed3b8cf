"""Reading a Dockerfile and doing what it says, one instruction after the other.

A stage is a folder. Its base image is the system that the tests run on, with the Python that runs
them; whatever the instructions copy, make and install is real, at the paths that they say.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from string import Template

from filelock import FileLock

from tests.support.containers import sandbox
from tests.support.containers.sandbox import SEARCH_PATH, Mount, Program
from tests.support.server import ROOT

LAYERS = ROOT / "build" / "layers"
"""What takes long to make, and is the same as in the test run before."""


@dataclass
class Image:
    """What a stage has come to: a root, and how a container of it runs.

    The attributes are called as the instructions that set them.
    """

    root: Path
    base: str
    env: dict[str, str] = field(default_factory=lambda: {"PATH": SEARCH_PATH})
    workdir: str = "/"
    user: tuple[int, int] = (0, 0)
    volumes: list[str] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    healthcheck: list[str] = field(default_factory=list)
    stop_signal: str = "SIGTERM"
    cmd: list[str] = field(default_factory=list)

    def path(self, text: str) -> Path:
        """Return where a path of an instruction is outside of the image."""
        return self.root / str(Path(self.workdir, text)).lstrip("/")


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield each instruction with what follows it, in one line."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield name.upper(), rest.strip()


class Builder:
    """Builds an image.

    Args:
        context: the folder that is sent to the builder, but for what its ``.dockerignore`` names.
        folder: where stages are made.
        images: what is there already, by its name.
    """

    def __init__(
        self, context: Path, folder: Path, images: Mapping[str, Image] | None = None
    ) -> None:
        self.context = context
        self.folder = folder
        self.stages = dict(images or {})

    def build(self, dockerfile: Path) -> Image:
        """Return the image of the last stage."""
        image = None
        for name, rest in instructions(dockerfile.read_text("utf-8")):
            if name == "FROM":
                image = self._from(rest)
                continue
            assert image, "a Dockerfile begins with FROM"
            carry_out: Callable[[Image, str], None] = getattr(self, f"_{name.lower()}")
            carry_out(image, rest)
        assert image
        return image

    def _from(self, rest: str) -> Image:
        base, _, name = rest.partition(" AS ")
        if base in self.stages:
            image = self.stages[base]
            root = self.folder / (name or "final")
            sandbox.as_root_of_a_sandbox("cp", "--archive", str(image.root), str(root))
            return replace(image, root=root, env=dict(image.env))
        assert re.fullmatch(r"python:3\.\d+\.\d+-\S+", base), f"not pinned: {base}"
        root = self.folder / (name or "final")
        for folder in ("tmp", "root", "run", "var/lib", "opt"):
            (root / folder).mkdir(parents=True)
        (root / "tmp").chmod(0o1777)
        image = self.stages[name or "final"] = Image(root, base)
        return image

    def _env(self, image: Image, rest: str) -> None:
        for name, value in _pairs(rest):
            image.env[name] = Template(value).substitute(image.env)

    def _label(self, image: Image, rest: str) -> None:
        image.labels.update(_pairs(rest))

    def _workdir(self, image: Image, rest: str) -> None:
        image.workdir = str(Path(image.workdir, rest))
        image.path("").mkdir(parents=True, exist_ok=True)

    def _copy(self, image: Image, rest: str) -> None:
        flags, [*sources, target] = _flags(rest)
        stage = self.stages[flags["from"]] if "from" in flags else None
        assert set(flags) <= {"from"}
        place = image.path(target)
        for source in sources:
            whole = stage.root / source.lstrip("/") if stage else self.context / source
            if stage:
                _copy_tree(whole, place)
                continue
            found = [path for path in context(self.context) if path.is_relative_to(source)]
            assert found, f"COPY finds no {source} in what .dockerignore leaves"
            for path in found:
                is_in = whole.is_dir()
                to = place / path.relative_to(source) if is_in else place / path.name
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.context / path, to)

    def _run(self, image: Image, rest: str) -> None:
        mounts = []
        while found := re.match(r"--mount=type=cache,target=(\S+)\s+", rest):
            kept = _pip("cache", "dir").strip()
            Path(kept).mkdir(parents=True, exist_ok=True)
            mounts.append(Mount(found[1], kept))
            rest = rest[found.end() :]
        if not mounts:
            self._carry_out(image, rest, [])
            return
        # Kept as a builder keeps its layers: the same command on the same files and Python.
        layer = LAYERS / self._digest(image, rest)
        if layer.exists():
            _copy_tree(layer, image.path(""))
            return
        self._carry_out(image, rest, mounts)
        shutil.rmtree(LAYERS, ignore_errors=True)  # what was before is of no use any more
        draft = layer.with_name(f"{layer.name}.{os.getpid()}")
        _copy_tree(image.path(""), draft)
        draft.rename(layer)

    def _digest(self, image: Image, rest: str) -> str:
        files = sorted(path for path in image.path("").rglob("*") if path.is_file())
        content = b"".join(path.read_bytes() for path in files)
        told = f"{rest}{image.env}{image.workdir}{sys.version}".encode()
        return hashlib.sha256(told + content).hexdigest()[:32]

    def _carry_out(self, image: Image, command: str, mounts: Sequence[Mount]) -> None:
        settings, files = pip_settings()
        program = Program(
            image.root,
            ["/bin/sh", "-c", command],
            {"HOME": "/root", **settings, **image.env},
            image.workdir,
            [*mounts, *(Mount(path, path, ("ro",)) for path in files)],
            image.user,
        )
        ended = sandbox.run(program)
        assert ended.returncode == 0, f"RUN {command}\n{ended.stdout}"

    def _user(self, image: Image, rest: str) -> None:
        uid, gid = map(int, rest.split(":"))  # a name says nothing to who mounts a volume
        image.user = uid, gid

    def _volume(self, image: Image, rest: str) -> None:
        image.volumes.append(rest)

    def _expose(self, image: Image, rest: str) -> None:
        image.ports.append(int(rest))

    def _stopsignal(self, image: Image, rest: str) -> None:
        image.stop_signal = rest

    def _healthcheck(self, image: Image, rest: str) -> None:
        image.healthcheck = json.loads(rest.partition("CMD ")[2])

    def _cmd(self, image: Image, rest: str) -> None:
        image.cmd = json.loads(rest)


@contextmanager
def shared_image(folder: Path) -> Iterator[Image]:
    """Lend out the image of this checkout, to all processes that name the same ``folder``.

    The first one builds it. It is large, so that the last one removes it.
    """
    sandbox.require()
    place, users = folder / "image", folder / "image-users"
    told = place / "image.json"
    with FileLock(folder / "image.lock"):
        if not told.exists():
            shutil.rmtree(place, ignore_errors=True)  # of one that did not come to its end
            place.mkdir()
            built = Builder(ROOT, place).build(ROOT / "Dockerfile")
            told.write_text(json.dumps(asdict(built), default=str))
            users.write_text("")
        users.write_text(users.read_text() + "x")
        found = json.loads(told.read_text())
    try:
        yield Image(**{**found, "root": Path(found["root"]), "user": tuple(found["user"])})
    finally:
        with FileLock(folder / "image.lock"):
            users.write_text(users.read_text()[1:])
            if not users.read_text():
                sandbox.as_root_of_a_sandbox("rm", "-rf", str(place))


def pip_settings() -> tuple[dict[str, str], list[str]]:
    """Return what pip is told on this machine, as variables; and the files that these name.

    A builder gets them as build arguments: behind a proxy or a mirror it could do nothing else.
    """
    told = _pip("config", "list")
    found = re.findall(r"^(?:global|install|:env:)\.([\w-]+)=('.*'|\".*\")$", told, re.MULTILINE)
    settings = {f"PIP_{n.replace('-', '_').upper()}": ast.literal_eval(v) for n, v in found}
    words = [word for value in settings.values() for word in value.split()]
    paths = {Path(word) for word in words if word.startswith("/")}
    # The packages of an index in files are beside it.
    paths |= {Path(word.removeprefix("file://")).parent for word in words if "file:///" in word}
    return settings, [str(p) for p in paths if p.exists() and not p.is_relative_to("/etc")]


def _pip(*arguments: str) -> str:
    command = [sys.executable, "-m", "pip", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def context(folder: Path) -> Iterator[Path]:
    """Yield the files that ``.dockerignore`` leaves, relative to ``folder``."""
    named = folder / ".dockerignore"
    lines = named.read_text("utf-8").splitlines() if named.exists() else []
    rules = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    for where, folders, files in os.walk(folder):
        here = Path(where).relative_to(folder)
        folders[:] = [name for name in folders if _may_hold(here / name, rules)]
        yield from (here / name for name in sorted(files) if not is_ignored(here / name, rules))


def is_ignored(path: Path, rules: list[str]) -> bool:
    """Return whether a file is left out: the last rule for it, or for a folder of it, decides."""
    ignored = False
    for rule in rules:
        pattern = _pattern(rule.removeprefix("!").strip("/"))
        if any(pattern.fullmatch(str(part)) for part in [path, *path.parents][:-1]):
            ignored = not rule.startswith("!")
    return ignored


def _may_hold(path: Path, rules: list[str]) -> bool:
    begun = [rule for rule in rules if rule.startswith(f"!{path}/")]
    return bool(begun) or not is_ignored(path, rules)


def _pattern(rule: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^]]*\])", rule)
    meaning = {"**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile(
        "".join(
            meaning.get(part) or (part if part.startswith("[") else re.escape(part))
            for part in parts
        )
    )


def _pairs(rest: str) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (word.partition("=") for word in shlex.split(rest))]


def _flags(rest: str) -> tuple[dict[str, str], list[str]]:
    words = rest.split()
    flags = [word[2:].partition("=") for word in words if word.startswith("--")]
    return {name: value for name, _, value in flags}, [w for w in words if not w.startswith("--")]


def _copy_tree(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
