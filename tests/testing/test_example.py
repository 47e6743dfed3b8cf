"""The plugin in examples/: what `flask plugins new` writes, and what its tests say of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from flask import Flask

from tests.support.applications import command
from tests.support.postgres import Postgres
from tests.support.server import ROOT

EXAMPLE = ROOT / "examples" / "deploystack-example"
LEFT_BY_TOOLS = ("__pycache__", ".*", "*.egg-info", "build")


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy of the example, as it was committed."""
    ignored = shutil.ignore_patterns(*LEFT_BY_TOOLS)
    return shutil.copytree(EXAMPLE, tmp_path / "example", ignore=ignored)


def test_the_example_is_what_the_command_writes(app: Flask, tmp_path: Path, example: Path) -> None:
    result = command(app, "plugins", "new", "example", "--into", str(tmp_path))

    assert result.exit_code == 0, result.output
    assert files(example) == files(tmp_path / "deploystack-example")


def test_the_tests_of_the_example_pass(
    example: Path,
    postgres: Postgres,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DEPLOYSTACK_TEST_POSTGRES_URL", postgres.uri("postgres"))
    monkeypatch.chdir(example)

    result = pytester.runpytest_subprocess("-W", "error")

    result.assert_outcomes(passed=28)
