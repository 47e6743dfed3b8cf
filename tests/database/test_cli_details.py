"""``flask db`` in this process: what each command says, how it ends, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from deploystack.database import get_database
from tests.conftest import MakeApp
from tests.support.applications import command, report, set_up, settled, status
from tests.support.direct import Direct
from tests.support.postgres import Postgres
from tests.support.revisions import Revisions

FROM_STDIN = ("--type", "postgres", "--connection-string-file", "-")


def test_no_output_holds_the_password(
    postgres: Postgres, app: Flask, capfd: pytest.CaptureFixture[str]
) -> None:
    role = postgres.create_role(password="can/ary%41 word")
    uri = postgres.create_database(owner=role)
    output = ""

    def run(*arguments: str, given: str = uri, code: int = 0) -> None:
        nonlocal output
        result = command(app, "db", *arguments, input=given)
        assert result.exit_code == code, result.output
        # Once what was typed into a prompt is set aside: click's runner echoes it.
        output += result.output.replace(given, "") + "".join(capfd.readouterr())

    run("check-connection", *FROM_STDIN, given=uri.replace(f":{postgres.port}/", ":1/"), code=1)
    run("check-connection", *FROM_STDIN, given=uri.replace("/test_", "/no_"), code=1)
    run("setup", *FROM_STDIN, given=uri.replace(f"{role.name}:", "nobody:"), code=1)
    run("setup", *FROM_STDIN, given=uri + "?sslmode=verify-full", code=1)
    run("setup", *FROM_STDIN, given=uri + "?nonsense=1", code=1)
    run("setup", *FROM_STDIN)
    run("setup", *FROM_STDIN, code=1)
    run("status")
    run("status", "--json")
    run("current", "--verbose")
    run("downgrade", "base")
    run("upgrade")
    postgres.execute(f'ALTER ROLE "{role.name}" NOLOGIN')
    get_database(app).close()
    for arguments in ["check-connection"], ["upgrade"], ["current"], ["status"]:
        run(*arguments, code=1)
    run("reset", "--yes", "--delete-data", code=1)
    assert "set up and ready to use" in output
    assert "[db_authentication_failed]" in output
    for form in (role.password, "can%2Fary", "can/ary", "ary%2541", "ary%41"):
        assert form not in output


def test_status_for_people(app: Flask, body: dict[str, str], data_dir: Path) -> None:
    direct = Direct(body, data_dir)
    shown = command(app, "db", "status")
    assert shown.exit_code == 0
    assert shown.stdout.splitlines()[:2] == ["configured:     False", "initialized:    False"]
    set_up(app, body)
    shown = command(app, "db", "status")
    assert shown.exit_code == 0
    assert f"dialect:        {direct.dialect}" in shown.stdout
    place = (
        body["connectionString"].rpartition("@")[2] if "connectionString" in body else direct.file
    )
    assert f"location:       {place}\n" in shown.stdout


def test_status_of_a_file_that_is_gone_changes_nothing(make_app: MakeApp, data_dir: Path) -> None:
    app = make_app()
    set_up(app, {"type": "sqlite"})
    file = Direct({"type": "sqlite"}, data_dir).file
    file.unlink()
    assert report(app)["problem"]["code"] == "database_file_missing"
    for arguments in (["status"], ["current"], ["check"], ["downgrade"]):
        assert command(app, "db", *arguments).exit_code == 1, arguments
        assert not file.exists(), arguments


def test_no_command_migrates_by_the_way(
    direct: Direct,
    revisions: Revisions,
    data_dir: Path,
    make_app: MakeApp,
) -> None:
    added = revisions.add("op.create_table('extra', sa.Column('id', sa.Integer))")
    before = direct.everything()
    behind = make_app(revisions.config(data_dir))
    for arguments, code in (
        (["db", "status"], 1),
        (["db", "current"], 0),
        (["db", "heads"], 0),
        (["db", "history"], 0),
        (["db", "check"], 1),
        (["db", "check-connection"], 0),
        (["db", "upgrade", "--sql"], 0),
        (["db", "setup-token"], 0),
        (["db", "setup", "--type", "sqlite"], 1),
    ):
        assert command(behind, *arguments).exit_code == code, arguments
        assert direct.everything() == before, arguments
    assert report(behind)["pending"] == [added]
    assert "extra" not in direct.tables()


def test_an_operators_database_is_not_made_by_looking(
    dialect: str, body: dict[str, str], data_dir: Path, make_app: MakeApp
) -> None:
    url = body.get("connectionString", "sqlite:///elsewhere/own.db")
    app = make_app(DEPLOYSTACK_DATABASE_URL=url)
    for arguments, code in ((["db", "history"], 0), (["db", "status"], 1)):
        assert command(app, *arguments).exit_code == code, arguments
    assert command(app, "db", "current").exit_code == (1 if dialect == "sqlite" else 0)
    assert command(app, "db", "setup-token").exit_code == 0, "the first account may need it"
    assert not (data_dir / "elsewhere").exists()
    for arguments in (["setup", "--type", "sqlite"], ["reset", "--yes"]):
        result = command(app, "db", *arguments)
        assert result.exit_code == 1
        assert "DEPLOYSTACK_DATABASE_URL" in result.output
    assert command(app, "db", "upgrade").exit_code == 0
    assert report(app)["initialized"] is True


@pytest.mark.parametrize("revision", [[], ["head"], ["BASE"], ["+1"]])
def test_upgrade_leaves_somebody_elses_database_alone(
    revision: list[str], body: dict[str, str], data_dir: Path, make_app: MakeApp
) -> None:
    direct = Direct(body, data_dir)
    direct.file.parent.mkdir(parents=True)
    direct.execute("CREATE TABLE somebodys (id INTEGER)", "INSERT INTO somebodys VALUES (1)")
    before = direct.everything()
    url = body.get("connectionString", f"sqlite:///{direct.file}")
    app = make_app(DEPLOYSTACK_DATABASE_URL=url)
    revision = [get_database(app).history.head or "" if r == "BASE" else r for r in revision]
    result = command(app, "db", "upgrade", *revision)
    assert result.exit_code == 1
    assert "[db_not_empty]" in result.output
    assert direct.everything() == before


def test_upgrade_shows_what_it_does_and_the_application_follows(
    direct: Direct, revisions: Revisions, data_dir: Path, make_app: MakeApp
) -> None:
    added = revisions.add("op.create_table('extra', sa.Column('id', sa.Integer))")
    newer = make_app(revisions.config(data_dir))
    result = command(newer, "db", "upgrade")
    assert result.exit_code == 0
    assert result.stdout == "The database is up to date.\n"
    assert f"  migrated {added}\n  seeding\n" in result.stderr
    again = command(newer, "db", "upgrade")
    assert (again.exit_code, again.stdout) == (0, "Nothing to apply.\n")
    assert settled(newer).phase == "ready"


@pytest.mark.parametrize("arguments", [["upgrade"], ["upgrade", "bad"], ["downgrade", "BASE"]])
def test_a_failing_command_names_the_revision_and_changes_nothing(
    arguments: list[str],
    body: dict[str, str],
    revisions: Revisions,
    data_dir: Path,
    make_app: MakeApp,
) -> None:
    direct = Direct(body, data_dir)
    fails = "op.execute('CREATE TABLE half (id INTEGER)')\nop.execute('DELETE FROM nowhere')"
    good = revisions.add(downgrade=fails)
    app = make_app(revisions.config(data_dir))
    set_up(app, body)
    revisions.add(fails, revision="bad")
    get_database(app).close()
    app = make_app(revisions.config(data_dir))
    before = direct.everything()

    arguments = [revisions.base if part == "BASE" else part for part in arguments]
    result = command(app, "db", *arguments)
    assert result.exit_code == 1
    culprit = "bad" if arguments[0] == "upgrade" else good
    assert f"revision {culprit}: " in result.output
    assert "nowhere" in result.output
    assert direct.everything() == before
    if arguments == ["upgrade"]:
        assert report(app)["last_failure"]["revision"] == "bad"


def test_stamp_says_where_a_database_is_without_running_anything(
    direct: Direct, revisions: Revisions, data_dir: Path, make_app: MakeApp
) -> None:
    added = revisions.add("raise RuntimeError('not to be run')")
    app = make_app(revisions.config(data_dir))
    assert command(app, "db", "stamp", added).exit_code == 0
    assert direct.rows("SELECT version_num FROM alembic_version") == [added]
    assert direct.revisions() == revisions.own
    assert status(app)["initialized"] is True


def test_check_connection_looks_and_changes_nothing(
    app: Flask, body: dict[str, str], data_dir: Path
) -> None:
    direct = Direct(body, data_dir)
    arguments = FROM_STDIN if direct.dialect == "postgres" else ("--type", "sqlite")
    before = sorted(data_dir.rglob("*"))
    result = command(app, "db", "check-connection", *arguments, input=body.get("connectionString"))
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{direct.dialect} ")
    assert result.stdout.endswith(" can be used. It is empty.\n")
    assert sorted(data_dir.rglob("*")) == before
    if direct.dialect == "postgres":
        assert direct.tables() == set()
        direct.execute("CREATE TABLE somebodys (id INTEGER)")
        refused = command(app, "db", "check-connection", *arguments, input=body["connectionString"])
        assert refused.exit_code == 1
        assert "[db_not_empty]" in refused.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["setup"],
        ["setup", "--type", "mysql"],
        ["setup", "--type", "sqlite", "--connection-string-file", "-"],
        ["setup", "--type", "postgres", "--connection-string-file", "/nowhere/at/all"],
    ],
)
def test_a_wrong_call_ends_with_2(arguments: list[str], app: Flask, data_dir: Path) -> None:
    result = command(app, "db", *arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert not (data_dir / "db.selection.json").exists()


def test_the_revisions_may_be_in_a_folder_of_any_name(make_app: MakeApp, tmp_path: Path) -> None:
    """To the reader of alembic.ini a % means something."""
    folder = tmp_path / "my %41 %(here)s é"
    runner = make_app(Revisions(folder).config(tmp_path / "data")).test_cli_runner()

    result = runner.invoke(args=["db", "revision", "-m", "by hand"])

    assert result.exit_code == 0, result.output
    assert len(list((folder / "versions").glob("*_by_hand.py"))) == 1
