"""``flask db`` as an operator meets it: real processes, started in some other folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import Commands
from tests.support.crashes import OWN_REVISIONS, steps
from tests.support.direct import Direct
from tests.support.postgres import Postgres

BASE, *_, HEAD = OWN_REVISIONS
OURS = ("check-connection", "reset", "setup", "setup-token", "status")
FLASK_MIGRATES = ("check", "current", "downgrade", "history", "migrate", "stamp", "upgrade")
NOT_CHOSEN = "No database has been chosen yet. Run `flask db setup` first."


@pytest.fixture
def commands(data_dir: Path, tmp_path: Path) -> Commands:
    return Commands(data_dir, tmp_path)


def named(body: dict[str, str]) -> tuple[tuple[str, ...], str]:
    """Return the arguments that name a database, and what to type."""
    if body["type"] == "sqlite":
        return ("--type", "sqlite"), ""
    return ("--type", "postgres", "--connection-string-file", "-"), body["connectionString"] + "\n"


def test_help_lists_our_commands_beside_flask_migrates(commands: Commands) -> None:
    listed = [" ".join(line.split()) for line in commands.succeed("--help").splitlines()]
    assert "db Set up, inspect and migrate the database." in listed
    shown = commands.succeed("db", "--help")
    assert shown.splitlines()[2].strip() == "Set up, inspect and migrate the database."
    found = {line.split()[0] for line in shown.partition("Commands:")[2].splitlines() if line}
    assert {*OURS, *FLASK_MIGRATES} <= found


def test_with_no_database_a_command_that_needs_one_says_so(
    commands: Commands, data_dir: Path
) -> None:
    for arguments in (["current"], ["upgrade"], ["downgrade"], ["check-connection"]):
        assert NOT_CHOSEN in commands.fail("db", *arguments)
    assert not (data_dir / "database").exists()
    assert not (data_dir / "db.selection.json").exists()


def test_with_no_database_what_needs_none_works(commands: Commands, data_dir: Path) -> None:
    told = commands.succeed("db", "history")
    assert f"<base> -> {BASE}, base schema\n" in told
    assert f" -> {HEAD} (head), " in told
    assert commands.succeed("db", "heads") == f"{HEAD} (head)\n"
    assert "No new upgrade operations detected" in commands.succeed("db", "check")
    sql = commands.succeed("db", "upgrade", "--sql")
    assert sql.startswith("BEGIN;")
    assert "CREATE TABLE users" in sql
    assert f"INSERT INTO alembic_version (version_num) VALUES ('{BASE}')" in sql
    assert f"UPDATE alembic_version SET version_num='{HEAD}' WHERE" in sql
    assert sql.rstrip().endswith("COMMIT;")
    assert json.loads(commands.succeed("db", "status", "--json")) == {
        "configured": False,
        "initialized": False,
        "dialect": None,
        "location": None,
        "revision": None,
        "head": HEAD,
        "pending": [],
        "problem": None,
        "last_failure": None,
    }
    assert not (data_dir / "database").exists()


@pytest.mark.both
def test_from_setup_to_reset(
    body: dict[str, str], dialect: str, commands: Commands, data_dir: Path
) -> None:
    arguments, stdin = named(body)
    ended = commands.flask("db", "setup", *arguments, stdin=stdin)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == f"The {dialect} database is set up and ready to use.\n"
    told = [line.strip() for line in ended.stderr.splitlines() if line.startswith("  ")]
    assert told == steps(lambda revision: f"migrated {revision}")
    direct = Direct(body, data_dir)
    assert direct.revisions() == OWN_REVISIONS

    assert "already_configured" in commands.fail("db", "setup", "--type", "sqlite")
    assert commands.succeed("db", "current") == f"{HEAD} (head)\n"
    found = json.loads(commands.succeed("db", "status", "--json"))
    assert (found["initialized"], found["dialect"], found["revision"]) == (True, dialect, HEAD)
    assert "can be used. It is ours." in commands.succeed("db", "check-connection")

    assert commands.succeed("db", "reset", "--yes", "--delete-data") == (
        "Forgotten. Its data is deleted.\n"
    )
    assert not (data_dir / "db.selection.json").exists()
    if dialect == "postgres":
        assert direct.everything() == {"schema": []}
    else:
        assert list(direct.file.parent.iterdir()) == []
    assert NOT_CHOSEN in commands.fail("db", "current")


def test_a_connection_string_comes_from_a_file_or_is_asked_for(
    postgres: Postgres, commands: Commands, tmp_path: Path
) -> None:
    uri = postgres.create_database()
    file = tmp_path / "connection"
    file.write_text(uri + "\n")
    shown = commands.succeed(
        "db", "check-connection", "--type", "postgres", "--connection-string-file", str(file)
    )
    assert shown.startswith("postgres ")
    assert "It is empty." in shown
    ended = commands.flask("db", "check-connection", "--type", "postgres", stdin=uri + "\n")
    assert ended.returncode == 0, ended.stderr
    assert "It is empty." in ended.stdout
    assert uri not in ended.stdout + ended.stderr
    assert "No such option" in commands.fail(
        "db", "setup", "--type", "postgres", "--connection-string", uri, code=2
    )
    assert Direct({"type": "postgres", "connectionString": uri}, tmp_path).tables() == set()
    postgres.drop_database(uri)
