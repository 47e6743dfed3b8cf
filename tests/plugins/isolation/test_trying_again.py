"""A plugin that was quarantined is tried again: at the next start, and by `flask plugins retry`."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploystack.database import get_database
from tests.conftest import Serve
from tests.plugins.isolation.catalogue import MAKE_THING, ROUTES, THING, hook
from tests.plugins.isolation.conftest import Start
from tests.support.applications import command
from tests.support.ask import every_worker
from tests.support.commands import Commands
from tests.support.plugins import Folder, ask, assert_others_work, states
from tests.support.waiting import until

BROKEN = "if Path(__file__).with_name('broken').exists(): raise ValueError"

# A file beside the plugin says whether it fails: what a running server has loaded stays the same.
FAILING: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "revision": (
        "plugin_migration_failed",
        "",
        (
            f"{MAKE_THING}\nfrom pathlib import Path\nif Path(__file__).parents[2].joinpath('broken').exists(): raise ValueError",
        ),
    ),
    "seed": ("plugin_seed_failed", hook("seed(session)", "session.add(Thing())", BROKEN), ()),
    "database_ready": ("plugin_ready_failed", hook("database_ready(app)", BROKEN), ()),
    "request": (
        "plugin_request_failed",
        f"\n@things.before_request\ndef before():\n    {BROKEN}\n",
        (),
    ),
}


@pytest.mark.parametrize("what", FAILING)
def test_a_running_application_uses_it_again(
    folder: Folder, start: Start, body: dict[str, str], what: str
) -> None:
    code, text, revisions = FAILING[what]
    folder.add("bad", THING + ROUTES + text, revisions=revisions)
    broken = folder.path / "broken"
    broken.touch()
    app = start()
    answer = app.test_client().post("/api/db/setup", json=body)
    assert answer.json["restart_required"] is (what != "request")
    assert ask(app, "things").json["code"] == code
    operator = start()
    if what != "request":
        ended = command(operator, "plugins", "retry", "bad")
        # What only a worker does, only a worker finds failing again.
        assert (ended.exit_code, "Traceback" in ended.output) == (
            0 if what == "database_ready" else 1,
            False,
        )
        if ended.exit_code:
            assert code in ended.output
        until(lambda: ask(app, "things").json.get("code") == code)

    broken.unlink()
    ended = command(operator, "plugins", "retry", "bad")
    assert ended.exit_code == 0, ended.output
    until(lambda: ask(app, "things").status_code == 200)
    assert ask(app, "things").json == {"things": 1 if what == "seed" else 0}
    assert states(app) == dict.fromkeys(("apples", "bad", "pears"), "active")
    assert_others_work(app)


@pytest.mark.parametrize("what", FAILING)
def test_the_next_start(folder: Folder, start: Start, body: dict[str, str], what: str) -> None:
    """The plugin is the same; what it lacked is there now."""
    code, text, revisions = FAILING[what]
    folder.add("bad", THING + ROUTES + text, revisions=revisions)
    broken = folder.path / "broken"
    broken.touch()
    app = start()
    assert app.test_client().post("/api/db/setup", json=body).status_code == 200
    assert ask(app, "things").json["code"] == code
    get_database(app).close()

    app = start()
    assert ask(app, "things").json["code"] == code
    get_database(app).close()

    broken.unlink()
    app = start()
    assert states(app) == dict.fromkeys(("apples", "bad", "pears"), "active")
    assert ask(app, "things").status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        "raise ValueError",
        THING + ROUTES + hook("seed(session)", "raise ValueError"),
        THING + ROUTES + hook("database_ready(app)", "raise ValueError"),
        THING + ROUTES + hook("nothing()", "pass"),
    ],
    ids=["import", "seed", "database_ready", "unknown hook"],
)
def test_a_start_with_a_mended_plugin(
    folder: Folder, start: Start, body: dict[str, str], text: str
) -> None:
    folder.add("bad", text)
    app = start()
    assert app.test_client().post("/api/db/setup", json=body).json["restart_required"] is True
    get_database(app).close()

    app = start()
    assert states(app)["bad"].startswith("quarantined")
    get_database(app).close()

    folder.add("bad", THING + ROUTES, version="1.1")
    app = start()
    assert states(app) == dict.fromkeys(("apples", "bad", "pears"), "active")
    assert ask(app, "things").json == {"things": 0}
    assert_others_work(app)


def test_what_cannot_be_loaded_is_not_retried(folder: Folder, start: Start) -> None:
    folder.add("bad", "raise ValueError")
    app = start()
    assert app.test_client().post("/api/db/setup", json={"type": "sqlite"}).status_code == 200
    ended = command(app, "plugins", "retry", "bad")

    assert ended.exit_code == 1
    assert "plugin_import_failed" in ended.output


WORKERS = 3

PER_WORKER = """
import os

@things.get("/pid")
def pid():
    return {"pid": os.getpid()}

@things.get("/fail")
def fail():
    raise ValueError

@things.get("/exit")
def leave():
    raise SystemExit(3)
"""


@pytest.mark.parametrize("path", ["fail", "exit"])
def test_every_worker_of_a_server(
    folder: Folder, serve: Serve, data_dir: Path, tmp_path: Path, path: str
) -> None:
    """One worker's finding is everybody's, and so is a second chance."""
    folder.add("bad", THING + ROUTES + PER_WORKER)
    folder.add("good", THING + ROUTES + PER_WORKER)
    variables = {"DEPLOYSTACK_PLUGINS_PATH": str(folder.path)}
    server = serve(WEB_CONCURRENCY=str(WORKERS), **variables)
    assert server.post("/api/db/setup", {"type": "sqlite"}).json["restart_required"] is False
    every_worker(server, "/api/plugin/bad/pid")
    workers = server.workers()

    answer = server.get(f"/api/plugin/bad/{path}")
    assert (answer.status, answer.json["code"]) == (503, "plugin_request_failed")
    for _ in range(6 * WORKERS):
        answer = server.get("/api/plugin/bad/pid")
        assert answer.status == 503
        assert answer.json["details"] == {"plugin": "bad", "reason": "plugin_request_failed"}
        told = {
            plugin["name"]: plugin["code"] for plugin in server.get("/api/plugins").json["data"]
        }
        assert told == {"apples": None, "bad": "plugin_request_failed", "good": None, "pears": None}
    assert {answer.json["pid"] for answer in every_worker(server, "/api/plugin/good/pid")} == {
        worker.pid for worker in workers
    }
    assert server.workers() == workers

    Commands(data_dir, tmp_path, **variables).succeed("plugins", "retry", "bad")
    server.until(lambda: server.get("/api/plugin/bad/pid").status == 200)
    every_worker(server, "/api/plugin/bad/pid")
    assert server.workers() == workers
    assert server.stop() == 0
