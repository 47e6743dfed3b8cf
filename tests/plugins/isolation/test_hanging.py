"""A hook that does not come back is cut off, whatever it does; nobody waits for what it holds."""

from __future__ import annotations

import re
import threading
import time

import pytest

from deploystack.database import get_database
from tests.plugins.isolation.catalogue import TIMEOUT, beginning, seeding
from tests.plugins.isolation.conftest import Everything, Running, Start
from tests.plugins.isolation.test_bad_plugins import DONE_BUT, assert_unchanged
from tests.support.plugins import Bad, Folder, Snapshots, alike, ask, assert_quarantined, states

SECONDS = 0.5

# The exception that ends a thread may come while Python cleans up, where it is only reported.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]

FOR_LONG = (
    "sql = 'SELECT pg_sleep(20)'",
    "if {session}.connection().dialect.name == 'sqlite':",
    "    sql = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000)'",
    "    sql += ' SELECT count(*) FROM n'",
    "{session}.execute(sa.text(sql))",
)
WAYS: dict[str, tuple[str, ...]] = {
    "loops": ("while True:", "    pass"),
    "sleeps": ("time.sleep(20)",),
    "asks the database again and again": (
        "while True:",
        "    {session}.execute(sa.select(Thing)).all()",
    ),
    "writes again and again": ("while True:", "    {session}.execute(sa.insert(Thing))"),
    "goes on whatever happens": (
        "end = time.monotonic() + 2",
        "while time.monotonic() < end:",
        "    try:",
        "        {session}.execute(sa.insert(Thing))",
        "        {session}.commit()",
        "    except BaseException:",
        "        pass",
    ),
    "waits for one statement": FOR_LONG,
    "catches its end, and writes": (
        "try:",
        "    while True:",
        "        pass",
        "finally:",
        "    {session}.execute(sa.insert(Thing))",
        "    {session}.commit()",
    ),
}


def ways(session: str) -> dict[str, list[str]]:
    """Return the ways to hang, of a hook that has this session."""
    return {
        what: [line.replace("{session}", session) for line in lines] for what, lines in WAYS.items()
    }


HANGING = [
    *(Bad(f"seed {what}", TIMEOUT, seeding(*lines)) for what, lines in ways("session").items()),
    *(
        # A transaction that has written: on SQLite nobody else can write meanwhile.
        Bad(f"database_ready {what}", TIMEOUT, beginning(*lines), keeps=True)
        for what, lines in ways("db.session").items()
        if what != "goes on whatever happens"  # its own session is nobody else's matter
    ),
]


# A thread that goes on in spite of everything stays in the process of the tests. With one about,
# Python 3.11 now and then fails to parse in another ("AST constructor recursion depth mismatch").
IN_DEFAULT = [
    bad if re.search("sleeps|waits", bad.what) else pytest.param(bad, marks=pytest.mark.slow)
    for bad in HANGING
]


@pytest.mark.parametrize("bad", IN_DEFAULT, ids=str)
def test_a_hook_that_hangs(
    folder: Folder,
    start: Start,
    body: dict[str, str],
    direct: Snapshots,
    reference: Everything,
    caplog: pytest.LogCaptureFixture,
    bad: Bad,
) -> None:
    folder.add_bad(bad)
    app = start(DEPLOYSTACK_PLUGIN_TIMEOUT=str(SECONDS))
    started = time.monotonic()
    answer = app.test_client().post("/api/db/setup", json=body)

    assert time.monotonic() - started < SECONDS + 5
    assert (answer.status_code, answer.json) == (200, DONE_BUT)
    assert_unchanged(bad, reference, alike(direct.everything()))
    started = time.monotonic()
    assert app.test_client().post("/api/plugin/pears/items/three").status_code == 201
    assert time.monotonic() - started < 1
    assert_quarantined(app, bad, caplog.text)


@pytest.mark.parametrize("bad", [bad for bad in HANGING if "sleeps" in bad.what], ids=str)
def test_at_the_next_start(
    running: Running, folder: Folder, start: Start, caplog: pytest.LogCaptureFixture, bad: Bad
) -> None:
    folder.add_bad(bad)
    app = start(DEPLOYSTACK_DATA_DIR=running.data_dir, DEPLOYSTACK_PLUGIN_TIMEOUT=str(SECONDS))
    states(app)

    assert_unchanged(bad, running.found, running.direct.everything())
    started = time.monotonic()
    assert app.test_client().post("/api/plugin/pears/items/three").status_code == 201
    assert time.monotonic() - started < 1
    assert_quarantined(app, bad, caplog.text)
    running.is_as_it_was = not bad.keeps


