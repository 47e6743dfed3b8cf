"""``flask plugins``, and what ``flask db`` does where there are plugins."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from textwrap import indent

import pytest

from deploystack import create_app
from deploystack.database import get_database
from tests.conftest import MakeApp
from tests.support.applications import command, set_up
from tests.support.pages import DOCS, blocks, section
from tests.support.revisions import Revisions
from tests.support.site import DONE, TEXT, Site

NOT_CHOSEN = "No database has been chosen yet. Run `flask db setup` first. [not_configured]"

PICKY = """
@hookimpl
def deploystack_database_ready(app):
    if not os.path.exists("MARK"):
        raise ValueError("the mark is missing")
"""
"""A plugin that works as soon as a file is there."""

FAILING_SEED = """
@hookimpl
def deploystack_seed(session):
    session.add(Note(text="lost"))
    session.flush()
    raise ValueError("no seed today")
"""


@pytest.fixture
def sqlite_site(tmp_path: Path, data_dir: Path, make_app: MakeApp) -> Site:
    """A site on SQLite, for what has nothing to do with the kind of database."""
    return Site(tmp_path, data_dir, {"type": "sqlite"}, make_app)


def notes_with_revisions(site: Site, *names: str) -> None:
    """Give a site plugins with one revision each, and set it up."""
    for name in names:
        site.write(name, revisions=True)
        site.succeed("plugins", "migrate", name, "-m", "first tables")
    site.start(set_up_first=True)
    assert site.states() == dict.fromkeys(names, "active")


# --- list, show -------------------------------------------------------------------------------


def test_without_plugins(sqlite_site: Site) -> None:
    assert sqlite_site.succeed("plugins", "list") == "There are no plugins.\n"
    assert json.loads(sqlite_site.succeed("plugins", "list", "--json")) == []
    output = sqlite_site.fail("plugins", "show", "notes")
    assert output.endswith(
        "Error: There is no plugin 'notes'. `flask plugins list` shows all there are. "
        "[plugin_unknown]\n"
    )


def test_list_and_show(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.write("broken", more=FAILING_SEED)
    site.write("notes", revisions=True)
    site.write("off")
    (site.plugins / "torn.py").write_text("import no_such_module\n")
    monkeypatch.setenv("DEPLOYSTACK_PLUGINS_DISABLED", "off")
    site.succeed("plugins", "migrate", "notes", "-m", "first tables")
    assert site.succeed("plugins", "list").splitlines() == [
        "broken               1          waiting",
        "notes                1          waiting",
        "off                  -          disabled",
        "torn                 -          quarantined (plugin_import_failed)",
    ]

    site.start(set_up_first=True)
    site.states()
    assert site.succeed("plugins", "list").splitlines() == [
        "broken               1          quarantined (plugin_seed_failed)",
        "notes                1          active",
        "off                  -          disabled",
        "torn                 -          quarantined (plugin_import_failed)",
    ]
    listed = json.loads(site.succeed("plugins", "list", "--json"))
    for plugin in listed:
        assert json.loads(site.succeed("plugins", "show", plugin["name"], "--json")) == plugin
    broken, notes, off, torn = listed

    [file] = site.revisions("notes")
    assert notes == {
        "name": "notes",
        "version": "1",
        "description": "Notes of notes.",
        "state": "active",
        "code": None,
        "error": None,
        "cause": None,
        "origin": str(site.plugins / "notes"),
        "tables": ["notes_note"],
        "revision": notes["head"],
        "head": notes["head"],
        "pending": [],
        "settings": ["notes.size"],
        "routes": ["GET /api/plugin/notes/"],
    }
    assert notes["head"] in file.name
    assert "ValueError: no seed today" in broken["cause"]
    assert "broken/__init__.py" in broken["cause"] or "__init__.py" in broken["cause"]
    assert "no_such_module" in torn["cause"]
    assert (off["state"], off["cause"]) == ("disabled", None)
    shown = site.succeed("plugins", "show", "broken").splitlines()
    assert "state:       quarantined" in shown
    assert "code:        plugin_seed_failed" in shown
    assert "tables:      broken_note" in shown


def test_show_tells_what_is_pending(site: Site) -> None:
    notes_with_revisions(site, "notes")
    site.write("notes", TEXT, DONE, revisions=True)
    site.succeed("plugins", "migrate", "notes", "-m", "add is_done")

    found = json.loads(site.succeed("plugins", "show", "notes", "--json"))

    assert (found["state"], found["pending"]) == ("waiting", [found["head"]])
    assert found["revision"] != found["head"]


# --- retry ------------------------------------------------------------------------------------


def test_retry_brings_a_plugin_back_into_a_program_that_runs(site: Site, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    site.write("notes", more=PICKY.replace("MARK", str(mark)))
    site.write("other")
    app = site.start(set_up_first=True)
    assert site.states() == {"notes": "plugin_ready_failed", "other": "active"}

    mark.touch()
    assert site.ask("notes") == "plugin_ready_failed"  # nobody has asked for it to be tried
    output = site.succeed("plugins", "retry", "notes")

    assert "running servers use it from their next request to it" in output
    assert site.app is app
    assert site.ask("notes") == ["hello"]
    assert site.states() == {"notes": "active", "other": "active"}


def test_retry_of_a_plugin_that_fails_again(site: Site) -> None:
    site.write("notes", more=FAILING_SEED)
    site.start(set_up_first=True)
    assert site.states() == {"notes": "plugin_seed_failed"}

    output = site.fail("plugins", "retry", "notes")

    assert "Error: The plugin 'notes' is out of service." in output
    assert "[plugin_seed_failed]" in output
    assert "no seed today" in output
    assert site.states() == {"notes": "plugin_seed_failed"}
    assert "notes_note" not in site.direct.tables()


def test_what_retry_cannot_do(sqlite_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site = sqlite_site
    site.write("notes")
    site.write("off")
    (site.plugins / "torn.py").write_text("import no_such_module\n")
    monkeypatch.setenv("DEPLOYSTACK_PLUGINS_DISABLED", "off")

    assert NOT_CHOSEN in site.fail("plugins", "retry", "notes")
    site.start(set_up_first=True)
    assert "[plugin_import_failed]" in site.fail("plugins", "retry", "torn")
    assert "is switched off" in site.fail("plugins", "retry", "off")
    assert "[plugin_unknown]" in site.fail("plugins", "retry", "nothing")


# --- purge ------------------------------------------------------------------------------------


def test_purge_shows_what_there_is_and_asks(site: Site) -> None:
    notes_with_revisions(site, "notes", "notes2")
    site.direct.execute("INSERT INTO notes_note (text) VALUES ('mine')")
    before = site.direct.everything()

    for answer in ("n\n", "\n", ""):
        result = site.flask("plugins", "purge", "notes", input=answer)
        assert result.exit_code == 1
        assert [line.split() for line in result.output.splitlines()[:2]] == [
            ["alembic_version_notes", "1", "row"],
            ["notes_note", "2", "rows"],
        ]
        assert site.direct.everything() == before


def test_purge_deletes_what_a_plugin_has_and_nothing_else(site: Site) -> None:
    notes_with_revisions(site, "notes", "notes2")
    site.remove("notes")
    site.start()
    before = site.direct.everything()

    output = site.succeed("plugins", "purge", "notes", "--yes")

    assert output.splitlines()[-1] == "Deleted."
    gone = before.keys() - site.direct.everything().keys()
    assert gone == {"notes_note", "alembic_version_notes"}
    assert site.direct.rows("SELECT name FROM schema_plugins") == ["notes2"]
    assert site.direct.everything()["notes2_note"] == before["notes2_note"]
    assert site.direct.everything()["roles"] == before["roles"]
    assert "[plugin_unknown]" in site.fail("plugins", "purge", "notes", "--yes")
    site.start()
    assert site.ask("notes2") == ["hello"]


def test_purge_of_a_plugin_in_use_begins_it_anew(site: Site) -> None:
    notes_with_revisions(site, "notes")
    site.direct.execute("INSERT INTO notes_note (text) VALUES ('mine')")

    output = site.succeed("plugins", "purge", "notes", "--yes")
    site.start()

    assert "is still in use" in output
    assert site.ask("notes") == ["hello"]


def test_purge_refuses_names_that_are_not_a_plugins(site: Site) -> None:
    site.write("notes")
    assert NOT_CHOSEN in site.fail("plugins", "purge", "notes", "--yes")
    site.start(set_up_first=True)
    before = site.direct.everything()

    core = ["global", "schema", "alembic", "core", "sqlite", "pg", "users", "roles"]
    for name in [*core, "Notes", "notes_", "note", "%", "", "nothing"]:
        assert "[plugin_unknown]" in site.fail("plugins", "purge", name, "--yes")

    assert site.direct.everything() == before


# --- new --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["Notes", "1notes", "my_notes", "my-notes", "é", "", "a" * 41, "core", "global", "../x"]
)
def test_new_refuses_a_name_that_cannot_be_used(
    sqlite_site: Site, tmp_path: Path, name: str
) -> None:
    before = set(tmp_path.rglob("*"))

    output = sqlite_site.fail("plugins", "new", name, "--into", str(tmp_path))

    assert "[plugin_name_invalid]" in output
    assert {path.name for path in set(tmp_path.rglob("*")) - before} <= {
        "data",
        "encryption.key",
        "secret.key",
        "setup.lock",
    }


def test_new_leaves_a_folder_alone_that_is_there(sqlite_site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "deploystack-pears"
    folder.mkdir()

    assert "[plugin_name_taken]" in sqlite_site.fail(
        "plugins", "new", "pears", "--into", str(tmp_path)
    )
    assert list(folder.iterdir()) == []


def test_what_new_writes_works_as_it_is(site: Site, tmp_path: Path) -> None:
    output = site.succeed("plugins", "new", "pears", "--into", str(tmp_path))
    made = tmp_path / "deploystack-pears"
    assert str(made) in output
    (made / "deploystack_pears").rename(site.plugins / "pears")

    site.start(set_up_first=True)

    assert site.states() == {"pears": "active"}
    items = site.app.test_client().get("/api/plugin/pears/items").get_json()["items"]
    assert [item["name"] for item in items] == ["First", "Second"]
    site.succeed("plugins", "check", "pears")


# --- The commands of flask db -----------------------------------------------------------------

SPELLINGS: dict[str, Callable[[str, str], list[str]]] = {
    "flask plugins": lambda name, plugin: ["plugins", name, plugin],
    "flask db -x": lambda name, plugin: ["db", "-x", f"plugin={plugin}", name],
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_life_of_a_revision(site: Site, spelling: str) -> None:
    def spelled(name: str, *arguments: str) -> list[str]:
        return [*SPELLINGS[spelling](name, "notes"), *arguments]

    site.write("notes", revisions=True)
    site.succeed(*spelled("migrate", "-m", "first tables"))
    site.start(set_up_first=True)
    site.write("notes", TEXT, DONE, revisions=True)
    assert "add_column" in site.fail(*spelled("check"))
    site.succeed(*spelled("migrate", "-m", "add is_done"))
    [first, second] = [
        re.findall(r"_([0-9a-f]{12})_", file.name)[0] for file in site.revisions("notes")
    ]

    assert site.succeed(*spelled("history")).splitlines() == [
        f"{first} -> {second} (head), add is_done",
        f"<base> -> {first}, first tables",
    ]
    assert site.succeed(*spelled("current")).split() == [first]
    site.succeed(*spelled("upgrade"))
    assert site.succeed(*spelled("current")).split() == [second, "(head)"]
    site.succeed(*spelled("check"))
    site.succeed(*spelled("downgrade"))
    assert site.succeed(*spelled("current")).split() == [first]
    assert site.shape("notes_note") == ["id", "text"]
    site.succeed(*spelled("stamp", second))
    assert site.succeed(*spelled("current")).split() == [second, "(head)"]
    site.succeed(*spelled("stamp", first))
    site.succeed(*spelled("upgrade"))
    assert site.shape("notes_note") == ["id", "text", "is_done"]
    site.succeed(*spelled("downgrade", "base"))
    assert "notes_note" not in site.direct.tables()
    site.succeed(*spelled("upgrade"))
    assert site.direct.rows("SELECT text FROM notes_note") == ["hello"]
    assert site.applied("notes")[:3] == [first, second, second]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_plugin_that_cannot_have_revisions(sqlite_site: Site, spelling: str) -> None:
    site = sqlite_site
    site.write("notes")
    (site.plugins / "torn.py").write_text("import no_such_module\n")
    site.start(set_up_first=True)

    for name in ("migrate", "upgrade", "history", "current", "check"):
        spelled = SPELLINGS[spelling]
        assert "[plugin_without_revisions]" in site.fail(*spelled(name, "notes"))
        assert "[plugin_unknown]" in site.fail(*spelled(name, "nothing"))
        assert "[plugin_import_failed]" in site.fail(*spelled(name, "torn"))


def test_the_commands_of_the_page_work(site: Site) -> None:
    text = section((DOCS / "reference/plugins.md").read_text("utf-8"), "The life of tables")
    [listed] = [b.text for b in blocks(text) if b.language == "sh" and "stamp" in b.text]
    notes_with_revisions(site, "notes")
    site.write("notes", TEXT, DONE, revisions=True)

    for line in listed.splitlines():
        program, *arguments = shlex.split(line, comments=True)
        assert program == "flask"
        site.succeed(*arguments)

    assert len(site.revisions("notes")) == 3


def test_names_that_begin_alike_are_kept_apart(site: Site) -> None:
    """Neither plugin sees the tables of the other, and the core sees those of neither."""
    notes_with_revisions(site, "foo", "foobar")
    site.write("foo", TEXT, DONE, revisions=True)

    assert "add_column" in site.fail("plugins", "check", "foo")
    site.succeed("plugins", "check", "foobar")
    site.succeed("db", "check")
    site.succeed("plugins", "migrate", "foobar", "-m", "nothing")
    site.succeed("db", "migrate", "-m", "nothing")
    assert len(site.revisions("foobar")) == 1
    site.succeed("plugins", "migrate", "foo", "-m", "add is_done")
    [first, second] = site.revisions("foo")
    assert "foobar" not in first.read_text() + second.read_text()
    assert "users" not in first.read_text() + second.read_text()
    site.succeed("plugins", "upgrade", "foo")
    site.succeed("plugins", "purge", "foo", "--yes")
    assert {"foobar_note", "alembic_version_foobar"} <= site.direct.tables()
    assert site.direct.rows("SELECT text FROM foobar_note") == ["hello"]


def test_tables_that_begin_alike_are_kept_apart_before_there_are_revisions(site: Site) -> None:
    site.write("foo")
    site.write("foobar")
    site.start(set_up_first=True)
    site.write("foo", TEXT, DONE, revisions=True)

    site.succeed("plugins", "migrate", "foo", "-m", "add is_done")

    assert len(site.revisions("foo")) == 2
    assert all("foobar" not in file.read_text() for file in site.revisions("foo"))


# --- flask db upgrade -------------------------------------------------------------------------


@pytest.fixture
def own_revisions(tmp_path: Path) -> Revisions:
    """A copy of the core's revisions, to add some."""
    return Revisions(tmp_path / "migrations")


