"""The project's programs, run to their end as an operator runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

from tests.support.server import ROOT

OURS = ("DEPLOYSTACK_", "PG", "HOST", "PORT", "WEB_CONCURRENCY", "FLASK_")


def run(
    program: Sequence[str], seconds: float = 30, folder: Path = ROOT, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m program`` in an environment that holds of our variables only ``variables``.

    Args:
        program: a module and its arguments, such as ``["flask", "--app", "wsgi", "routes"]``.
        seconds: how long it may take; then it is ended, with what it has started.
        folder: where it runs; as installed, the checkout is found from everywhere.
        variables: of ours, for it.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    command = [sys.executable, "-m", *program]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=inherited | {"PYTHONPATH": str(ROOT)} | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            output, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            main = psutil.Process(process.pid)
            for started in [main, *main.children(recursive=True)]:
                started.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)
