"""A canary for a password: it sits in the selection file, mode 0600, and is told nowhere."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from flask import Flask

from deploystack import Config
from deploystack.config import ConfigError
from deploystack.database import db, get_database
from deploystack.database.postgres.connection import connect
from deploystack.database.postgres.connection_string import parse, parse_operator
from deploystack.database.problems import DatabaseProblem
from deploystack.database.target import PostgresTarget
from deploystack.errors import ApiError
from deploystack.testing.ports import free_port
from tests.conftest import MakeApp, Serve
from tests.support.answers import CHECK, SETUP, STATUS, at_route
from tests.support.applications import command, settled
from tests.support.canary import ENCODED, PASSWORD, WORD, leaks
from tests.support.hostile import HostileServer, fatal, says
from tests.support.postgres import Postgres, Role
from tests.support.programs import run
from tests.support.waiting import until

MALFORMED = [
    f"postgresql://u:{PASSWORD}@127.0.0.1/d",
    f"postgresql://u:{WORD}@{WORD}@127.0.0.1/d",
    f"postgresql://u:{WORD}/{WORD}@127.0.0.1/d",
    f"postgresql://u:%zz{WORD}@127.0.0.1/d",
    f"postgresql://u:{WORD}@127.0.0.1:{WORD}/d",
    f"postgresql://u:{WORD}@[{WORD}]/d",
    f"postgresql://u:{WORD}@{WORD}_/../d",
    f"postgresql://u:{ENCODED}@127.0.0.1/d?sslmode={WORD}",
    f"postgresql://u@127.0.0.1/d?{WORD}=1",
    f"postgresql://u@127.0.0.1/d?password={WORD}",
    f"postgresql://u:{ENCODED}@0.0.0.0/d",
    f"{WORD}://u:{WORD}@127.0.0.1/d",
    f"host=127.0.0.1 user=u password={WORD}",
    f"{WORD}\0",
    f"{ENCODED}" * 100,
]


@pytest.fixture
def owner(postgres: Postgres) -> Iterator[Role]:
    """A role with the canary for a password."""
    role = postgres.create_role(password=PASSWORD)
    yield role
    postgres.drop_role(role.name)


@pytest.fixture
def uri(postgres: Postgres, owner: Role) -> Iterator[str]:
    """The URI of a fresh database of that role."""
    uri = postgres.create_database(owner=owner)
    yield uri
    postgres.drop_database(uri)


@pytest.fixture
def bad_uris(postgres: Postgres, owner: Role) -> Iterator[list[str]]:
    """URIs that are understood and end in every kind of failure, all with the canary in them."""
    stranger = postgres.create_role()
    database = postgres.create_database(owner=stranger)
    taken = postgres.create_database(owner=owner)
    postgres.execute("CREATE TABLE other (id int)", database=taken)
    echo = HostileServer(says(fatal("28P01", f'password "{PASSWORD}" is wrong')))
    gibberish = HostileServer(says(PASSWORD.encode()))
    with echo, gibberish:
        yield [
            postgres.uri("no-such-database", owner),
            postgres.uri("postgres", Role("no-such-role", PASSWORD)),
            postgres.uri("postgres", Role(stranger.name, PASSWORD)),
            postgres.uri("postgres", owner),
            taken,
            f"{database}?channel_binding=require&sslmode=require".replace(
                stranger.password, ENCODED
            ),
            *(f"postgresql://u:{ENCODED}@127.0.0.1:{s.port}/d" for s in (echo, gibberish)),
            f"postgresql://u:{ENCODED}@127.0.0.1:{free_port()}/d",
        ]
    for made in (database, taken):
        postgres.drop_database(made)
    postgres.drop_role(stranger.name)


@pytest.fixture
def spoken() -> Iterator[list[str]]:
    """All that is logged, with the arguments and tracebacks that our own formats leave out."""
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(f"{logging.Formatter().format(record)} {record.args!r}")

    ear = Ear()
    logging.getLogger().addHandler(ear)
    yield heard
    logging.getLogger().removeHandler(ear)


def bodies(uri: str) -> list[bytes]:
    """Return requests with the URI where it belongs, and where it does not."""
    good = {"type": "postgres", "connectionString": uri}
    wrong = [{"type": uri}, {"type": "sqlite", "connectionString": uri}, [uri], uri]
    wrong += [{"type": "postgres", "connectionString": [uri]}, {**good, "x": uri}]
    return [
        json.dumps(good).encode(),
        *(json.dumps(w).encode() for w in wrong),
        json.dumps(good).encode()[:-1],
    ]


def test_the_needle_is_found_in_every_disguise() -> None:
    forms = [PASSWORD, ENCODED, repr(PASSWORD), json.dumps(PASSWORD)]
    forms += [
        base64.b64encode(f"{'x' * n}{form}".encode()).decode() for form in forms for n in (0, 1, 2)
    ]
    forms += [PASSWORD.upper(), PASSWORD.encode().hex(), PASSWORD[::-1]]

    assert [form for form in forms if not leaks(f"x{form}y")] == []
    assert not leaks("canary", repr(leaks))


def test_in_this_process(
    app: Flask,
    data_dir: Path,
    uri: str,
    bad_uris: list[str],
    spoken: list[str],
    capfd: pytest.CaptureFixture[str],
) -> None:
    client = at_route(app, lambda: str(db.session.scalar(sa.text("SELECT version()"))))
    told: list[object] = []
    statuses = set()
    for text in [*MALFORMED, *bad_uris]:
        for route in (CHECK, SETUP):
            for body in bodies(text):
                answer = client.post(route, data=body, content_type="application/json")
                statuses.add(answer.status_code)
                told += [answer.headers, answer.text]
    assert statuses == {400, 413, 422}
    assert not (data_dir / "db.selection.json").exists()

    done = client.post(SETUP, json={"type": "postgres", "connectionString": uri})
    assert done.status_code == 200
    again = client.post(SETUP, json={"type": "postgres", "connectionString": uri})
    database = get_database(app)
    state = database.current()
    told += [done.text, again.text, client.get(STATUS).text, client.get("/test").text]
    told += [database, database.config, state, state.target, state.binding, database.__dict__]
    assert state.binding
    told += [state.binding.engine, state.binding.engine.url, state.binding.engine.pool]
    with app.app_context():
        told += [db.engine, db.session(), db.session.connection()]
    for arguments in (["status"], ["status", "--json"], ["check-connection"], ["setup-token"]):
        told.append(command(app, "db", *arguments).output)

    assert leaks(*map(repr, told), *map(str, told)) == []
    assert leaks(*spoken, *capfd.readouterr()) == []
    assert "Set up the postgres database." in str(spoken), "the log was listened to"


def test_when_the_database_goes_away(
    app: Flask, uri: str, owner: Role, postgres: Postgres, spoken: list[str]
) -> None:
    client = at_route(app, lambda: str(db.session.scalar(sa.text("SELECT version()"))))
    client.post(SETUP, json={"type": "postgres", "connectionString": uri})
    postgres.execute(f"ALTER ROLE {owner.name} PASSWORD 'another'")
    postgres.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [owner.name]
    )
    told = [client.get(path).text for path in ("/test", STATUS, "/readyz", "/test")]
    until(lambda: "db_authentication_failed" in client.get("/readyz").text)
    told += [client.get("/readyz").text, command(app, "db", "status").output]

    assert leaks(*told, *spoken, repr(get_database(app).current())) == []


def test_exceptions_and_repr() -> None:
    said: list[object] = []
    for text in [*MALFORMED, f"postgresql://u:{ENCODED}@127.0.0.1/d"]:
        for reader in (parse, parse_operator):
            try:
                said.append(reader(text))
            except ApiError as error:
                said += everything(error)
        try:
            said.append(Config.from_environment({"DEPLOYSTACK_DATABASE_URL": text}))
        except ConfigError as error:
            said += everything(error)

    assert leaks(*map(repr, said), *map(str, said)) == []


def test_exceptions_of_connecting(bad_uris: list[str]) -> None:
    for text in bad_uris:
        for target in (parse(text), parse_operator(text)):
            try:
                connect(target).close()
            except DatabaseProblem as problem:
                assert leaks(*map(repr, everything(problem)), target) == []
    assert leaks(PostgresTarget({"password": PASSWORD})) == []


def everything(error: BaseException | None) -> Iterator[object]:
    """Yield what can be printed of an exception and of those behind it."""
    while error is not None:
        yield from (error, error.args, error.__dict__)
        error = error.__cause__ or error.__context__


def test_real_server(
    serve: Serve, data_dir: Path, tmp_path: Path, uri: str, bad_uris: list[str]
) -> None:
    server = serve(DEPLOYSTACK_LOG_FORMAT="human")
    told: list[object] = []
    for text in [*MALFORMED, *bad_uris]:
        for route in (CHECK, SETUP):
            answer = server.post(route, {"type": "postgres", "connectionString": text})
            assert answer.status in {400, 413, 422}
            told += [answer.headers, answer.text]
    assert server.post(SETUP, {"type": "postgres", "connectionString": uri}).status == 200
    told += [server.get(STATUS).text for _ in range(8)]
    told += [process.cmdline() for process in [psutil.Process(server.pid), *server.workers()]]
    told += [process.environ() for process in [psutil.Process(server.pid), *server.workers()]]
    server.stop()

    assert leaks(*told, server.log.read_text()) == []
    holds = [path for path in tmp_path.rglob("*") if path.is_file() and leaks(path.read_bytes())]
    assert holds == [data_dir / "db.selection.json"]
    assert holds[0].stat().st_mode & 0o777 == 0o600
    assert data_dir.stat().st_mode & 0o777 == 0o700


def test_command_line(data_dir: Path, tmp_path: Path, uri: str, bad_uris: list[str]) -> None:
    """Given in a file; not as an argument, which everybody on the machine can read."""
    variables = {"DEPLOYSTACK_DATA_DIR": str(data_dir), "DEPLOYSTACK_LOG_LEVEL": "DEBUG"}
    flask = ["flask", "--app", "wsgi", "db"]
    file = tmp_path / "uri"
    told = []
    for text in [bad_uris[0], uri]:
        file.write_text(text)
        named = ["--type", "postgres", "--connection-string-file", str(file)]
        result = run([*flask, "setup", *named], **variables)
        assert (result.returncode == 0) is (text == uri)
        told += [result.stdout, result.stderr]
    result = run([*flask, "current", "--verbose"], **variables)
    assert result.returncode == 0
    told += [result.stdout, result.stderr]

    assert leaks(*told) == []


def test_chosen_by_the_operator(
    make_app: MakeApp, uri: str, spoken: list[str], new_body: Callable[[str], dict[str, str]]
) -> None:
    app = make_app(DEPLOYSTACK_DATABASE_URL=uri)
    client = app.test_client()
    state = settled(app)
    told = [repr(state), client.get(STATUS).text, client.post(SETUP, json=new_body("sqlite")).text]
    told += [command(app, "db", "status").output, repr(get_database(app).config)]

    assert state.phase == "ready"
    assert leaks(*told, *spoken) == []
