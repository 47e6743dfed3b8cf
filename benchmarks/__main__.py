"""Run every measurement, print the table, and write it to ``docs/explanation/benchmarks.md``."""

from __future__ import annotations

import platform
import sqlite3
from datetime import UTC, datetime
from importlib.metadata import version

import psutil

from benchmarks import accounts, migrating, pages, plugged, serving, settings, starting
from benchmarks.figures import HEADER, RUNS
from tests.support.server import ROOT

INTRODUCTION = """# Benchmarks

Written by `make bench` on {date}; run it to measure again. Each figure is taken {runs} times after
one run that is not counted. Servers are the real one, with two worker processes, and the load
generator (`wrk`, one thread) runs on the same machine, so it takes its share of the processors.

**Machine:** {machine}

**Versions:** {versions}

{table}

"Bind at start" is the time from the first question to "ready" in a new process, imports of the
application not counted: reading the head of the code from the files, the revision of the database,
and opening the pool. "Setup" is one call, from request to answer, in a server that has been up for
a second; a server asked sooner imports Alembic within the call, which adds about 80 ms.

Each plugin has three tables with a class each, a foreign key to the core, and a seed. "Start with
nothing to do" is what one of them adds to making the application, where it is held to the rules,
and to the time until every plugin is active. To import its own module comes on top, and is mostly
SQLAlchemy mapping its classes.

"First paint" is what headless Chromium measures from the beginning of the navigation to the first
text (First Contentful Paint), with nothing in its cache.
"""


def main() -> None:
    """Measure everything."""
    rows = [HEADER]
    print(HEADER)
    for measurements in (
        starting.imports,
        starting.first_answer,
        starting.setups,
        serving.per_request_check,
        serving.status_under_load,
        migrating.revisions,
        accounts.accounts,
        settings.reads,
        settings.lists,
        plugged.plugins,
        pages.pages,
    ):
        for figure in measurements():
            rows.append(figure.row())
            print(figure.row(), flush=True)
    text = INTRODUCTION.format(
        date=datetime.now(UTC).date(),
        runs=RUNS,
        machine=_machine(),
        versions=_versions(),
        table="\n".join(rows),
    )
    (ROOT / "docs" / "explanation" / "benchmarks.md").write_text(text, encoding="utf-8")


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    cores = psutil.cpu_count()
    return f"{cores} processors ({platform.machine()}), {memory:.0f} GiB, {platform.system()}"


def _versions() -> str:
    packages = ["flask", "sqlalchemy", "alembic", "psycopg2-binary", "granian"]
    python = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return ", ".join([python, *(f"{name} {version(name)}" for name in packages)])


if __name__ == "__main__":
    main()
