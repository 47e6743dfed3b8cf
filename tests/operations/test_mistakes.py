"""Mistakes in the files for operators are noticed: none is passed over by who carries them out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.operations.conftest import IMAGE, MakeProject
from tests.support.containers import sandbox
from tests.support.containers.compose import Project
from tests.support.containers.dockerfile import Builder, Image
from tests.support.server import ROOT

BASE = "FROM python:3.13.11-slim-trixie\n"


@pytest.mark.parametrize(
    "text",
    [
        "FROM python:latest\n",
        "FROM python:3-slim\n",
        f"{BASE}COPY tests tests\n",
        f"{BASE}COPY --from=builder /x ./\n",
        f"{BASE}RUN exit 3\n",
        f"{BASE}RUN pip install --no-cache-dir --no-index no-such-package\n",
        f"{BASE}USER deploystack\n",
        f"{BASE}HEALTHCHECK CMD curl localhost\n",
        f"{BASE}CMD python -m deploystack\n",
        f"{BASE}ADD LICENSE ./\n",
        "COPY LICENSE ./\n",
    ],
)
def test_in_a_dockerfile(text: str, tmp_path: Path) -> None:
    sandbox.require()
    (tmp_path / "Dockerfile").write_text(text)
    with pytest.raises((AssertionError, AttributeError, KeyError, ValueError)):
        Builder(ROOT, tmp_path / "stages").build(tmp_path / "Dockerfile")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("read_only", False),
        ("cap_drop", []),
        ("security_opt", []),
        ("ports", ["3000:3000"]),
        ("ports", ["0.0.0.0:3000:3000"]),
        ("privileged", True),
        ("volumes", ["misspelt:/var/lib/deploystack"]),
        ("image", "misspelt"),
    ],
)
def test_in_a_compose_file(key: str, value: Any, image: Image, tmp_path: Path) -> None:
    told = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
    told["services"]["app"][key] = value
    (tmp_path / "compose.yaml").write_text(yaml.safe_dump(told))
    project = Project([tmp_path / "compose.yaml"], {IMAGE: image}, tmp_path / "engine")
    with pytest.raises((AssertionError, KeyError, ValueError)):
        project.up()


def test_a_data_folder_of_another_user(project: MakeProject, tmp_path: Path) -> None:
    """It is refused with a sentence; only the volume's first owner may write it."""
    here = project("compose.yaml", tmp_path / "project")
    here.told["services"]["app"]["volumes"] = ["./data:/var/lib/deploystack"]
    (tmp_path / "project" / "data").mkdir(mode=0o755)
    here.up()
    assert here.app.running.process.wait(20) == 1
    assert "DEPLOYSTACK_DATA_DIR cannot be used" in here.logs()
    assert "Permission denied" in here.logs()


def test_where_no_sandbox_can_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is an error that says what to do."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"^A sandbox cannot be made: .* Run the tests as root"):
        sandbox.require()