def test_upgrade_brings_the_core_and_all_plugins_to_head(
    site: Site, own_revisions: Revisions
) -> None:
    notes_with_revisions(site, "notes", "pears")
    core = own_revisions.add("op.create_table('extra', sa.Column('id', sa.Integer))")
    for name in ("notes", "pears"):
        site.write(name, TEXT, DONE, revisions=True)
        site.succeed("plugins", "migrate", name, "-m", "add is_done")
    get_database(site.app).close()
    config = own_revisions.config(site.data_dir, DEPLOYSTACK_PLUGINS_PATH=str(site.plugins))
    app = create_app(config)

    result = command(app, "db", "upgrade")

    get_database(app).close()
    assert result.exit_code == 0, result.output
    steps = [line.strip() for line in result.output.splitlines() if line.startswith("  ")]
    assert steps[0] == f"migrated {core}"
    plugins = [step for step in steps if step.startswith("plugin ")]
    assert plugins == [
        f"plugin {name}: {step}"
        for name in ("notes", "pears")
        for step in (f"migrated {site.applied(name)[-1]}", "tables", "seed")
    ]
    assert result.output.splitlines()[-1] == "The database is up to date."
    assert "extra" in site.direct.tables()
    assert site.shape("pears_note") == ["id", "text", "is_done"]


