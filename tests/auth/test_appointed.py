"""The administrator that the environment names: made once, by whichever process comes first."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from flask import Flask

from deploystack import Config
from deploystack.auth import appointed, passwords
from deploystack.config import ConfigError
from deploystack.database import get_database
from tests.conftest import MakeApp, Serve
from tests.support.applications import command, set_up, settled
from tests.support.direct import Direct
from tests.support.people import LOGIN, PASSWORD, REGISTER, browser, log_in, person
from tests.support.postgres import Postgres
from tests.support.programs import run
from tests.support.server import Server
from tests.support.waiting import until

USERNAME, EMAIL, SECRET = (
    f"DEPLOYSTACK_ADMIN_{name}" for name in ("USERNAME", "EMAIL", "PASSWORD")
)
ALICE = {USERNAME: "alice", EMAIL: "alice@example.org", SECRET: PASSWORD}
ENTRIES = "SELECT actor, address, subject FROM audit_log WHERE action = 'users.create'"


@pytest.fixture
def url(body: dict[str, str]) -> str:
    """What the operator writes to choose a fresh database of ``dialect``."""
    return body.get("connectionString", "sqlite:///database/deploystack.db")


@pytest.fixture
def direct(body: dict[str, str], data_dir: Path) -> Direct:
    """The database, without the application."""
    return Direct(body, data_dir)


def assert_appointed(direct: Direct) -> None:
    """Assert that there is one account, that it administers, and that the log tells of it."""
    assert direct.rows("SELECT username, email, role_id FROM users") == [
        ("alice", "alice@example.org", "global_admin")
    ]
    assert direct.rows(ENTRIES) == [("environment", None, "alice")]


def is_owned(app: Flask) -> bool:
    return app.test_client().get("/api/auth/status").get_json().get("first_account") is False


def test_made_by_the_time_setup_answers(
    make_app: MakeApp, body: dict[str, str], direct: Direct, data_dir: Path
) -> None:
    app = make_app(**ALICE, DEPLOYSTACK_SETUP_TOKEN_MODE="always")
    client = browser(app)
    assert client.post("/api/db/setup", json=body).status_code == 401
    token = {"X-Setup-Token": (data_dir / "setup.token").read_text().strip()}
    assert client.post("/api/db/setup", json=body, headers=token).status_code == 200

    assert_appointed(direct)
    assert is_owned(app)
    assert not (data_dir / "setup.token").exists()
    assert log_in(client).status_code == 200
    assert client.get("/api/users/me").get_json()["role_id"] == "global_admin"
    assert client.post(REGISTER, json=person("bob")).status_code == 403


def test_not_ready_before_it_was_tried(
    make_app: MakeApp, url: str, direct: Direct, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operator's script waits for /readyz, and then logs in."""
    may_go_on = threading.Event()
    hashed = passwords.hashed
    monkeypatch.setattr(passwords, "hashed", lambda text: may_go_on.wait(20) and hashed(text))
    app = make_app(**ALICE, DEPLOYSTACK_DATABASE_URL=url)
    try:
        assert settled(app).phase == "ready"
        answer = app.test_client().get("/readyz")
        assert (answer.status_code, answer.get_json()["code"]) == (503, "db_preparing")
        assert answer.headers["Retry-After"]
        assert direct.rows("SELECT count(*) FROM users") == [0]
    finally:
        may_go_on.set()
    until(lambda: app.test_client().get("/readyz").status_code == 200)
    assert_appointed(direct)
    assert log_in(browser(app)).status_code == 200


def test_whoever_administers_stays(
    make_app: MakeApp, body: dict[str, str], direct: Direct, data_dir: Path
) -> None:
    """Other values change nothing; a token that a crash left is cleared away."""
    set_up(make_app(**ALICE), body)
    kept = direct.rows("SELECT id, password_hash, updated_at FROM users")
    (data_dir / "setup.token").write_text("left over")
    others = {USERNAME: "mallory", EMAIL: "m@example.org", SECRET: "another good one"}
    app = make_app(**others)
    settled(app)

    until(lambda: not (data_dir / "setup.token").exists())
    assert direct.rows("SELECT id, password_hash, updated_at FROM users") == kept
    assert_appointed(direct)
    assert log_in(browser(app), password="another good one").status_code == 400
    assert log_in(browser(app)).status_code == 200


def test_many_workers_of_several_hosts(
    tmp_path: Path, dialect: str, body: dict[str, str], url: str, direct: Direct
) -> None:
    """On PostgreSQL each host has a data folder of its own; a SQLite file has but one host."""
    variables = {
        **ALICE,
        "DEPLOYSTACK_DATABASE_URL": url,
        "DEPLOYSTACK_ENCRYPTION_SECRET": "the same on all hosts",
        "WEB_CONCURRENCY": "3",
    }
    hosts = [
        Server(tmp_path / f"host{number}" / "data", variables)
        for number in range(3 if dialect == "postgres" else 1)
    ]
    try:
        for host in hosts:
            host.data_dir.parent.mkdir()
            host.start(wait=False)
        for host in hosts:
            host.until(lambda host=host: log_in_at(host) == 200, 30)  # type: ignore[misc]
        if dialect == "sqlite":
            direct = Direct(body, hosts[0].data_dir)
        assert_appointed(direct)
        assert {host.stop() for host in hosts} == {0}
    finally:
        for host in hosts:
            host.kill()
    logs = "".join(host.log.read_text() for host in hosts)
    assert logs.count("Made the administrator alice") == 1
    assert PASSWORD not in logs
    assert "ERROR" not in logs


