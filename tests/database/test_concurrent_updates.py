"""Reading, changing and writing by many at once: no update is lost, and none is refused."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from deploystack.database import db, engines
from deploystack.models import GlobalSettingGroup
from tests.conftest import MakeApp, Serve
from tests.support.applications import set_up
from tests.support.direct import Direct
from tests.support.rows import OWN_GROUPS, SERVER, add_routes

THREADS = 8
EACH = 20
WRITTEN = "SELECT sort_order FROM global_setting_groups WHERE id = 'visits'"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An application with routes over its database."""
    app = make_app()
    add_routes(app)
    return app


def from_every_thread(post: Callable[[str], int]) -> Counter[int]:
    """Count the visits of eight threads at once; return how often each status was answered."""
    start = threading.Barrier(THREADS)

    def visit(_thread: int) -> list[int]:
        start.wait(10)
        return [post("/count/visits") for _ in range(EACH)]

    with ThreadPoolExecutor(THREADS) as pool:
        return Counter(status for told in pool.map(visit, range(THREADS)) for status in told)


def test_in_one_process(app: Flask, data_dir: Path, body: dict[str, str]) -> None:
    set_up(app, body)
    assert app.test_client().post("/rows/visits").status_code == 200

    told = from_every_thread(lambda path: app.test_client().post(path).status_code)
    assert told == {200: THREADS * EACH}
    assert Direct(body, data_dir).rows(WRITTEN) == [THREADS * EACH]


@pytest.mark.both
def test_in_several_processes(serve: Serve, data_dir: Path, body: dict[str, str]) -> None:
    server = serve(command=SERVER, WEB_CONCURRENCY="3")
    assert server.post("/api/db/setup", body).status == 200
    assert server.request("POST", "/rows/visits").status == 200

    told = from_every_thread(lambda path: server.request("POST", path).status)
    assert told == {200: THREADS * EACH}
    assert Direct(body, data_dir).rows(WRITTEN) == [THREADS * EACH]
    assert "locked" not in server.log.read_text()


def read_beside_a_writer(app: Flask, **options: bool) -> list[str]:
    """Read while another thread has written and not committed yet."""
    written = threading.Event()
    read = threading.Event()

    def write() -> None:
        with app.app_context():
            db.session.add(GlobalSettingGroup(id="new", name="new"))
            db.session.flush()
            written.set()
            read.wait(20)
            db.session.commit()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        try:
            assert written.wait(10)
            with app.app_context():
                db.session.connection(execution_options=options)
                added = GlobalSettingGroup.id.not_in(OWN_GROUPS)
                found = list(db.session.scalars(db.select(GlobalSettingGroup.id).where(added)))
                assert not writing.done()
        finally:
            read.set()
        writing.result(20)
    return found


def test_a_read_that_says_so_runs_beside_a_writer(
    app: Flask, monkeypatch: pytest.MonkeyPatch, body: dict[str, str]
) -> None:
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.2)
    set_up(app, body)
    app.test_client().post("/rows/first")

    assert read_beside_a_writer(app, **{engines.READ_ONLY: True}) == ["first"]
    assert sorted(app.test_client().get("/rows").json["rows"]) == ["first", "new"]


def test_a_read_that_does_not_say_so_waits_for_the_writer(
    app: Flask, monkeypatch: pytest.MonkeyPatch, dialect: str, body: dict[str, str]
) -> None:
    """On SQLite: it may be about to write what it read."""
    monkeypatch.setattr(engines, "BUSY_SECONDS", 0.2)
    set_up(app, body)
    app.test_client().post("/rows/first")

    if dialect == "sqlite":
        with pytest.raises(sa.exc.OperationalError):
            read_beside_a_writer(app)
    else:
        assert read_beside_a_writer(app) == ["first"]


def test_a_transaction_that_only_reads_is_over_at_its_end(app: Flask, body: dict[str, str]) -> None:
    """The connection goes back to the pool, and the next to have it may write."""
    set_up(app, body)
    for number in range(3 * THREADS):
        with app.app_context():
            db.session.connection(execution_options={engines.READ_ONLY: True})
            count = db.session.scalar(db.select(db.func.count(GlobalSettingGroup.id)))
            assert count == len(OWN_GROUPS) + number
        assert app.test_client().post(f"/rows/{number}").status_code == 200
