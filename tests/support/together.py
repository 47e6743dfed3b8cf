"""Many processes that start on one database at the same moment, each as a server's worker does.

    python -m tests.support.together 20 MIGRATIONS_DIR

Takes the configuration from the environment. Each process is forked before anything is
connected, waits for the others, and prints the state it settles in.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

from deploystack import Config, create_app
from tests.support.applications import settled
from tests.support.revisions import Revisions
from tests.support.server import ROOT


def start_together(
    count: int, data_dir: Path, revisions: Revisions, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Let ``count`` processes start; each prints a line with the state it settles in.

    Args:
        count: how many.
        data_dir: their data folder.
        revisions: their schema.
        variables: more variables for them.
    """
    return subprocess.run(
        [sys.executable, "-m", "tests.support.together", str(count), str(revisions.folder)],
        cwd=ROOT,
        env={**os.environ, "DEPLOYSTACK_DATA_DIR": str(data_dir), **variables},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def main(count: int, migrations_dir: Path) -> int:
    """Start ``count`` processes at once and return how many did not become ready."""
    config = dataclasses.replace(Config.from_environment(), migrations_dir=migrations_dir)
    # Closed by the parent: end of file for every child in the same instant.
    gate, opener = os.pipe()
    children = []
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            os.close(opener)
            os.read(gate, 1)
            os._exit(_start(config))
        children.append(pid)
    os.close(opener)
    return sum(os.waitpid(pid, 0)[1] != 0 for pid in children)


def _start(config: Config) -> int:
    state = settled(create_app(config), seconds=40)
    problem = f" {state.problem.code} {state.problem.cause}" if state.problem else ""
    sys.stdout.write(f"{state.phase}{problem}\n")
    sys.stdout.flush()
    return 0 if state.phase == "ready" else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2])))
