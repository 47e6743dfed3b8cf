"""Logs: one line a record, for people or for machines, with the request's id and at its level."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from deploystack.logs import HumanFormatter, JsonFormatter, describe
from tests.conftest import MakeApp, Serve
from tests.support.answers import CHECK, SETUP, SQLITE, at_route
from tests.support.waiting import until
from tests.support.workers import serving

LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
HUMAN = re.compile(
    r"\d\d:\d\d:\d\d (?P<level>[A-Z]+) +(?P<logger>[\w.]+): (?P<message>.*?)"
    r"(?: \[(?P<request_id>[\w.-]+)\])?"
)
log = logging.getLogger("somebody")

Read = Callable[[], list[dict[str, str]]]


@pytest.fixture(params=["json", "human"])
def log_format(request: pytest.FixtureRequest) -> str:
    """Each format in turn."""
    return str(request.param)


@pytest.fixture
def read(log_format: str, capsys: pytest.CaptureFixture[str]) -> Read:
    """Return a function that reads what was logged, each line by itself."""

    def parse(line: str) -> dict[str, str]:
        if log_format == "json":
            return dict(json.loads(line))
        match = HUMAN.fullmatch(line)
        assert match, line
        return match.groupdict()

    # Split as a terminal or a log collector does it, and in every other way.
    return lambda: [parse(line) for line in capsys.readouterr().err.splitlines()]


def test_json(make_app: MakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    make_app(DEPLOYSTACK_LOG_FORMAT="json")
    capsys.readouterr()
    log.warning("%s is %s", "ü", {1: "x"})

    entry = json.loads(capsys.readouterr().err)
    assert list(entry) == ["time", "level", "logger", "message", "process"]
    assert [entry[k] for k in ("level", "logger", "message")] == [
        "WARNING",
        "somebody",
        "ü is {1: 'x'}",
    ]
    assert datetime.now(UTC) - datetime.fromisoformat(entry["time"]) < timedelta(minutes=1)


def test_human(make_app: MakeApp, capsys: pytest.CaptureFixture[str]) -> None:
    make_app(DEPLOYSTACK_LOG_FORMAT="human")
    capsys.readouterr()
    log.warning("%s is %s", "ü", 1)

    assert re.fullmatch(r"\d\d:\d\d:\d\d WARNING somebody: ü is 1\n", capsys.readouterr().err)


def test_request_id_is_in_each_line_of_the_request(
    make_app: MakeApp, log_format: str, read: Read
) -> None:
    client = at_route(
        make_app(DEPLOYSTACK_LOG_FORMAT=log_format),
        lambda: (log.info("one"), log.info("two"), {})[2],
    )
    read()
    log.info("before")
    client.get("/test", headers={"X-Request-ID": "first"})
    made_up = client.get("/test").headers["X-Request-ID"]
    log.info("after")

    assert [(e["message"], e.get("request_id")) for e in read()] == [
        ("before", None),
        ("one", "first"),
        ("two", "first"),
        ("one", made_up),
        ("two", made_up),
        ("after", None),
    ]


@pytest.mark.parametrize(
    "text", ["two\nlines", "\r\n", "\x1b[2Jcleared", "a\u2028b", "a\x85b", "\x00", '}{"']
)
def test_record_is_one_line_whatever_is_in_it(
    make_app: MakeApp, log_format: str, read: Read, text: str
) -> None:
    """Nobody forges a line, or moves the cursor, with what is logged of a request."""
    make_app(DEPLOYSTACK_LOG_FORMAT=log_format)
    read()
    log.warning("it said %s", text)

    [entry] = read()
    assert entry["message"].startswith("it said")
    assert "\x1b" not in entry["message"]


@pytest.mark.parametrize("formatter", [JsonFormatter(), HumanFormatter()])
def test_record_that_is_no_text_can_still_be_written(formatter: logging.Formatter) -> None:
    assert formatter.format(logging.makeLogRecord({"msg": "a\ud800b"})).encode()


def test_exception_is_one_line(make_app: MakeApp, log_format: str, read: Read) -> None:
    def fail() -> None:
        try:
            raise LookupError("lost\nand not found")
        except LookupError:
            log.exception("It failed")
        raise RuntimeError("a\nb") from LookupError("c\nd")

    client = at_route(make_app(DEPLOYSTACK_LOG_FORMAT=log_format), fail)
    read()
    client.get("/test")

    caught, uncaught = read()
    assert caught["message"].startswith("It failed: LookupError: lost and not found (test_logs.py:")
    assert "GET /test failed: RuntimeError: a b (" in uncaught["message"]
    assert "test_logs.py:" in uncaught["message"]
    assert caught["request_id"] == uncaught["request_id"]


@pytest.mark.parametrize("level", LEVELS)
def test_level_is_respected(make_app: MakeApp, log_format: str, read: Read, level: str) -> None:
    make_app(DEPLOYSTACK_LOG_FORMAT=log_format, DEPLOYSTACK_LOG_LEVEL=level)
    read()
    for name in LEVELS:
        log.log(getattr(logging, name), "x")

    assert [entry["level"] for entry in read()] == LEVELS[LEVELS.index(level) :]


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING"])
def test_every_line_of_the_real_server(
    serve: Serve, read: Read, log_format: str, level: str
) -> None:
    """Also those of its libraries, and of a worker that dies."""
    server = serve(DEPLOYSTACK_LOG_FORMAT=log_format, DEPLOYSTACK_LOG_LEVEL=level)
    server.post(CHECK, SQLITE)
    server.post(SETUP, SQLITE, {"X-Request-ID": "the-setup"})
    server.workers()[0].kill()
    server.until(lambda: "Unexpected exit" in server.log.read_text())
    until(lambda: serving(server.workers()))
    assert server.stop() == 0

    lines = server.log.read_text().splitlines()
    if log_format == "json":
        entries = [json.loads(line) for line in lines]
    else:
        entries = [m.groupdict() for m in map(HUMAN.fullmatch, lines) if m]
    assert len(entries) == len(lines)
    assert {e["level"] for e in entries} <= set(LEVELS[LEVELS.index(level) :])
    assert ("the-setup" in {e.get("request_id") for e in entries}) is (level != "WARNING")
    assert "ERROR" in {e["level"] for e in entries}, "the worker that died is told"


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_driver_s_own_words_are_not_repeated(dialect: str, request: pytest.FixtureRequest) -> None:
    url = "sqlite://"
    if dialect == "postgres":
        server = request.getfixturevalue("postgres")
        url = server.uri("postgres").replace("postgresql://", "postgresql+psycopg2://")
    engine = sa.create_engine(url)
    with engine.connect() as connection, pytest.raises(sa.exc.DBAPIError) as caught:
        connection.exec_driver_sql("SELECT 'row' FROM nothing_like_that")
    engine.dispose()

    told = describe(caught.value)
    assert "nothing_like_that" not in told
    assert ("42P01" if dialect == "postgres" else "SQLITE_ERROR") in told


def test_password_in_a_url_is_hidden_wherever_it_comes_from(
    make_app: MakeApp, log_format: str, read: Read
) -> None:
    make_app(DEPLOYSTACK_LOG_FORMAT=log_format)
    read()
    log.error("postgresql://ann:s3cret@h/d and https://bob:s3cret@h:1/")
    try:
        raise ValueError("invalid: postgres://ann:s3cret@h/d")
    except ValueError:
        log.exception("No")

    told = read()
    assert len(told) == 2
    assert "s3cret" not in str(told)
    assert "://ann:***@h/d" in told[0]["message"]