def test_a_seed_that_wakes_up_later(
    folder: Folder, start: Start, body: dict[str, str], direct: Snapshots, reference: Everything
) -> None:
    """What it then writes and commits reaches nobody."""
    folder.add_bad(
        Bad(
            "",
            TIMEOUT,
            seeding(
                "time.sleep(0.8)",
                "for _ in range(20):",
                "    try:",
                "        session.add(Thing())",
                "        session.commit()",
                "        session.connection().commit()",
                "    except Exception:",
                "        session.rollback()",
            ),
        )
    )
    app = start(DEPLOYSTACK_PLUGIN_TIMEOUT=str(SECONDS))
    assert app.test_client().post("/api/db/setup", json=body).json == DONE_BUT

    time.sleep(0.8)
    assert alike(direct.everything()) == reference
    assert states(app) == {
        "apples": "active",
        "bad": "quarantined plugin_timeout",
        "pears": "active",
    }


def test_a_hook_that_wakes_up_later(
    folder: Folder, start: Start, body: dict[str, str], direct: Snapshots
) -> None:
    """What it had begun to write is not committed any more."""
    folder.add_bad(
        Bad("", TIMEOUT, beginning("time.sleep(0.8)", "db.session.commit()"), keeps=True)
    )
    app = start(DEPLOYSTACK_PLUGIN_TIMEOUT=str(SECONDS))
    assert app.test_client().post("/api/db/setup", json=body).json == DONE_BUT

    time.sleep(0.8)
    assert direct.rows("SELECT * FROM bad_thing") == []
    assert states(app)["bad"] == "quarantined plugin_timeout"
    assert ask(app, "items", "pears").status_code == 200


def test_each_plugin_has_its_own_time(folder: Folder, start: Start) -> None:
    for i in range(3):
        folder.add(f"bad{i}", beginning("time.sleep(20)").replace("Thing", f"Thing{i}"))
    app = start(DEPLOYSTACK_PLUGIN_TIMEOUT="0.2")
    started = time.monotonic()
    answer = app.test_client().post("/api/db/setup", json={"type": "sqlite"})

    assert 0.6 <= time.monotonic() - started < 5
    assert answer.json == DONE_BUT
    found = states(app)
    assert {name: state for name, state in found.items() if state != "active"} == dict.fromkeys(
        ("bad0", "bad1", "bad2"), "quarantined plugin_timeout"
    )


@pytest.mark.parametrize("what", ["time.sleep(20)", "raise ValueError", "raise Cancelled"])
def test_an_end_that_does_not_come(
    folder: Folder, start: Start, caplog: pytest.LogCaptureFixture, what: str
) -> None:
    """The others are told of the end, and the process ends."""
    from tests.plugins.isolation.catalogue import UNUSUAL, hook

    folder.add("bad", UNUSUAL + hook("shutdown(app)", what))
    folder.add("later", hook("shutdown(app)", "Path(__file__).with_name('told').touch()"))
    app = start(DEPLOYSTACK_PLUGIN_TIMEOUT="0.2")
    assert app.test_client().post("/api/db/setup", json={"type": "sqlite"}).status_code == 200

    started = time.monotonic()
    get_database(app).close()
    assert time.monotonic() - started < 2
    assert (folder.path / "told").exists()
    assert "The plugin bad failed to shut down" in caplog.text


@pytest.mark.slow
def test_no_thread_is_left_of_a_loop(folder: Folder, start: Start) -> None:
    """One that computes for ever would take a core from everybody."""
    folder.add("bad", seeding("while True:", "    pass"))
    before = set(threading.enumerate())
    app = start(DEPLOYSTACK_PLUGIN_TIMEOUT=str(SECONDS))
    assert app.test_client().post("/api/db/setup", json={"type": "sqlite"}).json == DONE_BUT

    deadline = time.monotonic() + 5
    while any(thread.name == "plugin" for thread in set(threading.enumerate()) - before):
        assert time.monotonic() < deadline
        time.sleep(0.02)
