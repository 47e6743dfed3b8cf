"""What plugins cost: setting up with many of them, and each start after that."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.figures import RUNS, Figure
from tests.support.postgres import external_or_private
from tests.support.server import ROOT

COUNTS = (0, 25, 50, 100)
"""Numbers of plugins; each has three tables and a seed."""

PLUGIN = """
import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column
from deploystack.plugins import Model, PluginMetadata, hookimpl

class One(Model):
    __tablename__ = "{name}_one"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(sa.String(100))

class Two(Model):
    __tablename__ = "{name}_two"
    id: Mapped[int] = mapped_column(primary_key=True)
    one_id: Mapped[int] = mapped_column(sa.ForeignKey("{name}_one.id"), index=True)

class Three(Model):
    __tablename__ = "{name}_three"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("users.id"))

@hookimpl
def deploystack_metadata():
    return PluginMetadata(name="{name}", version="1.0")

@hookimpl
def deploystack_tables():
    return [One, Two, Three]

@hookimpl
def deploystack_seed(session):
    if session.get(One, 1) is None:
        session.add(One(id=1, text="seed"))
"""

# Prints how many milliseconds it took to import the plugins and map their classes; to make the
# application, which holds them to the rules; and to set up or, if that was done before, from the
# first question until every plugin is active.
MEASURE = """
import importlib, itertools, json, os, sys, time
import sqlalchemy.orm
from deploystack import create_app
from deploystack.database import get_database
from deploystack.plugins.service import get_service

folder, variables, body = json.loads(sys.argv[1])
create_app(variables)  # what is imported by the first one is not the plugins' doing
sys.path.append(folder)
times = [time.perf_counter()]
plugins = [importlib.import_module(name[:-3]) for name in sorted(os.listdir(folder)) if "." in name]
sqlalchemy.orm.configure_mappers()
times.append(time.perf_counter())
app = create_app(variables, plugins=plugins)
times.append(time.perf_counter())
if body:
    import alembic.command  # as a server that has been up for a second has done
    times[-1] = time.perf_counter()
    answer = app.test_client().post("/api/db/setup", json=body)
    assert answer.json["restart_required"] is False, answer.text
else:
    while get_database(app).current().phase != "ready":
        time.sleep(0.0005)
    assert get_service(app).settled()
times.append(time.perf_counter())
print(json.dumps([(after - before) * 1000 for before, after in itertools.pairwise(times)]))
get_database(app).close()
"""


class Times(NamedTuple):
    """Milliseconds, one for each run."""

    importing: list[float]
    starting: list[float]
    setup: list[float]


def plugins() -> Iterator[Figure]:
    """Yield, for more and more plugins, the time of setup, and what a start takes for each."""
    with tempfile.TemporaryDirectory() as folder, external_or_private() as postgres:
        for dialect in ("SQLite", "PostgreSQL"):
            empty = None
            for count in COUNTS:
                uris = [postgres.create_database() for _ in range(RUNS + 1)]
                bodies = [
                    {"type": "postgres", "connectionString": uri}
                    if dialect == "PostgreSQL"
                    else {"type": "sqlite"}
                    for uri in uris
                ]
                times = _measure(Path(folder) / f"{dialect}{count}", count, bodies)
                for uri in uris:
                    postgres.drop_database(uri)
                yield Figure(f"setup on {dialect} with {count} plugins", "ms", times.setup)
                if empty is None:
                    empty = times
                elif count == COUNTS[-1]:
                    yield from _each(dialect, count, times, empty)


def _each(dialect: str, count: int, times: Times, empty: Times) -> Iterator[Figure]:
    """Yield what one plugin adds, run by run."""
    for what, many, none, goal in (
        ("start with nothing to do", times.starting, empty.starting, "< 1"),
        ("importing and mapping its three classes", times.importing, empty.importing, ""),
    ):
        each = [(a - b) / count for a, b in zip(many, none, strict=True)]
        yield Figure(f"{what}, {dialect}: each of {count} plugins", "ms", each, goal)


def _measure(folder: Path, count: int, bodies: list[dict[str, str]]) -> Times:
    plugins_dir = folder / "plugins"
    plugins_dir.mkdir(parents=True)
    for number in range(count):
        name = f"bench{number}"
        (plugins_dir / f"{name}.py").write_text(PLUGIN.format(name=name))
    times = Times([], [], [])
    for run, body in enumerate(bodies):
        variables = {
            "DEPLOYSTACK_DATA_DIR": str(folder / f"data{run}"),
            "DEPLOYSTACK_LOG_LEVEL": "ERROR",
        }
        *_, setup = _run(plugins_dir, variables, body)
        importing, making, binding = _run(plugins_dir, variables, None)
        if run:  # the first one is not counted
            times.importing.append(importing)
            times.starting.append(making + binding)
            times.setup.append(setup)
    return times


def _run(folder: Path, variables: dict[str, str], body: dict[str, str] | None) -> list[float]:
    command = [sys.executable, "-c", MEASURE, json.dumps([str(folder), variables, body])]
    result = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    times: list[float] = json.loads(result.stdout)
    return times
