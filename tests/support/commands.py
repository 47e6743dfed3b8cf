"""The ``flask`` command in a process of its own, from a folder that is not the project's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.server import ROOT


class Commands:
    """Runs ``flask`` commands on one data folder.

    Args:
        data_dir: the data folder.
        cwd: the folder to run in; it exists.
        project: the folder of ``wsgi.py``: this checkout, or a copy from :func:`copy_project`.
        variables: more variables for the environment.
    """

    def __init__(self, data_dir: Path, cwd: Path, project: Path = ROOT, **variables: str) -> None:
        self.cwd = cwd
        self.project = project
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("DEPLOYSTACK_", "PG"))},
            "DEPLOYSTACK_DATA_DIR": str(data_dir),
            "DEPLOYSTACK_LOG_LEVEL": "DEBUG",
            **variables,
        }
        if project != ROOT:
            self.environment["PYTHONPATH"] = str(project)  # before the installed checkout

    def flask(
        self, *arguments: str, stdin: str = "", timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run ``flask`` and return how it ended, with its output."""
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", str(self.project / "wsgi"), *arguments],
            cwd=self.cwd,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def succeed(self, *arguments: str, stdin: str = "") -> str:
        """Run ``flask``, which must succeed, and return its standard output."""
        ended = self.flask(*arguments, stdin=stdin)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def fail(self, *arguments: str, stdin: str = "", code: int = 1) -> str:
        """Run ``flask``, which must fail in words, and return all its output."""
        ended = self.flask(*arguments, stdin=stdin)
        output = ended.stdout + ended.stderr
        assert ended.returncode == code, output
        assert "Traceback" not in output
        return output


def copy_project(folder: Path) -> Path:
    """Copy what the program consists of to ``folder``, compiled as it is, to change it there."""
    ignored = shutil.ignore_patterns(".*")
    for name in ("deploystack", "migrations"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "wsgi.py", folder)
    return folder
