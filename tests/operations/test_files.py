"""The files for operators, read by the programs that know their kind."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from deploystack import __version__
from deploystack.config import Config
from tests.support.containers.compose import variables
from tests.support.server import ROOT

UNIT = ROOT / "deploy" / "deploystack.service"
CREDENTIALS = ROOT / "deploy" / "credentials.conf"
COMPOSE = ["compose.yaml", "compose.postgres.yaml"]
EXPOSURE = 15
"""How exposed a service may be, in tenths: 100 is a program without any protection."""


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def lint(dockerfile: Path) -> list[str]:
    """Return what hadolint says, with every rule on."""
    program = Path(sys.executable).with_name("hadolint")
    ended = run(program, "--no-color", "--failure-threshold=style", dockerfile)
    assert ended.returncode in {0, 1}, ended.stderr
    return ended.stdout.splitlines()


def test_hadolint_finds_nothing(tmp_path: Path) -> None:
    assert lint(ROOT / "Dockerfile") == []
    (tmp_path / "Dockerfile").write_text("FROM python\nRUN cd /x\n")
    assert len(lint(tmp_path / "Dockerfile")) >= 2, "the linter finds what is wrong"


@pytest.mark.parametrize("name", COMPOSE)
def test_compose_files_follow_the_specification(name: str) -> None:
    found = importlib.util.find_spec("check_jsonschema")
    assert found
    assert found.origin
    schemas = Path(found.origin).parent / "builtin_schemas" / "vendor"
    schema = json.loads((schemas / "compose-spec.json").read_text("utf-8"))
    validator = jsonschema_rs.validator_for(schema)
    told = yaml.safe_load((ROOT / name).read_text("utf-8"))

    assert [error.message for error in validator.iter_errors(told)] == []
    told["services"]["app"]["port"] = "misspelt"
    assert not validator.is_valid(told)


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-kanari\r\n", b"HTTP/1.0 503 Away\r\n\r\n"])
def test_the_health_check_says_what_is_wrong(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        asking = subprocess.Popen(
            [sys.executable, "-I", ROOT / "deploy" / "healthcheck.py"],
            env={"PORT": str(port)},
            stderr=subprocess.PIPE,
            text=True,
        )
        asked, _ = other.accept()
        with asked:
            asked.recv(1000)
            asked.sendall(answer)
        _, said = asking.communicate(timeout=10)
    assert asking.returncode == 1
    assert re.fullmatch("deploystack: .+[.]\n", said)


def test_one_version_everywhere() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    images = {
        yaml.safe_load((ROOT / name).read_text("utf-8"))["services"]["app"]["image"]
        for name in COMPOSE
    }
    assert images == {f"deploystack:{__version__}"}
    assert setup["metadata"]["version"] == __version__
    assert f'image.version="{__version__}"' in (ROOT / "Dockerfile").read_text("utf-8")
    assert tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with its drop-in, and with a program that is there."""
    text = UNIT.read_text("utf-8")
    [command] = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    program = command.removeprefix("ExecStart=").split()[0]
    unit = tmp_path / UNIT.name
    unit.write_text(text.replace(program, shutil.which("true") or ""))
    (tmp_path / f"{UNIT.name}.d").mkdir()
    shutil.copy(CREDENTIALS, tmp_path / f"{UNIT.name}.d")
    return unit


def test_systemd_verifies_the_unit(unit: Path) -> None:
    verified = run("systemd-analyze", "verify", "--man=no", unit)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")
    with unit.open("a") as file:
        file.write("[Service]\nProtectHom=yes\n")
    assert "ProtectHom" in run("systemd-analyze", "verify", "--man=no", unit).stderr


def test_systemd_finds_the_unit_little_exposed() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager"]
    ended = run(*command, f"--threshold={EXPOSURE}", UNIT)
    assert ended.returncode == 0, ended.stdout


def test_the_example_of_an_environment_can_be_used() -> None:
    """Also with each line that is commented out."""
    text = (ROOT / "deploy" / "environment").read_text("utf-8")
    examples = {
        name: value
        for line in text.splitlines()
        if line.startswith("#") and not line.startswith("# ")
        for name, _, value in [line[1:].partition("=")]
    }
    given = variables(ROOT, ["deploy/environment"])
    assert given == {"WEB_CONCURRENCY": "2"}
    assert Config.from_environment(given | examples).admin_username == "alice"
