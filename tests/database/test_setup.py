"""``POST /api/db/setup``: what it makes, once; what it adopts."""

from __future__ import annotations

import shutil
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from filelock import FileLock
from flask import Flask
from flask.testing import FlaskClient

from deploystack.database import get_database, setup
from deploystack.database.target import SqliteTarget
from deploystack.errors import ApiError
from deploystack.models.user import ROLES
from tests.conftest import MakeApp
from tests.support.applications import set_up
from tests.support.direct import Direct
from tests.support.files import files
from tests.support.postgres import Postgres
from tests.support.revisions import Revisions
from tests.support.server import ROOT
from tests.support.waiting import until

SETUP = "/api/db/setup"
DONE = {
    "message": "Database setup successful. All services have been initialized and are ready to "
    "use.",
    "restart_required": False,
}
DONE_BUT = {
    "message": "Database setup successful, but some services may require a server restart to "
    "function properly.",
    "restart_required": True,
}
TABLES = {
    "alembic_version",
    "api_tokens",
    "audit_log",
    "global_setting_groups",
    "global_settings",
    "global_settings_state",
    "login_attempts",
    "login_sessions",
    "roles",
    "schema_revisions",
    "users",
}
ROW = (
    "INSERT INTO global_setting_groups VALUES "
    "('kept', 'a row of ours', '', NULL, 0, '2026-01-01', '2026-01-01')"
)
KEPT = "SELECT name FROM global_setting_groups WHERE id = 'kept'"


def newest_revision(folder: Path = ROOT / "migrations") -> str:
    """Return the head as Alembic itself finds it."""
    from alembic.script import ScriptDirectory

    return str(ScriptDirectory(folder).get_current_head())


def test_what_is_answered_and_what_is_there(
    client: FlaskClient, data_dir: Path, body: dict[str, str]
) -> None:
    response = client.post(SETUP, json=body)

    assert (response.status_code, response.mimetype) == (200, "application/json")
    assert response.json == DONE
    direct = Direct(body, data_dir)
    head = newest_revision()
    assert direct.tables() == TABLES
    assert direct.rows("SELECT version_num FROM alembic_version") == [head]
    assert direct.revisions()[-1] == head
    assert set(direct.rows("SELECT id, name FROM roles")) == {
        (role, name) for role, (name, _, _) in ROLES.items()
    }
    assert client.get("/readyz").status_code == 200


def test_what_is_in_the_data_folder(
    client: FlaskClient, data_dir: Path, dialect: str, body: dict[str, str]
) -> None:
    before = set(files(data_dir))
    client.post(SETUP, json=body)

    made = {"db.selection.json"}
    if dialect == "sqlite":
        made |= {"database", "database/deploystack.db"}
    assert set(files(data_dir)) - before == made


@pytest.mark.parametrize("second", ["sqlite", "postgres", "unreachable", "invalid", "check"])
def test_only_once(
    client: FlaskClient, data_dir: Path, body: dict[str, str], postgres: Postgres, second: str
) -> None:
    client.post(SETUP, json=body)
    direct = Direct(body, data_dir)
    before = direct.everything(), files(data_dir)
    other = {
        "sqlite": {"type": "sqlite"},
        "postgres": {"type": "postgres", "connectionString": postgres.create_database()},
        "unreachable": {"type": "postgres", "connectionString": "postgresql://u@127.0.0.1:1/d"},
        "invalid": {"type": 5},
        "check": body,
    }[second]
    response = client.post("/api/db/check" if second == "check" else SETUP, json=other)

    assert (response.status_code, response.json["code"]) == (409, "already_configured")
    assert "flask db reset" in response.json["error"]
    assert (direct.everything(), files(data_dir)) == before
    if second == "postgres":
        assert Direct(other, data_dir).tables() == set()


def test_only_once_even_if_it_was_asked_for_before(
    app: Flask, data_dir: Path, body: dict[str, str]
) -> None:
    """Two may see that nothing is chosen; the second to get the claim looks again."""
    set_up(app, body)
    before = Direct(body, data_dir).everything(), files(data_dir)
    database = get_database(app)
    for ask in (setup.set_up, setup.look):
        with pytest.raises(ApiError) as refused:
            ask(database, SqliteTarget(database.config.sqlite_file))
        assert (refused.value.status, refused.value.code) == (409, "already_configured")

    assert (Direct(body, data_dir).everything(), files(data_dir)) == before


def test_one_at_a_time(client: FlaskClient, data_dir: Path) -> None:
    with FileLock(data_dir / "setup.lock"):
        response = client.post(SETUP, json={"type": "sqlite"})
        assert client.get("/api/db/status").json["configured"] is False

    assert (response.status_code, response.json["code"]) == (409, "setup_in_progress")
    assert int(response.headers["Retry-After"]) > 0
    assert client.post(SETUP, json={"type": "sqlite"}).status_code == 200


