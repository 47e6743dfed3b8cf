"""The life of a plugin's tables: made, changed, taken over by revisions, kept."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from deploystack.database import engines, get_database
from deploystack.plugins.service import get_service
from tests.conftest import Serve
from tests.support.ask import at_once, every_worker
from tests.support.pages import DOCS
from tests.support.site import DONE, TEXT, Site

TABLES = "plugin_tables_differ"
WORKERS = 4

# What may differ: the columns in the database, those that are declared, and what is said then.
DIFFERENCES = {
    "column that is new": ([TEXT], [TEXT, DONE], "it lacks the column 'is_done'"),
    "column that is gone": ([TEXT, DONE], [TEXT], "it has a column 'is_done' too many"),
    "other type": ([TEXT], ["text: Mapped[int]"], "its column 'text' is another (type)"),
    "other length": (
        [TEXT],
        ["text: Mapped[str] = mapped_column(sa.String(80))"],
        "its column 'text' is another (type)",
    ),
    "null allowed": (
        [TEXT],
        ["text: Mapped[str | None] = mapped_column(sa.String(50))"],
        "its column 'text' is another (nullable)",
    ),
    "index": (
        [TEXT],
        ["text: Mapped[str] = mapped_column(sa.String(50), index=True)"],
        "add index is needed",
    ),
    "unique": (
        ["text: Mapped[str] = mapped_column(sa.String(50), unique=True)"],
        [TEXT],
        "remove constraint is needed",
    ),
    "foreign key": (
        [TEXT, "user_id: Mapped[str | None] = mapped_column(sa.String(36))"],
        [TEXT, "user_id: Mapped[str | None] = mapped_column(sa.ForeignKey('users.id'))"],
        "add fk is needed",
    ),
}


def test_tables_are_made_at_setup(site: Site) -> None:
    site.write("notes")
    site.start()
    assert site.told()["notes"]["state"] == "waiting"
    assert site.ask("notes") == "not_configured"

    site.start(set_up_first=True)

    assert site.states() == {"notes": "active"}
    assert site.ask("notes") == ["hello"]
    assert site.direct.rows("SELECT name, version FROM schema_plugins") == [("notes", "1")]
    assert "alembic_version_notes" not in site.direct.tables()


def test_tables_are_made_at_the_next_start_of_a_running_site(site: Site) -> None:
    site.start(set_up_first=True)
    before = site.direct.tables()

    site.write("notes")
    assert site.ask("notes") == "not_found"  # the program that runs does not know it
    site.start()

    assert site.ask("notes") == ["hello"]
    assert site.direct.tables() - before == {"notes_note", "schema_plugins"}


def test_a_start_with_nothing_to_do_writes_nothing(site: Site) -> None:
    site.write("notes")
    site.start(set_up_first=True)
    before = site.direct.everything()

    site.start()

    assert site.states() == {"notes": "active"}
    assert site.direct.everything() == before


@pytest.mark.parametrize("count", [1, 5])
def test_a_start_asks_as_much_for_many_plugins_as_for_one(site: Site, count: int) -> None:
    names = [f"notes{number}" for number in range(count)]
    for name in names:
        site.write(name, revisions=True)
        site.succeed("plugins", "migrate", name, "-m", "first")
    app = site.start(set_up_first=True)
    assert set(site.states().values()) == {"active"}
    statements: list[str] = []
    with engines.inspection(get_database(app).target()) as connection:
        sa.event.listen(
            connection, "before_cursor_execute", lambda *given: statements.append(given[2])
        )
        assert get_service(app).upkeep.are_current(connection)

    statements = [statement.strip() for statement in statements]
    assert len([statement for statement in statements if statement != "BEGIN"]) == 4


def test_a_table_that_differs_quarantines_and_is_left_alone(site: Site) -> None:
    """Each difference in a plugin of its own, beside one that has not changed."""
    plugins = {what.replace(" ", ""): difference for what, difference in DIFFERENCES.items()}
    for name, (old, _, _) in plugins.items():
        site.write(name, *old)
    site.write("other")
    site.start(set_up_first=True)
    assert set(site.states().values()) == {"active"}
    before = site.direct.everything()

    for name, (_, new, _) in plugins.items():
        site.write(name, *new)
    site.start()

    assert site.states() == dict.fromkeys(plugins, TABLES) | {"other": "active"}
    for name, (_, _, says) in plugins.items():
        assert site.told()[name]["error"] == (
            f"The table '{name}_note' in the database differs from its declaration: {says}. It is "
            f'not changed without a revision. Write one with `flask plugins migrate {name} -m "'
            'describe the change"`, then restart.'
        )
        assert site.ask(name) == TABLES
    assert site.direct.everything() == before
    assert site.ask("other") == ["hello"]

    for name, (old, _, _) in plugins.items():
        site.write(name, *old)
    site.start()
    assert set(site.states().values()) == {"active"}


def test_a_second_table_is_made_beside_the_first(site: Site) -> None:
    site.write("notes")
    site.start(set_up_first=True)
    site.direct.execute("INSERT INTO notes_note (text) VALUES ('mine')")

    more = """
    tags = sa.Table("NAME_tag", Model.metadata, sa.Column("id", sa.Integer, primary_key=True))


    @hookimpl
    def deploystack_tables():
        return [Note, tags]
    """
    site.write("notes", more=more)
    site.start()

    assert site.ask("notes") == ["hello", "mine"]
    assert {"notes_note", "notes_tag"} <= site.direct.tables()


# --- The first revision comes later -----------------------------------------------------------


def test_the_first_revision_of_tables_that_are_there_is_taken_for_applied(site: Site) -> None:
    site.write("notes")
    site.start(set_up_first=True)
    site.direct.execute("INSERT INTO notes_note (text) VALUES ('mine')")

    site.write("notes", revisions=True)
    site.succeed("plugins", "migrate", "notes", "-m", "first tables")
    [file] = site.revisions("notes")
    site.start()

    assert site.ask("notes") == ["hello", "mine"]
    [revision] = site.direct.rows("SELECT version_num FROM alembic_version_notes")
    assert revision in file.name
    assert site.applied("notes") == []


def test_what_a_site_has_becomes_the_first_revision(site: Site) -> None:
    """The tables have changed before there was a revision: the database knows what they were."""
    site.write("notes")
    site.start(set_up_first=True)
    site.direct.execute("INSERT INTO notes_note (text) VALUES ('mine')")

    site.write("notes", TEXT, DONE, revisions=True)
    site.start()
    assert site.states() == {"notes": TABLES}
    output = site.succeed("plugins", "migrate", "notes", "-m", "add is_done")
    first, second = site.revisions("notes")

    assert "The first revision is made from them." in output
    assert first.stem.endswith("_tables_as_they_were")
    assert "create_table" in first.read_text()
    assert "is_done" not in first.read_text()
    assert second.stem.endswith("_add_is_done")
    assert "create_table" not in second.read_text()
    site.succeed("plugins", "retry", "notes")
    site.start()
    assert site.ask("notes") == ["hello", "mine"]
    assert site.shape("notes_note") == ["id", "text", "is_done"]
    assert not any(site.direct.rows("SELECT is_done FROM notes_note"))
    assert site.applied("notes") == re.findall(r"_([0-9a-f]{12})_", second.name)
    site.succeed("plugins", "check", "notes")


def test_revisions_make_everything_on_a_site_that_has_nothing(
    site: Site, new_body: Callable[[str], dict[str, str]]
) -> None:
    """What was generated at one site works at another, also of the other kind."""
    site.write("notes")
    site.start(set_up_first=True)
    site.write("notes", TEXT, DONE, revisions=True)
    site.succeed("plugins", "migrate", "notes", "-m", "add is_done")
    other = "sqlite" if site.body["type"] == "postgres" else "postgres"
    site.succeed("db", "reset", "--yes")

    elsewhere = Site.at(site, new_body(other))
    elsewhere.start(set_up_first=True)

    assert elsewhere.ask("notes") == ["hello"]
    assert elsewhere.shape("notes_note") == ["id", "text", "is_done"]
    assert len(elsewhere.applied("notes")) == 2
    elsewhere.succeed("plugins", "check", "notes")


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE notes_note ADD COLUMN extra VARCHAR(5)",
        "ALTER TABLE notes_note DROP COLUMN text",
        "CREATE UNIQUE INDEX notes_once ON notes_note (text)",
    ],
)
def test_a_first_revision_that_does_not_fit_is_refused(site: Site, change: str) -> None:
    site.write("notes")
    site.start(set_up_first=True)
    site.write("notes", revisions=True)
    site.succeed("plugins", "migrate", "notes", "-m", "first tables")
    site.start(DEPLOYSTACK_PLUGINS_DISABLED="notes")
    site.direct.execute(change)
    before = site.direct.everything()

    site.start()

    assert site.states() == {"notes": TABLES}
    assert "is not what the first revision of the plugin makes" in site.told()["notes"]["error"]
    assert site.direct.everything() == before


# --- Revisions --------------------------------------------------------------------------------


@pytest.fixture
def revised(site: Site) -> Site:
    """A site with a plugin that has one revision, and another plugin."""
    site.write("notes", revisions=True)
    site.write("other")
    site.succeed("plugins", "migrate", "notes", "-m", "first tables")
    site.start(set_up_first=True)
    assert site.states() == {"notes": "active", "other": "active"}
    return site


def test_a_revision_is_applied_at_the_next_start(revised: Site) -> None:
    revised.direct.execute("INSERT INTO notes_note (text) VALUES ('mine')")
    revised.write("notes", TEXT, DONE, revisions=True)
    revised.succeed("plugins", "migrate", "notes", "-m", "add is_done")

    revised.start()

    assert revised.ask("notes") == ["hello", "mine"]
    assert revised.shape("notes_note") == ["id", "text", "is_done"]
    assert len(revised.applied("notes")) == 2


def test_a_changed_model_without_a_revision_changes_nothing(revised: Site) -> None:
    """The database is as the revisions say, so the plugin is in service, with an old table."""
    before = revised.direct.everything()
    revised.write("notes", TEXT, DONE, revisions=True)

    revised.start()

    assert revised.direct.everything() == before
    assert "add_column" in revised.fail("plugins", "check", "notes")


def test_a_revision_that_fails_is_taken_back_alone(revised: Site) -> None:
    revised.write("notes", TEXT, DONE, revisions=True, version="2")
    revised.write("other", version="2")
    revised.succeed("plugins", "migrate", "notes", "-m", "add is_done")
    file = revised.revisions("notes")[-1]
    good = file.read_text()
    bad = 'op.execute("INSERT INTO nowhere VALUES (1)")\n\n\ndef downgrade()'
    file.write_text(good.replace("def downgrade()", f"    {bad}", 1))
    before = revised.shape("notes_note")

    revised.start()

    assert revised.states() == {"notes": "plugin_migration_failed", "other": "active"}
    assert revised.shape("notes_note") == before
    assert len(revised.applied("notes")) == 1
    shown = revised.succeed("plugins", "show", "notes")
    assert file.name in shown
    assert "nowhere" in shown
    versions = dict(revised.direct.rows("SELECT name, version FROM schema_plugins"))
    assert versions == {"notes": "1", "other": "2"}

    file.write_text(good)
    revised.succeed("plugins", "retry", "notes")
    assert revised.ask("notes") == ["hello"]  # the program that runs
    assert revised.states() == {"notes": "active", "other": "active"}


def test_a_database_of_a_newer_version_is_left_alone(revised: Site) -> None:
    revised.write("notes", TEXT, DONE, revisions=True, version="2")
    revised.succeed("plugins", "migrate", "notes", "-m", "add is_done")
    revised.start()
    assert revised.states() == {"notes": "active", "other": "active"}
    before = revised.direct.everything()

    revised.revisions("notes")[-1].unlink()
    revised.write("notes", revisions=True)
    revised.start()

    assert revised.states() == {"notes": "plugin_newer", "other": "active"}
    assert "Update the plugin." in revised.told()["notes"]["error"]
    assert revised.direct.everything() == before


def test_two_newest_revisions_are_refused(revised: Site) -> None:
    [file] = revised.revisions("notes")
    twin = file.read_text().replace("revision = '", "revision = 'ff")
    file.with_name("twin.py").write_text(twin)

    revised.start()

    assert revised.states() == {"notes": "plugin_migration_failed", "other": "active"}
    assert revised.ask("other") == ["hello"]


# --- What is told -----------------------------------------------------------------------------


def test_each_state_is_told(site: Site) -> None:
    fails = (
        "\n@hookimpl\ndef deploystack_database_ready(app):\n    raise ValueError('it is broken')\n"
    )
    site.write("broken", more=fails)
    site.write("notes")
    site.write("off")
    (site.plugins / "torn.py").write_text("import no_such_module\n")
    site.start(DEPLOYSTACK_PLUGINS_DISABLED="off")
    before = {name: each["state"] for name, each in site.told().items()}
    assert before == {
        "broken": "waiting",
        "notes": "waiting",
        "off": "disabled",
        "torn": "quarantined",
    }

    answer = site.app.test_client().post("/api/db/setup", json=site.body)
    assert answer.get_json()["restart_required"] is True
    told = site.told()

    assert list(told) == ["broken", "notes", "off", "torn"]
    assert {name: (each["state"], each["code"]) for name, each in told.items()} == {
        "broken": ("quarantined", "plugin_ready_failed"),
        "notes": ("active", None),
        "off": ("disabled", None),
        "torn": ("quarantined", "plugin_import_failed"),
    }
    assert told["notes"] == {
        "name": "notes",
        "version": "1",
        "description": "Notes of notes.",
        "state": "active",
        "code": None,
        "error": None,
    }
    assert told["torn"]["version"] is None
    assert "it is broken" not in str(told)  # the cause is the operator's
    assert [site.ask(name) for name in told] == [
        "plugin_ready_failed",
        ["hello"],
        "not_found",
        "plugin_import_failed",
    ]


def test_every_worker_serves_plugins_once_setup_has_answered(
    serve: Serve, site: Site, body: dict[str, str]
) -> None:
    site.write("notes")
    site.write("pears", revisions=True)
    site.succeed("plugins", "migrate", "pears", "-m", "first tables")
    server = serve(WEB_CONCURRENCY=str(WORKERS), DEPLOYSTACK_PLUGINS_PATH=str(site.plugins))
    server.until(lambda: len(server.workers()) == WORKERS)
    paths = ["/api/plugin/notes/", "/api/plugin/pears/"]
    calls = [lambda path=path: server.get(path) for path in paths * 2 * WORKERS]
    before = {(answer.status, answer.json["code"]) for answer in at_once(calls)}
    assert before == {(503, "not_configured")}

    answer = server.post("/api/db/setup", body)
    assert (answer.status, answer.json["restart_required"]) == (200, False)

    assert [(a.status, a.text) for a in at_once(calls) if a.json.get("notes") != ["hello"]] == []
    for path in paths:
        assert {tuple(answer.json["notes"]) for answer in every_worker(server, path)} == {
            ("hello",)
        }
    lists = {server.get("/api/plugins").text for _ in range(4 * WORKERS)}
    [told] = lists
    assert told.count('"state": "active"') == 2


def test_the_states_are_documented(site: Site) -> None:
    for page in ("plugins.md", "setup-api.md"):
        text = (DOCS / "reference" / page).read_text("utf-8")
        for state in ("active", "waiting", "quarantined", "disabled"):
            assert f"| `{state}` |" in text
