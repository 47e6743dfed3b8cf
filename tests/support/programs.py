"""The project's programs, run to their end as an operator runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from tests.support.server import ROOT

OURS = ("DEPLOYSTACK_", "PG", "HOST", "PORT", "WEB_CONCURRENCY", "FLASK_")


def run(
    program: Sequence[str], seconds: float = 30, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m program`` in the checkout, in an environment that holds only ``variables``.

    Args:
        program: a module and its arguments, such as ``["flask", "--app", "wsgi", "routes"]``.
        seconds: how long it may take.
        variables: of ours, for it.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return subprocess.run(
        [sys.executable, "-m", *program],
        cwd=ROOT,
        env=inherited | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