def test_upgrade_fails_and_names_the_plugin_that_did(site: Site) -> None:
    notes_with_revisions(site, "notes", "pears")
    for name in ("notes", "pears"):
        site.write(name, TEXT, DONE, revisions=True)
        site.succeed("plugins", "migrate", name, "-m", "add is_done")
    broken = site.revisions("notes")[-1]
    body = indent('raise ValueError("not today")', "    ")
    broken.write_text(broken.read_text().replace("    # ###", f"{body}\n    # ###", 1))

    output = site.fail("db", "upgrade")

    assert "The plugin 'notes'" in output
    assert "[plugin_migration_failed]" in output
    assert "not today" in output
    assert "pears'" not in output
    assert site.shape("notes_note") == ["id", "text"]
    assert site.shape("pears_note") == ["id", "text", "is_done"]
    assert site.succeed("plugins", "current", "pears").split()[-1] == "(head)"


def test_upgrade_with_nothing_to_do(site: Site) -> None:
    notes_with_revisions(site, "notes")
    assert site.succeed("db", "upgrade").splitlines()[-1] == "Nothing to apply."


# --- Disabled and uninstalled -----------------------------------------------------------------

CORE_COMMANDS = [
    ["db", "status"],
    ["db", "check"],
    ["db", "current"],
    ["db", "history"],
    ["db", "heads"],
    ["db", "migrate", "-m", "nothing"],
    ["db", "upgrade"],
    ["db", "check-connection"],
    ["plugins", "list"],
]


