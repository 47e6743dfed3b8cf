"""Setup in a process of its own, which ends itself, without a word, after a chosen step.

    echo '{"type": "sqlite"}' | python -m tests.support.dying committed

Takes the configuration from the environment and prints each step as it is done. Without a step
nothing ends it, and it fails as ``flask db setup`` would.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from deploystack.database import get_database, setup
from deploystack.database.postgres.connection_string import parse
from deploystack.database.target import SqliteTarget, Target
from deploystack.errors import ApiError


def main(last: str | None, body: dict[str, str]) -> None:
    """Set up as ``body`` asks, and be killed after the step ``last``."""
    from wsgi import app

    database = get_database(app)
    target: Target = SqliteTarget(database.config.sqlite_file)
    if body["type"] == "postgres":
        target = parse(body["connectionString"])

    def progress(told: str) -> None:
        step = told.split(maxsplit=1)[0]
        sys.stdout.write(f"{step}\n")
        sys.stdout.flush()
        if step == last:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        setup.set_up(database, target, progress)
    except ApiError as error:
        sys.exit(f"{error.status} {error.code}: {error.sentence}")


if __name__ == "__main__":
    main(sys.argv[1] if sys.argv[1:] else None, json.load(sys.stdin))
