"""Two programs on one site: an old one that still runs, a command beside the server."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Flask

from deploystack.database import get_database
from tests.conftest import MakeApp
from tests.support.site import DONE, TEXT, Site
from tests.support.waiting import until

FAILS = """
@hookimpl
def deploystack_seed(session):
    raise RuntimeError("this version is broken")
"""
KIND = "kind: Mapped[str] = mapped_column(sa.Enum('a', 'b', name='notes_kind'), default='a')"
POSITIVE = "__table_args__ = (sa.CheckConstraint('id > 0', name='positive'),)"


def ask(app: Flask) -> Any:
    body = app.test_client().get("/api/plugin/notes/").get_json()
    return body.get("notes", body.get("code"))


def test_an_old_server_says_nothing_about_new_code(site: Site, make_app: MakeApp) -> None:
    site.write("notes", revisions=True)
    site.succeed("plugins", "migrate", "notes", "-m", "first")
    old = make_app(DEPLOYSTACK_PLUGINS_PATH=site.plugins)
    site.start(set_up_first=True)
    assert ask(old) == ["hello"]

    site.write("notes", TEXT, DONE, revisions=True)
    site.succeed("plugins", "migrate", "notes", "-m", "second")
    site.start()
    assert site.states() == {"notes": "active"}
    # The old code is outdated now: it must not take the new one down with it.
    until(lambda: ask(old) in ("plugin_newer", "db_changed", ["hello"]))
    get_database(old).close()
    again = make_app(DEPLOYSTACK_PLUGINS_PATH=site.plugins)

    assert site.states() == {"notes": "active"}
    assert site.ask("notes") == ["hello"]
    assert ask(again) == ["hello"]


def test_a_command_with_broken_code_leaves_the_running_server_alone(site: Site) -> None:
    site.write("notes")
    site.start(set_up_first=True)
    assert site.ask("notes") == ["hello"]

    site.write("notes", version="2", more=FAILS)
    assert "this version is broken" in site.fail("db", "upgrade")

    assert site.ask("notes") == ["hello"]
    assert '"state": "quarantined"' in site.succeed("plugins", "show", "notes", "--json")


def test_tables_that_are_purged_beside_a_server_are_made_anew(site: Site) -> None:
    site.write("notes")
    site.start(set_up_first=True)
    assert site.ask("notes") == ["hello"]

    site.succeed("plugins", "purge", "notes", "--yes")

    until(lambda: site.ask("notes") == ["hello"])
    assert site.states() == {"notes": "active"}


def test_an_enumerated_type_goes_with_its_last_table(site: Site) -> None:
    site.write("notes", TEXT, KIND)
    site.write("other", TEXT, KIND)
    site.start(set_up_first=True)
    assert site.states() == {"notes": "active", "other": "active"}
    site.remove("other")
    site.start()

    site.succeed("plugins", "purge", "notes", "--yes")
    assert "notes_note" not in site.direct.tables()
    assert "other_note" in site.direct.tables()
    site.succeed("plugins", "purge", "other", "--yes")

    if site.direct.dialect == "postgres":
        assert site.direct.rows("SELECT typname FROM pg_type WHERE typname = 'notes_kind'") == []
    site.start()
    assert site.states() == {"notes": "active"}


def test_a_check_keeps_its_name_in_the_first_revision(site: Site) -> None:
    def names() -> set[str | None]:
        checks = sa.inspect(site.direct.engine).get_check_constraints("notes_note")
        return {check["name"] for check in checks}

    site.write("notes", TEXT, POSITIVE)
    site.start(set_up_first=True)
    assert names() == {"ck_notes_note_positive"}

    site.write("notes", TEXT, POSITIVE, DONE, revisions=True)
    site.succeed("plugins", "migrate", "notes", "-m", "second")
    site.start()
    assert site.states() == {"notes": "active"}
    assert names() == {"ck_notes_note_positive"}

    site.succeed("plugins", "purge", "notes", "--yes")  # as on a site that begins now
    site.start()
    assert site.states() == {"notes": "active"}
    assert names() == {"ck_notes_note_positive"}
