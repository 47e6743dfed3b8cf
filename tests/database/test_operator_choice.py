"""``DEPLOYSTACK_DATABASE_URL``: the operator's database, migrated and bound at the start."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask

from deploystack.config import ConfigError
from deploystack.testing.ports import HOST, free_port
from tests.conftest import MakeApp, Serve
from tests.support.applications import set_up, settled
from tests.support.ask import every_worker
from tests.support.direct import Direct
from tests.support.files import files
from tests.support.postgres import Postgres
from tests.support.programs import run
from tests.support.rows import SERVER

SQLITE_URL = "sqlite:///database/deploystack.db"
VARIABLE = "DEPLOYSTACK_DATABASE_URL"


@pytest.fixture
def url(body: dict[str, str]) -> str:
    """What the operator writes to choose a fresh database of ``dialect``."""
    return body.get("connectionString", SQLITE_URL)


@pytest.mark.parametrize("from_file", [False, True])
def test_served_at_once(
    serve: Serve,
    data_dir: Path,
    tmp_path: Path,
    dialect: str,
    body: dict[str, str],
    url: str,
    from_file: bool,
) -> None:
    """Migrated and bound at the start, by the real server, with no request."""
    if from_file:
        (tmp_path / "secret").write_text(f"{url}\n")
        server = serve(command=SERVER, **{f"{VARIABLE}_FILE": str(tmp_path / "secret")})
    else:
        server = serve(command=SERVER, **{VARIABLE: url})

    ready = {"configured": True, "initialized": True, "dialect": dialect}
    server.until(lambda: all(server.status() == ready for _ in range(8)))
    assert every_worker(server)
    assert Direct(body, data_dir).revisions() != []
    assert set(Direct(body, data_dir).rows("SELECT id FROM roles")) == {
        "global_admin",
        "global_user",
    }
    assert server.post("/api/db/setup", body).json["code"] == "already_configured"
    assert not (data_dir / "db.selection.json").exists()
    assert server.stop() == 0
    assert urlsplit(url).password is None or urlsplit(url).password not in server.log.read_text()


@pytest.mark.parametrize("route", ["setup", "check"])
@pytest.mark.parametrize("other", ["sqlite", "postgres"])
def test_setup_is_closed(
    make_app: MakeApp, data_dir: Path, url: str, route: str, other: str
) -> None:
    app = make_app(**{VARIABLE: url})
    settled(app)
    before = files(data_dir)
    body = {"type": other} | (
        {"connectionString": "postgresql://u@127.0.0.1:1/d"} if other == "postgres" else {}
    )
    response = app.test_client().post(f"/api/db/{route}", json=body)

    assert (response.status_code, response.json["code"]) == (409, "already_configured")
    assert VARIABLE in response.json["error"]
    assert files(data_dir) == before


def test_a_sqlite_file_anywhere(make_app: MakeApp, tmp_path: Path, data_dir: Path) -> None:
    path = tmp_path / "elsewhere" / "my data.db"
    app = make_app(**{VARIABLE: f"sqlite:///{path}"})
    settled(app)

    assert app.test_client().get("/readyz").status_code == 200
    assert path.is_file()
    assert not (data_dir / "database").exists()


def test_everything_libpq_offers(make_app: MakeApp, postgres: Postgres) -> None:
    """What a caller of the API may not say, the operator may."""
    uri = postgres.create_database()
    name = urlsplit(uri).path[1:]
    app = make_app(
        **{VARIABLE: uri.replace(name, "nowhere") + f"?dbname={name}&options=-cgeqo%3Doff"}
    )
    settled(app)

    assert app.test_client().get("/readyz").status_code == 200


def test_a_server_that_is_down_is_waited_for(make_app: MakeApp) -> None:
    client = make_app(**{VARIABLE: f"postgresql://u:c4nary@{HOST}:{free_port()}/d"}).test_client()

    assert client.get("/api/db/status").json == {
        "configured": True,
        "initialized": False,
        "dialect": "postgres",
    }
    response = client.get("/readyz")
    assert (response.status_code, response.json["code"]) == (503, "db_unreachable")
    assert "c4nary" not in response.text


def test_the_same_database_as_chosen_by_setup(
    app: Flask, make_app: MakeApp, postgres: Postgres, dialect: str
) -> None:
    """No contradiction, even with another password or user."""
    role = postgres.create_role()
    uri = postgres.create_database(owner=role)
    set_up(
        app,
        {"type": "sqlite"}
        if dialect == "sqlite"
        else {
            "type": "postgres",
            "connectionString": uri,
        },
    )
    url = SQLITE_URL if dialect == "sqlite" else postgres.uri(urlsplit(uri).path[1:])
    again = make_app(**{VARIABLE: url})
    settled(again)

    assert again.test_client().get("/readyz").status_code == 200
    postgres.drop_database(uri)


@pytest.mark.parametrize("named", ["sqlite:///other.db", f"postgresql://u:c4nary@{HOST}:1/d"])
def test_a_contradiction_is_refused(
    app: Flask, make_app: MakeApp, data_dir: Path, body: dict[str, str], named: str
) -> None:
    set_up(app, body)
    before = files(data_dir)
    with pytest.raises(ConfigError) as refused:
        make_app(**{VARIABLE: named})

    told = str(refused.value)
    assert VARIABLE in told
    assert "db.selection.json" in told
    secrets = ["c4nary", urlsplit(body.get("connectionString", "")).password]
    assert [secret for secret in secrets if secret and secret in told] == []
    assert files(data_dir) == before


def test_a_contradiction_stops_the_server(app: Flask, data_dir: Path) -> None:
    set_up(app, {"type": "sqlite"})
    ended = run(
        ["deploystack"],
        DEPLOYSTACK_DATA_DIR=str(data_dir),
        PORT=str(free_port()),
        **{VARIABLE: f"postgresql://u:c4nary@{HOST}:1/d"},
    )

    assert ended.returncode == 1
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    assert line.startswith(f"deploystack: {VARIABLE} ")
    assert "c4nary" not in line


def test_an_unreadable_selection_stops_the_start(data_dir: Path, make_app: MakeApp) -> None:
    data_dir.mkdir()
    (data_dir / "db.selection.json").write_text("{")

    with pytest.raises(ConfigError, match=r"db\.selection\.json"):
        make_app(**{VARIABLE: SQLITE_URL})


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:c4nary@127.0.0.1/d",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///a.db?mode=memory",
        "postgresql://u:c4%zznary@127.0.0.1/d",
        "postgresql://u:c4nary@127.0.0.1/d?no_such_key=1",
    ],
)
def test_what_cannot_be_used_stops_the_start(make_app: MakeApp, url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        make_app(**{VARIABLE: url})

    told = str(refused.value)
    assert VARIABLE in told
    assert told.endswith(".")
    assert "nary" not in told
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