def test_a_server_that_is_silent_holds_up_another_look_and_no_setup(app: Flask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor() as pool:
        port = silent.getsockname()[1]
        uri = f"postgresql://user:password@127.0.0.1:{port}/db?connect_timeout=6"
        body = {"type": "postgres", "connectionString": uri}
        looking = pool.submit(app.test_client().post, "/api/db/check", json=body)
        until(get_database(app).looking.locked)

        second = app.test_client().post("/api/db/check", json=body)
        assert (second.status_code, second.json["code"]) == (409, "setup_in_progress")
        assert app.test_client().post(SETUP, json={"type": "sqlite"}).status_code == 200
        assert (looking.result().status_code, looking.result().json["code"]) == (422, "db_timeout")


def test_a_password_of_any_characters(client: FlaskClient, postgres: Postgres) -> None:
    role = postgres.create_role(password=r"p@ss/w:ö?r#d%20 '\"")
    uri = postgres.create_database(owner=role)

    assert quote(role.password, safe="") in uri
    assert client.post(SETUP, json={"type": "postgres", "connectionString": uri}).json == DONE
    assert client.get("/readyz").status_code == 200
    postgres.drop_database(uri)


def test_ready_but_for_the_database_itself(client: FlaskClient, postgres: Postgres) -> None:
    """Committed and chosen, but then this process cannot log in."""
    role = postgres.create_role()
    uri = postgres.create_database(owner=role)
    body = {"type": "postgres", "connectionString": uri}
    for statement in (
        "CREATE SCHEMA elsewhere",
        f"GRANT USAGE ON SCHEMA elsewhere TO {role.name}",
        "CREATE FUNCTION elsewhere.lock_out() RETURNS event_trigger LANGUAGE plpgsql "
        f"SECURITY DEFINER AS 'BEGIN ALTER ROLE {role.name} NOLOGIN; END'",
        "CREATE EVENT TRIGGER lock_out ON ddl_command_end WHEN TAG IN ('CREATE TABLE') "
        "EXECUTE FUNCTION elsewhere.lock_out()",
    ):
        postgres.execute(statement, database=uri)
    response = client.post(SETUP, json=body)

    assert (response.status_code, response.json) == (200, DONE_BUT)
    assert client.get("/api/db/status").json == {
        "configured": True,
        "initialized": False,
        "dialect": "postgres",
    }
    postgres.execute(f"ALTER ROLE {role.name} LOGIN")
    assert client.post(SETUP, json=body).status_code == 409
    postgres.drop_database(uri)


def test_a_database_of_ours_is_adopted(
    app: Flask,
    make_app: MakeApp,
    data_dir: Path,
    tmp_path: Path,
    dialect: str,
    body: dict[str, str],
) -> None:
    """After a reinstallation: of the old one, nothing is left but the database."""
    set_up(app, body)
    new_dir = tmp_path / "reinstalled"
    Direct(body, data_dir).execute(ROW, "DELETE FROM roles WHERE id = 'global_user'")
    if dialect == "sqlite":
        shutil.copytree(data_dir / "database", new_dir / "database")
    again = make_app(DEPLOYSTACK_DATA_DIR=new_dir).test_client()

    assert again.get("/api/db/status").json["configured"] is False
    before = Direct(body, new_dir).everything()
    assert again.post(SETUP, json=body).json == DONE
    assert Direct(body, new_dir).everything() == before
    assert again.get("/readyz").status_code == 200


def test_an_older_database_of_ours_is_upgraded(
    app: Flask,
    make_app: MakeApp,
    data_dir: Path,
    tmp_path: Path,
    body: dict[str, str],
) -> None:
    set_up(app, body)
    (data_dir / "db.selection.json").unlink()
    direct = Direct(body, data_dir)
    direct.execute(ROW)
    before = direct.revisions()
    revisions = Revisions(tmp_path / "revisions")
    added = [
        revisions.add("op.add_column('users', sa.Column('shoe_size', sa.Integer()))"),
        revisions.add('op.execute("UPDATE global_setting_groups SET sort_order = 7")'),
    ]
    newer = make_app(revisions.config(data_dir)).test_client()

    assert newer.post(SETUP, json=body).json == DONE
    assert direct.rows(KEPT) == ["a row of ours"]
    assert direct.rows("SELECT DISTINCT sort_order FROM global_setting_groups") == [7]
    assert direct.rows("SELECT shoe_size FROM users") == []
    assert direct.revisions() == before + added
    assert newest_revision(revisions.folder) == added[-1]
    assert newer.get("/readyz").status_code == 200


def test_forgetting_the_choice_keeps_the_rows(
    client: FlaskClient, data_dir: Path, body: dict[str, str]
) -> None:
    client.post(SETUP, json=body)
    Direct(body, data_dir).execute(ROW)
    (data_dir / "db.selection.json").unlink()

    assert client.get("/api/db/status").json["configured"] is False
    assert client.post(SETUP, json=body).json == DONE
    assert Direct(body, data_dir).rows(KEPT) == ["a row of ours"]


def test_a_secret_is_nowhere(
    client: FlaskClient,
    postgres: Postgres,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither in an answer nor in a log, whether setup works or not."""
    role = postgres.create_role(password="c4n/ry")
    uri = postgres.create_database(owner=role)
    told = ""
    for name in ("nowhere", urlsplit(uri).path[1:], "afterwards"):
        body = {"type": "postgres", "connectionString": postgres.uri(name, role)}
        told += client.post(SETUP, json=body).text
    told += client.get("/readyz").text

    told += "".join(capfd.readouterr()) + caplog.text
    assert "Set up the postgres database." in told
    assert "db_does_not_exist" in told
    assert "c4n/ry" not in told
    assert "c4n%2Fry" not in told
    postgres.drop_database(uri)
