"""What revisions cost: to apply them once, and at each start after that."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, repeat
from deploystack.config import Config
from deploystack.database.migrations.history import History
from tests.support.server import ROOT

START = """
import dataclasses, sys, time
from pathlib import Path
from deploystack import Config, create_app
from deploystack.database import get_database
config = Config.from_environment({"DEPLOYSTACK_DATA_DIR": sys.argv[1],
    "DEPLOYSTACK_DATABASE_URL": "sqlite:///database/deploystack.db",
    "DEPLOYSTACK_LOG_LEVEL": "ERROR"})
app = create_app(dataclasses.replace(config, migrations_dir=Path(sys.argv[2])))
started = time.perf_counter()
database = get_database(app)
while database.current().phase != "ready":
    time.sleep(0.001)
print((time.perf_counter() - started) * 1000)
"""

REVISION = '''"""revision {n}"""

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{down}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("bench_{n}", sa.Column("id", sa.Integer(), primary_key=True))


def downgrade() -> None:
    op.drop_table("bench_{n}")
'''


def revisions() -> Iterator[Figure]:
    """Yield, for more and more revisions, the time to apply them and to start afterwards."""
    for count in (10, 100, 1000):
        with tempfile.TemporaryDirectory() as folder:
            migrations = Path(folder) / "migrations"
            _write(migrations, count)
            empty = (Path(folder) / f"data{n}" for n in itertools.count())
            applied = _applied(empty, migrations)
            started = _started(Path(folder) / "data0", migrations)
        goal = "≤ 50 over 10" if count == 1000 else ""
        yield Figure(f"apply {count:,} revisions", "ms", applied)
        yield Figure(f"bind at start, {count:,} revisions applied", "ms", started, goal)


def _applied(empty: Iterator[Path], migrations: Path) -> list[float]:
    return repeat(lambda: _start(next(empty), migrations))


def _started(data: Path, migrations: Path) -> list[float]:
    return repeat(lambda: _start(data, migrations))


def _write(migrations: Path, count: int) -> None:
    shutil.copytree(Config.migrations_dir, migrations)
    down = History("core", migrations).head
    for n in range(1, count):
        revision = f"{n:012x}"
        text = REVISION.format(n=n, revision=revision, down=down)
        (migrations / "versions" / f"{n:04}_{revision}.py").write_text(text)
        down = revision


def _start(data: Path, migrations: Path) -> float:
    command = [sys.executable, "-c", START, str(data), str(migrations)]
    result = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return float(result.stdout)
