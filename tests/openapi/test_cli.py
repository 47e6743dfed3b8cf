"""``flask openapi write``, without a server and without a database."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from flask import Flask

from tests.support.applications import command
from tests.support.commands import Commands
from tests.support.server import ROOT


def test_it_writes_each_format(app: Flask, tmp_path: Path, data_dir: Path) -> None:
    written = {}
    for kind in ("json", "yaml", "postman"):
        file = tmp_path / f"api.{kind}"
        done = command(app, "openapi", "write", "--format", kind, str(file))
        assert (done.exit_code, done.output) == (0, "")
        written[kind] = file.read_text("utf-8")
    document = json.loads(written["json"])

    assert document["openapi"].startswith("3.1.")
    assert yaml.safe_load(written["yaml"]) == document
    assert command(app, "openapi", "write", "-").output == written["json"]
    assert not (data_dir / "database").exists()


def test_a_file_that_cannot_be_written(app: Flask, tmp_path: Path) -> None:
    done = command(app, "openapi", "write", str(tmp_path / "no" / "such" / "folder"))

    assert done.exit_code == 1
    assert done.output.endswith("cannot be written: No such file or directory.\n")


@pytest.mark.parametrize("file", ["/dev/full", "-"])
def test_a_disk_that_is_full(data_dir: Path, tmp_path: Path, file: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", ROOT / "wsgi", "openapi", "write", file],
            env=Commands(data_dir, tmp_path).environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr == f"Error: {file} cannot be written: No space left on device.\n"


def test_a_file_is_replaced_whole_or_not_at_all(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, link = tmp_path / "api.json", tmp_path / "link.json"
    file.write_text("old")
    file.chmod(0o604)
    link.symlink_to(file)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", no_space)
        done = command(app, "openapi", "write", str(link))
        assert (done.exit_code, file.read_text()) == (1, "old")

    assert command(app, "openapi", "write", str(link)).exit_code == 0
    assert file.read_text("utf-8").startswith("{")
    assert file.stat().st_mode & 0o777 == 0o604
    assert {*tmp_path.glob("*.json"), *tmp_path.glob(".api*")} == {file, link}


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_the_collection_has_every_call(app: Flask) -> None:
    document = json.loads(command(app, "openapi", "write", "-").output)
    collection = json.loads(command(app, "openapi", "write", "--format", "postman", "-").output)
    requests = [item["request"] for folder in collection["item"] for item in folder["item"]]
    calls = {(r["method"], "/" + "/".join(r["url"]["path"])) for r in requests}

    assert calls == {
        (method.upper(), path.replace("{", ":").replace("}", ""))
        for path, methods in document["paths"].items()
        for method in methods
    }
    for request in requests:
        assert json.loads(request.get("body", {"raw": "{}"})["raw"]) is not None
        assert request["url"]["raw"].startswith("{{baseUrl}}/")


@pytest.mark.parametrize("kind", ["xml", ""])
def test_an_unknown_format_is_refused(app: Flask, kind: str) -> None:
    assert command(app, "openapi", "write", "--format", kind, "-").exit_code == 2
