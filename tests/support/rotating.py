"""Changing the key in a process of its own, which ends itself, without a word, after a step.

    python -m tests.support.rotating sealed 2

Takes the configuration from the environment and prints each step as it is done. Without a step
nothing ends it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from deploystack.settings import audit, get_settings
from deploystack.settings.rotation import rotate
from tests.support.server import ROOT


def rotate_in_a_process(
    data_dir: Path, *killed_after: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Change the key in a process of its own.

    Args:
        data_dir: the data folder.
        killed_after: the step after which it kills itself, and at which time of that step.
        variables: more variables for it.
    """
    return subprocess.run(
        [sys.executable, "-m", "tests.support.rotating", *killed_after],
        cwd=ROOT,
        env={
            **os.environ,
            "DEPLOYSTACK_DATA_DIR": str(data_dir),
            "DEPLOYSTACK_LOG_LEVEL": "DEBUG",
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def main(last: str | None, times: int) -> None:
    """Change the key, and be killed when the step ``last`` is done for the so manieth time."""
    from wsgi import app

    left = times

    def progress(told: str) -> None:
        nonlocal left
        step = told.split(maxsplit=1)[0]
        sys.stdout.write(f"{step}\n")
        sys.stdout.flush()
        left -= step == last
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    with app.app_context():
        sys.stdout.write(f"{rotate(get_settings(app), audit.operator(), progress)}\n")


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else None, int(sys.argv[2]) if sys.argv[2:] else 1)
