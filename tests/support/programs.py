"""The project's programs, run to their end as an operator runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support.server import ROOT

OURS = ("DEPLOYSTACK_", "PG", "HOST", "PORT", "WEB_CONCURRENCY", "FLASK_")


def run(
    program: Sequence[str], seconds: float = 30, folder: Path = ROOT, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m program`` in an environment that holds of our variables only ``variables``.

    Args:
        program: a module and its arguments, such as ``["flask", "--app", "wsgi", "routes"]``.
        seconds: how long it may take.
        folder: where it runs; as installed, the checkout is found from everywhere.
        variables: of ours, for it.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return subprocess.run(
        [sys.executable, "-m", *program],
        cwd=folder,
        env=inherited | {"PYTHONPATH": str(ROOT)} | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