@pytest.mark.parametrize("how", ["disabled", "uninstalled"])
def test_data_stays_and_every_command_works(
    site: Site, monkeypatch: pytest.MonkeyPatch, how: str, tmp_path: Path
) -> None:
    notes_with_revisions(site, "notes", "pears")
    site.direct.execute("INSERT INTO notes_note (text) VALUES ('mine')")
    before = site.direct.everything()
    home, away = site.plugins / "notes", tmp_path / "away"

    if how == "disabled":
        monkeypatch.setenv("DEPLOYSTACK_PLUGINS_DISABLED", "notes")
    else:
        home.rename(away)
    site.start()
    for arguments in CORE_COMMANDS:
        site.succeed(*arguments)

    assert site.direct.everything() == before
    assert site.ask("notes") == "not_found"
    assert site.ask("pears") == ["hello"]
    assert site.states() == {"pears": "active"} | (
        {"notes": "disabled"} if how == "disabled" else {}
    )

    # Back, and newer.
    if how == "disabled":
        monkeypatch.delenv("DEPLOYSTACK_PLUGINS_DISABLED")
    else:
        away.rename(home)
    site.write("notes", TEXT, DONE, revisions=True)
    site.succeed("plugins", "migrate", "notes", "-m", "add is_done")
    site.start()
    assert site.ask("notes") == ["hello", "mine"]
    assert site.shape("notes_note") == ["id", "text", "is_done"]


def test_the_core_goes_down_and_up_again_under_plugins(site: Site) -> None:
    """`flask db downgrade base` takes the core's tables, and leaves a plugin's."""
    notes_with_revisions(site, "notes")
    get_database(site.app).close()

    site.succeed("db", "downgrade", "base")
    assert "users" not in site.direct.tables()
    site.succeed("db", "upgrade")

    site.start()
    assert site.ask("notes") == ["hello"]


def test_reset_with_delete_data_takes_the_plugins_tables_along(site: Site) -> None:
    notes_with_revisions(site, "notes")

    site.succeed("db", "reset", "--yes", "--delete-data")

    if site.body["type"] == "postgres":
        assert site.direct.tables() == set()
    set_up(site.start(), site.body)
    assert site.ask("notes") == ["hello"]
