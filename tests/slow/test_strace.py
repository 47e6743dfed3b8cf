"""Setup that is killed, or refused, by the operating system at each call it makes.

strace counts the calls of one kind that concern the files of the data folder (on PostgreSQL also
what is sent to the server) and intervenes at the n-th, until there are fewer.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from flask import Flask

from tests.conftest import MakeApp
from tests.support.crashes import (
    assert_allowed_state,
    assert_retry_works,
    files,
    set_up_in_a_process,
)
from tests.support.direct import Direct

pytestmark = pytest.mark.slow

MOST = 60  # interventions in one sweep

# Each kind of call that changes something, or is the last before a change: a kill before a mere
# look is a kill before the change that follows. As a pattern, because the names of calls differ
# between processors. How many there are at least on SQLite, and how they can fail.
CALLS = {
    "chmod": (r"/^f?chmod", 1, "EIO"),
    "close": ("close", 5, "EIO"),
    "fdatasync": ("fdatasync", 3, "EIO"),
    "flock": ("flock", 1, "ENOLCK"),
    "fsync": ("fsync", 2, "EIO"),
    "link": (r"/^link", 1, "EIO"),
    "mkdir": (r"/^mkdir", 2, "ENOSPC"),
    "open": (r"/^open", 5, "ENOSPC"),
    "pwrite": (r"/^pwrite", 10, "ENOSPC"),
    "rename": (r"/^rename", 1, "EIO"),
    "unlink": (r"/^unlink", 2, "EIO"),
    "write": ("write", 1, "ENOSPC"),
}
FILES = (
    "",
    "encryption.key",
    "secret.key",
    "setup.lock",
    "setup.token",
    ".db.selection.json.draft",
    "db.selection.json",
    "database",
    "database/deploystack.db",
    "database/deploystack.db-journal",
)


@dataclass
class Struck:
    """A setup in which strace intervened.

    Attributes:
        ended: how it ended.
        body: what it was to set up.
        data_dir: its data folder.
        start: makes an application over that folder.
    """

    ended: subprocess.CompletedProcess[str]
    body: dict[str, str]
    data_dir: Path
    start: Callable[[], Flask]


@dataclass
class Sweep:
    """Makes one setup after the other, each over a data folder and a database of its own."""

    folder: Path
    make_app: MakeApp
    new_body: Callable[[str], dict[str, str]]

    def strike(
        self, dialect: str, call: str, how: str, *, in_files: bool = True, every: int = 1
    ) -> Iterator[Struck]:
        """Yield setups in which strace intervened at one more call, while there are as many.

        Args:
            dialect: what is set up.
            call: strace's pattern of calls.
            how: what strace does at the call.
            in_files: whether only calls on the data folder's files count.
            every: how many calls later it intervenes each time.
        """
        assert shutil.which("strace"), "`make test-slow` installs strace"
        for index in range(MOST):
            data_dir = self.folder / f"data{index}"
            trace = self.folder / f"trace{index}"
            paths = [f"--trace-path={data_dir / name}" for name in FILES] if in_files else []
            inject = f"--inject={call}:{how}:when={1 + index * every}"
            under = ["strace", "--follow-forks", f"--output={trace}", f"--trace={call}", inject]
            body = self.new_body(dialect)
            ended = set_up_in_a_process(body, data_dir, under=[*under, *paths])
            found = trace.read_text()
            if "(INJECTED)" not in found and "SIGKILL" not in found:
                assert ended.returncode == 0, ended.stderr
                return
            yield Struck(
                ended, body, data_dir, partial(self.make_app, DEPLOYSTACK_DATA_DIR=data_dir)
            )
        pytest.fail(f"more than {MOST * every} calls of {call}")


@pytest.fixture
def sweep(tmp_path: Path, make_app: MakeApp, new_body: Callable[[str], dict[str, str]]) -> Sweep:
    return Sweep(tmp_path, make_app, new_body)


@pytest.mark.parametrize("call", CALLS)
def test_killed_at_each_call(call: str, sweep: Sweep) -> None:
    pattern, least, _ = CALLS[call]
    times = 0
    for struck in sweep.strike("sqlite", pattern, "signal=KILL"):
        times += 1
        assert struck.ended.returncode == -signal.SIGKILL, struck.ended.stderr
        assert_allowed_state(struck.start, struck.body, struck.data_dir)
    assert times >= least


def test_killed_at_what_is_sent_to_the_server(sweep: Sweep) -> None:
    times = 0
    for struck in sweep.strike("postgres", "sendto", "signal=KILL", in_files=False, every=3):
        times += 1
        assert struck.ended.returncode == -signal.SIGKILL, struck.ended.stderr
        assert_allowed_state(struck.start, struck.body, struck.data_dir)
    assert times > 10


@pytest.mark.parametrize("call", CALLS)
def test_refused_at_each_call(call: str, dialect: str, sweep: Sweep) -> None:
    pattern, least, error = CALLS[call]
    times = 0
    for struck in sweep.strike(dialect, pattern, f"error={error}"):
        times += 1
        ended = struck.ended
        if ended.returncode == 0:  # it could do without
            assert assert_allowed_state(struck.start, struck.body, struck.data_dir) is True
            continue
        assert ended.returncode == 1
        [sentence] = [line for line in ended.stderr.splitlines() if not line.startswith("{")]
        assert sentence.endswith(".")
        assert files(struck.data_dir) <= {"encryption.key", "secret.key", "setup.lock"}
        if dialect == "postgres":
            assert Direct(struck.body, struck.data_dir).everything() == {"schema": []}
        assert_retry_works(struck.start(), struck.body, struck.data_dir)
    assert times >= (least if dialect == "sqlite" else 0)
