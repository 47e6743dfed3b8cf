"""Cutting off, at the moments in which it could hit somebody else."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from deploystack.database import engines
from deploystack.database.sqlite import SqliteConnection
from deploystack.database.target import SqliteTarget
from deploystack.plugins.deadline import THREAD, call_bounded
from deploystack.plugins.failure import PluginError


def test_a_connection_that_is_taken_away_between_two_rows(tmp_path: Path) -> None:
    """A statement that has begun keeps an interruption alive, which is not to meet the rollback."""
    path = tmp_path / "database"
    connection: Any = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, factory=SqliteConnection
    )
    connection.execute("CREATE TABLE numbers (number)")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO numbers VALUES (1), (2)")
    cursor = connection.execute("SELECT * FROM numbers")
    assert cursor.fetchone() == (1,)
    connection.interrupt()  # as if its user had been in a statement a moment ago

    engines.take_away(connection)
    with contextlib.closing(sqlite3.connect(path, timeout=0)) as other:
        other.execute("INSERT INTO numbers VALUES (3)")
        assert other.execute("SELECT * FROM numbers").fetchall() == [(3,)]
    with pytest.raises(sqlite3.ProgrammingError):
        cursor.fetchone()


def test_nobody_else_is_cut_off() -> None:
    """A thread that ends at that moment leaves its identity to the next one that begins."""
    may_end, was_hit = threading.Event(), threading.Event()
    innocent: list[threading.Thread] = []

    def work() -> None:
        try:
            for _ in range(50):
                time.sleep(0.002)
        except BaseException:  # noqa: BLE001  # of whichever kind it is
            was_hit.set()

    def cut() -> None:
        [late] = [thread for thread in threading.enumerate() if thread.name == THREAD]
        may_end.set()
        late.join()
        for _ in range(20):
            innocent.append(threading.Thread(target=work))
            innocent[-1].start()
            if innocent[-1].ident == late.ident:
                break

    with suppress(PluginError):
        call_bounded(may_end.wait, 0.05, cut)
    for thread in innocent:
        thread.join()
    assert not was_hit.is_set()


def test_the_pool_keeps_nothing_that_was_taken_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "database"
    path.touch()
    engine = engines.runtime_engine(SqliteTarget(path), threads=1)
    first = engine.raw_connection()
    taken = first.driver_connection

    engines.take_away(taken)
    first.close()
    second = engine.raw_connection()
    assert second.driver_connection is not taken
    second.close()
    engine.dispose()
    assert "Exception during reset" not in caplog.text
