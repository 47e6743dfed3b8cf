"""The database is replaced under load: no request fails, and no unit of work sees two of them."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from flask import Flask

from deploystack.database import db, get_database
from deploystack.database.postgres.connection_string import parse
from deploystack.database.selection import Draft
from deploystack.database.target import SqliteTarget, Target
from deploystack.models import GlobalSetting, GlobalSettingGroup
from tests.conftest import MakeApp
from tests.support.applications import set_up
from tests.support.direct import Direct
from tests.support.postgres import Postgres
from tests.support.rows import NAME, OWN_GROUPS, add_routes
from tests.support.waiting import until

THREADS = 8
REBINDS = 24
MARKS = "SELECT value, count(*) FROM global_settings WHERE group_id IS NULL GROUP BY value"

Told = Counter[tuple[int, str]]


class Place:
    """A database that is set up, and knows its own name.

    Args:
        name: its name.
        body: what sets it up.
        make_app: makes an application for that.
        folder: the data folder for that.
    """

    def __init__(self, name: str, body: dict[str, str], make_app: MakeApp, folder: Path) -> None:
        self.name = name
        self.body = body
        app = make_app(DEPLOYSTACK_DATA_DIR=folder)
        set_up(app, body)
        self.direct = Direct(body, folder)
        self.direct.execute(
            "INSERT INTO global_setting_groups "
            f"VALUES ('{NAME}', '{name}', '', NULL, 0, '2026-01-01', '2026-01-01')"
        )
        get_database(app).close()

    @property
    def target(self) -> Target:
        """What a selection of it holds."""
        if self.body["type"] == "sqlite":
            return SqliteTarget(self.direct.file)
        return parse(self.body["connectionString"])

    def marks(self) -> dict[str, int]:
        """Return which names were written here, and how often."""
        return dict(self.direct.rows(MARKS))

    def connections(self, postgres: Postgres) -> int:
        """Return how many connections there are to it."""
        if self.body["type"] == "sqlite":
            return sum(Path(f.path) == self.direct.file for f in psutil.Process().open_files())
        name = urlsplit(self.body["connectionString"]).path[1:]
        count: int = postgres.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [name]
        )[0][0]
        return count


@contextmanager
def load(app: Flask, path: Callable[[], str]) -> Iterator[Told]:
    """Post from eight threads without a pause; count what is answered, by status and name."""
    told: Told = Counter()
    lock = threading.Lock()
    stop = threading.Event()

    def post() -> None:
        client = app.test_client()
        while not stop.is_set():
            answer = client.post(path())
            with lock:
                told[
                    answer.status_code, answer.json.get("name") or answer.json.get("code", "")
                ] += 1

    threads = [threading.Thread(target=post) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    try:
        yield told
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)


@pytest.mark.parametrize(("first", "second"), [("sqlite", "postgres"), ("postgres", "postgres")])
def test_back_and_forth(
    make_app: MakeApp,
    data_dir: Path,
    tmp_path: Path,
    new_body: Callable[[str], dict[str, str]],
    postgres: Postgres,
    first: str,
    second: str,
) -> None:
    places = [
        Place("one", new_body(first), make_app, data_dir),
        Place("other", new_body(second), make_app, tmp_path / "other"),
    ]
    app = make_app()
    add_routes(app)
    selection = get_database(app).config.selection_file
    Draft(selection, places[0].target).publish()

    with load(app, lambda: "/mark") as told:
        for number in range(1, REBINDS + 1):
            place = places[number % 2]
            served = told[200, place.name]
            Draft(selection, place.target).publish()
            until(lambda enough=served + THREADS, name=place.name: told[200, name] >= enough)
    current, retired = places[REBINDS % 2], places[1 - REBINDS % 2]

    assert {status for status, _ in told} == {200}
    for place in places:
        assert place.marks() == {place.name: told[200, place.name]}
    until(lambda: retired.connections(postgres) == 0, 5)
    assert 0 < current.connections(postgres) <= THREADS + 2


def slow_mark(half_way: threading.Event, go_on: threading.Event) -> str:
    """Do what `mark` does, and take a long time over it."""
    name = db.session.get_one(GlobalSettingGroup, NAME).name
    db.session.commit()
    half_way.set()
    assert go_on.wait(20)
    db.session.add(GlobalSetting(key=str(uuid.uuid4()), value=name, type="string"))
    db.session.commit()
    return name


def test_a_unit_of_work_keeps_its_database_to_the_end(
    make_app: MakeApp,
    data_dir: Path,
    tmp_path: Path,
    new_body: Callable[[str], dict[str, str]],
    postgres: Postgres,
) -> None:
    """However long it takes; the engine it uses is closed by its end, and no earlier."""
    one = Place("one", new_body("postgres"), make_app, data_dir)
    other = Place("other", new_body("sqlite"), make_app, tmp_path / "other")
    app = make_app()
    add_routes(app)
    half_way, go_on = threading.Event(), threading.Event()
    app.add_url_rule("/slow", view_func=lambda: slow_mark(half_way, go_on), methods=["POST"])
    selection = get_database(app).config.selection_file
    Draft(selection, one.target).publish()
    told: list[str] = []

    worker = threading.Thread(target=lambda: told.append(app.test_client().post("/slow").text))
    worker.start()
    assert half_way.wait(10)
    get_database(app).config.sqlite_file.parent.mkdir(exist_ok=True)
    other.direct.file.rename(get_database(app).config.sqlite_file)
    Draft(selection, other.target).publish()
    meanwhile = app.test_client().post("/mark").json
    assert one.connections(postgres) > 0
    go_on.set()
    worker.join(20)

    assert meanwhile == {"name": "other"}
    assert told == ["one"]
    assert one.marks() == {"one": 1}
    until(lambda: one.connections(postgres) == 0, 5)


def test_a_retired_binding_takes_no_new_unit_of_work(app: Flask, body: dict[str, str]) -> None:
    set_up(app, body)
    binding = get_database(app).lease()
    binding.retire()
    assert not binding.lease()
    assert binding.engine.pool.checkedin() == 1
    binding.release()
    assert binding.engine.pool.checkedin() == 0


def test_the_first_setup_under_load(
    make_app: MakeApp, data_dir: Path, body: dict[str, str]
) -> None:
    """Before it, 503; after it, nothing but success, and every row is there."""
    app = make_app()
    add_routes(app)
    with load(app, lambda: f"/rows/{uuid.uuid4()}") as told:
        until(lambda: told.total() >= THREADS)
        set_up(app, body)
        refused = told[503, "not_configured"]
        until(lambda: told[200, ""] >= 10 * THREADS)

    assert set(told) == {(503, "not_configured"), (200, "")}
    assert told[503, "not_configured"] <= refused + THREADS  # those that were being answered
    assert Direct(body, data_dir).rows("SELECT count(*) FROM global_setting_groups") == [
        len(OWN_GROUPS) + told[200, ""]
    ]