def log_in_at(server: Server) -> int:
    try:
        return server.post(LOGIN, {"login": "alice", "password": PASSWORD}).status
    except OSError:
        return 0


def test_a_server_that_is_killed_again_and_again(
    serve: Serve, url: str, direct: Direct, data_dir: Path
) -> None:
    variables = {**ALICE, "DEPLOYSTACK_DATABASE_URL": url}
    for seconds in (0.0, 0.02, 0.1):
        server = serve(**variables)
        # Killed so long after the database has its tables, which is when the account is made.
        server.until(lambda: "users" in direct.tables())
        with pytest.raises(AssertionError):
            server.until(lambda: False, seconds)
        server.kill()
    server = serve(**variables)

    server.until(lambda: log_in_at(server) == 200)
    assert_appointed(direct)
    assert not (data_dir / "setup.token").exists()


def test_tried_again_until_the_database_lets_it(
    make_app: MakeApp,
    postgres: Postgres,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A missing right, then a connection that is cut in the middle; everything else works."""
    monkeypatch.setattr(appointed, "RETRY_SECONDS", 0.1)
    role = postgres.create_role()
    uri = postgres.create_database(owner=role)
    body = {"type": "postgres", "connectionString": uri}
    set_up(make_app(), body)
    direct = Direct(body, Path())
    direct.execute(f'REVOKE INSERT ON users FROM "{role.name}"')

    app = make_app(**ALICE)
    settled(app)
    until(lambda: caplog.text.count("has to wait") > 1)
    assert not is_owned(app)
    assert app.test_client().get("/readyz").status_code == 200

    with direct.engine.begin() as holding:
        holding.exec_driver_sql("LOCK TABLE users IN EXCLUSIVE MODE")
        direct.execute(f'GRANT INSERT ON users TO "{role.name}"')
        [waiting] = until_rows(
            direct,
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND query LIKE 'INSERT INTO users%%' AND datname = current_database()",
        )
        postgres.execute(f"SELECT pg_terminate_backend({waiting})")
        until(lambda: "db_" in caplog.text)
    until(lambda: is_owned(app))
    assert_appointed(direct)
    assert PASSWORD not in caplog.text


def until_rows(direct: Direct, query: str) -> list[int]:
    until(lambda: direct.rows(query))
    return direct.rows(query)


def test_its_name_belongs_to_somebody(
    make_app: MakeApp, body: dict[str, str], direct: Direct, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()
    set_up(app, body)
    arguments = ["users", "create", "--username", "Alice", "--email", "a@example.org"]
    made = command(app, *arguments, "--password-stdin", input=f"{PASSWORD}\n")
    assert made.exit_code == 0, made.output
    direct.execute("UPDATE users SET role_id = 'global_user'")
    get_database(app).close()
    again = make_app(**ALICE)
    settled(again)

    until(lambda: "of the environment is refused: Username is already taken." in caplog.text)
    assert direct.rows("SELECT username, role_id FROM users") == [("Alice", "global_user")]
    assert again.test_client().get("/readyz").status_code == 200


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({SECRET: "kanari"}, f"{SECRET} cannot be used: The password is too short. Use at least"),
        ({SECRET: "kanari" * 50}, f"{SECRET} cannot be used: The password is too long."),
        ({SECRET: "Password1"}, f"{SECRET} cannot be used: The password is one that is tried"),
        ({SECRET: "alice@example.org"}, f"{SECRET} cannot be used: The password is like the name"),
        ({SECRET: "kanari\udc80-kanari"}, f"{SECRET} cannot be used: The password is not valid"),
        ({EMAIL: "alice"}, f"{EMAIL} cannot be used: Not a valid email address."),
        ({EMAIL: "ali\u0441e@example.org"}, f"{EMAIL} cannot be used: "),
        ({USERNAME: "al"}, f"{USERNAME} cannot be used: Length must be between 3 and 50."),
        ({USERNAME: "al ice"}, f"{USERNAME} cannot be used: Use letters"),
        ({USERNAME: ""}, f"{USERNAME} must be set, too: {USERNAME}, {EMAIL} and {SECRET} go toge"),
        ({USERNAME: None, EMAIL: ""}, f"{USERNAME} and {EMAIL} must be set, too: "),
        ({SECRET: None}, f"{SECRET} must be set, too: "),
    ],
)
def test_refused_at_the_start(
    changed: dict[str, str | None], sentence: str, data_dir: Path, make_app: MakeApp
) -> None:
    with pytest.raises(ConfigError) as refused:
        make_app(**ALICE | changed)
    told = str(refused.value)
    assert told.startswith(sentence)
    assert told.endswith(".")
    assert "\n" not in told
    assert "kanari" not in told
    assert PASSWORD not in told


def test_the_server_does_not_start(tmp_path: Path) -> None:
    """As an operator sees it, with the password in a file."""
    secret = tmp_path / "secret"
    secret.write_text("kanari\n")
    names = {k: v for k, v in ALICE.items() if k != SECRET}
    ended = run(
        ["deploystack"],
        DEPLOYSTACK_DATA_DIR=str(tmp_path / "data"),
        **names,
        **{f"{SECRET}_FILE": str(secret)},
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"deploystack: {SECRET} cannot be used: ")
    assert "kanari" not in ended.stderr


def test_the_password_is_not_in_what_is_printed_of_the_configuration() -> None:
    assert PASSWORD not in repr(Config.from_environment(ALICE))
