"""One data folder, several worker processes: one setup wins, and every worker follows at once."""

from __future__ import annotations

import itertools
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Serve
from tests.support.ask import at_once, every_worker
from tests.support.direct import Direct
from tests.support.rows import SERVER
from tests.support.server import Answer, Server

SETUP = "/api/db/setup"
STATUS = "/api/db/status"
SQLITE = {"type": "sqlite"}
WORKERS = 4
NewBody = Callable[[str], dict[str, str]]


@pytest.fixture
def server(serve: Serve) -> Server:
    """A server with four workers, all of which have answered that they have no database."""
    server = serve(command=SERVER, WEB_CONCURRENCY=str(WORKERS))
    server.until(lambda: len(server.workers()) == WORKERS)
    for answer in at_once([lambda: server.get(STATUS)] * 8 * WORKERS):
        assert answer.json["configured"] is False
    return server


def ready(dialect: str) -> dict[str, object]:
    return {"configured": True, "initialized": True, "dialect": dialect}


@contextmanager
def asked_meanwhile(server: Server) -> Iterator[list[tuple[float, Answer]]]:
    """Ask for the status again and again, from several threads; note when each was asked."""
    answers: list[tuple[float, Answer]] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            asked = time.monotonic()
            answers.append((asked, server.get(STATUS)))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)


def test_many_setups_at_once(server: Server, data_dir: Path, new_body: NewBody) -> None:
    bodies = [SQLITE, new_body("postgres"), new_body("postgres"), {"type": "mysql"}, []]
    calls = [
        lambda body=body: (body, server.post(SETUP, body))
        for body in itertools.islice(itertools.cycle(bodies), 40)
    ]
    told = at_once(calls)
    done = time.monotonic()

    [winner] = [body for body, answer in told if answer.status == 200]
    assert winner in bodies[:3]
    outcomes = Counter((answer.status, answer.json.get("code")) for _, answer in told)
    assert outcomes.keys() <= {
        (200, None),
        (409, "already_configured"),
        (409, "setup_in_progress"),
        (400, "validation_error"),
        (400, "invalid_body"),
    }
    for body, answer in told:
        if answer.status == 400:
            assert body in bodies[3:]
        if answer.status == 409 and answer.json["code"] == "setup_in_progress":
            assert int(answer.headers["Retry-After"]) > 0

    statuses = [answer.json for answer in at_once([lambda: server.get(STATUS)] * 8 * WORKERS)]
    assert statuses == [ready(winner["type"])] * len(statuses)
    assert time.monotonic() - done < 1.0
    assert server.request("POST", "/rows/mark").status == 200
    assert {tuple(answer.json["rows"]) for answer in every_worker(server)} == {("mark",)}
    assert Direct(winner, data_dir).revisions() != []
    for loser in bodies[:3]:
        if loser != winner and loser["type"] == "postgres":
            assert Direct(loser, data_dir).tables() == set()
        elif loser != winner:
            assert not (data_dir / "database").exists()


@pytest.mark.both
def test_no_stale_status_after_the_200(server: Server, body: dict[str, str]) -> None:
    with asked_meanwhile(server) as answers:
        assert server.post(SETUP, body).status == 200
        done = time.monotonic()
        server.until(lambda: sum(asked > done for asked, _ in answers) > 100)

    after = [answer.json for asked, answer in answers if asked > done]
    assert [told for told in after if told != ready(body["type"])] == []
    before = [answer for asked, answer in answers if asked < done]
    assert {answer.status for answer in before} == {200}


def test_the_file_is_deleted(server: Server, data_dir: Path) -> None:
    """No worker makes it anew, whether it has used it or not."""
    assert server.post(SETUP, SQLITE).status == 200
    server.request("POST", "/rows/first")
    path = data_dir / "database" / "deploystack.db"
    away = path.rename(data_dir / "away.db")
    before = away.read_bytes()

    calls = [lambda: server.get("/rows"), lambda: server.request("POST", "/rows/lost")] * 16
    told = {(answer.status, answer.json["code"]) for answer in at_once(calls)}
    assert told == {(503, "database_file_missing")}
    assert not path.exists()
    assert away.read_bytes() == before

    shutil.copy(away, path)
    server.until(lambda: all(server.status() == ready("sqlite") for _ in range(4 * WORKERS)), 5)
    assert {tuple(answer.json["rows"]) for answer in every_worker(server)} == {("first",)}


def test_the_selection_is_removed(server: Server, data_dir: Path, new_body: NewBody) -> None:
    assert server.post(SETUP, SQLITE).status == 200
    every_worker(server)
    (data_dir / "db.selection.json").unlink()

    for answer in at_once([lambda: server.get(STATUS)] * 8 * WORKERS):
        assert answer.json["configured"] is False
    for answer in at_once([lambda: server.get("/rows")] * 4 * WORKERS):
        assert (answer.status, answer.json["code"]) == (503, "not_configured")
    assert server.post(SETUP, new_body("postgres")).status == 200
    for answer in at_once([lambda: server.get(STATUS)] * 8 * WORKERS):
        assert answer.json == ready("postgres")
