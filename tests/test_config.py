"""Every variable of the configuration: its default, what it takes, and what it says if wrong."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploystack import create_app
from deploystack.config import ROOT, Config, ConfigError
from deploystack.database import db, get_database
from deploystack.models import Role
from tests.conftest import MakeApp
from tests.support.applications import set_up, settled
from tests.support.programs import run

KEY = "a-key-of-16-char"
PASSWORD = "correct horse battery"
SECRETS = {
    "DEPLOYSTACK_DATABASE_URL": ("database_url", "postgresql://u:kanari@127.0.0.1/d"),
    "DEPLOYSTACK_SECRET_KEY": ("secret_key", "kanari-kanari-kanari"),
    "DEPLOYSTACK_ENCRYPTION_SECRET": ("encryption_secret", "kanari-kanari-kanari"),
}
GOOD = [
    ("DEPLOYSTACK_DATA_DIR", "/tmp/x", "data_dir", Path("/tmp/x")),
    ("DEPLOYSTACK_DATA_DIR", " x ", "data_dir", Path.cwd() / "x"),
    ("DEPLOYSTACK_DATA_DIR", "~/x", "data_dir", Path.home() / "x"),
    *(
        ("DEPLOYSTACK_DATABASE_URL", url, "database_url", url)
        for url in ("postgresql://h/d", "postgres://h/d", "postgresql+psycopg2://h", "sqlite:///f")
    ),
    ("DEPLOYSTACK_SECRET_KEY", KEY, "secret_key", KEY),
    ("DEPLOYSTACK_ENCRYPTION_SECRET", KEY, "encryption_secret", KEY),
    *(("DEPLOYSTACK_SETUP_TOKEN_MODE", m, "setup_token_mode", m) for m in ("auto", "never")),
    ("DEPLOYSTACK_ADMIN_USERNAME", " alice ", "admin_username", "alice"),
    ("DEPLOYSTACK_ADMIN_EMAIL", "alice@example.org", "admin_email", "alice@example.org"),
    ("DEPLOYSTACK_ADMIN_PASSWORD", PASSWORD, "admin_password", PASSWORD),
    ("DEPLOYSTACK_SETUP_TOKEN_MODE", "Always", "setup_token_mode", "always"),
    ("DEPLOYSTACK_ALLOWED_HOSTS", "A.example , .b,", "allowed_hosts", {"a.example", ".b"}),
    ("DEPLOYSTACK_ALLOWED_HOSTS", "*,[::2],10.0.0.1", "allowed_hosts", {"*", "::2", "10.0.0.1"}),
    ("DEPLOYSTACK_TRUSTED_PROXIES", "16", "trusted_proxies", 16),
    ("DEPLOYSTACK_PLUGINS_PATH", "/", "plugins_path", Path("/")),
    ("DEPLOYSTACK_PLUGINS_DISABLED", "notes, b2", "plugins_disabled", {"notes", "b2"}),
    *(("DEPLOYSTACK_PLUGIN_TIMEOUT", t, "plugin_timeout", float(t)) for t in ("0.1", "3600")),
    ("DEPLOYSTACK_LOG_LEVEL", "debug", "log_level", "DEBUG"),
    ("DEPLOYSTACK_LOG_FORMAT", "Human", "log_format", "human"),
    *(("HOST", host, "host", host) for host in ("0.0.0.0", "::1", "localhost", "db-1.example")),
    *(("PORT", port, "port", int(port)) for port in ("1", "65535", "03000")),
    *(("WEB_CONCURRENCY", n, "web_concurrency", int(n)) for n in ("1", "64")),
]
NOT_NUMBERS = ["-1", "x", "1.5", "1e1", "0x1", "+1", "1_0", "\N{ARABIC-INDIC DIGIT ONE}", "9" * 40]
BAD = {
    "DEPLOYSTACK_DATA_DIR": [
        "/dev/null",
        "/dev/null/x",
        "~nobody-of-this-name",
        "/x" * 3000,
        "x" * 300,
        "\0",
    ],
    "DEPLOYSTACK_DATABASE_URL": ["mysql://u:kanari@h/d", "host=h password=kanari", "sqlite:///\0"],
    "DEPLOYSTACK_SECRET_KEY": ["kanari"],
    "DEPLOYSTACK_ENCRYPTION_SECRET": ["kanari"],
    "DEPLOYSTACK_SETUP_TOKEN_MODE": ["off", "auto always"],
    "DEPLOYSTACK_ALLOWED_HOSTS": ["http://a", "a:80", "a b", "a/b", "-a", "a,ü", "[::1]:80"],
    "DEPLOYSTACK_TRUSTED_PROXIES": [*NOT_NUMBERS, "17", "0" * 9 + "99"],
    "DEPLOYSTACK_PLUGINS_PATH": ["/dev/null", "/no/such/folder", "~nobody-of-this-name"],
    "DEPLOYSTACK_PLUGINS_DISABLED": ["Notes", "a-b", "2a", "a b"],
    "DEPLOYSTACK_PLUGIN_TIMEOUT": ["0", "-1", "3601", "nan", "inf", "soon", "1,5"],
    "DEPLOYSTACK_LOG_LEVEL": ["TRACE", "10"],
    "DEPLOYSTACK_LOG_FORMAT": ["xml"],
    "HOST": ["http://a", "a b", "[::1]", "127.0.0.1:80", "fe80::1%lo", "-"],
    "PORT": [*NOT_NUMBERS, "0", "65536", "0000080" * 2],
    "WEB_CONCURRENCY": [*NOT_NUMBERS, "0", "65"],
}


def assert_one_sentence(error: object, *variables: str) -> None:
    """Assert that what is told names the variables, is one line, and tells no secret."""
    text = str(error)
    assert [variable for variable in variables if variable not in text] == []
    assert text.endswith(".")
    assert text.isprintable(), text
    assert "kanari" not in text


def test_defaults() -> None:
    assert Config.from_environment({}) == Config(
        data_dir=ROOT / "persistent_data",
        database_url=None,
        secret_key=None,
        encryption_secret=None,
        setup_token_mode="auto",
        allowed_hosts=frozenset(),
        trusted_proxies=0,
        plugins_path=None,
        plugins_disabled=frozenset(),
        plugin_timeout=30.0,
        log_level="INFO",
        log_format="json",
        host="127.0.0.1",
        port=3000,
        web_concurrency=2,
    )


def test_logs_are_for_people_where_there_is_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, terminal = pty.openpty()
    with os.fdopen(ours), os.fdopen(terminal, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        assert Config.from_environment({}).log_format == "human"


@pytest.mark.parametrize(("variable", "text", "field", "value"), GOOD)
def test_good_value(variable: str, text: str, field: str, value: object) -> None:
    assert getattr(Config.from_environment({variable: text}), field) == value


@pytest.mark.parametrize("variable", BAD)
def test_empty_is_not_set(variable: str) -> None:
    assert Config.from_environment({variable: "  "}) == Config.from_environment({})


@pytest.mark.parametrize(("variable", "text"), [(v, text) for v in BAD for text in BAD[v]])
def test_bad_value(variable: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_environment({variable: text})

    assert_one_sentence(caught.value, variable)


@settings(max_examples=400, deadline=None)
@given(variable=st.sampled_from([*BAD, *(f"{name}_FILE" for name in SECRETS)]), data=st.data())
def test_no_value_is_a_surprise(variable: str, data: st.DataObject) -> None:
    good = [text for name, text, *_ in GOOD if name == variable] or ["/proc/self/stat"]
    text = data.draw(st.one_of(st.text(), st.from_regex(r"[\w:/.,\[\]%~*-]{1,20}", fullmatch=True)))
    value = data.draw(st.sampled_from([text, *(f"{g}{text}" for g in good), *good]))
    try:
        Config.from_environment({variable: value})
    except ConfigError as error:
        assert_one_sentence(error, variable)


@pytest.mark.parametrize("variable", SECRETS)
class TestSecretFile:
    @pytest.mark.parametrize("text", ["{}\n", "  {}\r\n", "\ufeff{}\r\n", "\n{}"])
    def test_is_read(self, text: str, variable: str, tmp_path: Path) -> None:
        """Whatever editor wrote it: the byte-order mark is of those on Windows."""
        field, value = SECRETS[variable]
        (tmp_path / "f").write_text(text.format(value), "utf-8", newline="")

        found = Config.from_environment({f"{variable}_FILE": str(tmp_path / "f")})
        assert getattr(found, field) == value

    def test_and_value_are_not_both_set(self, variable: str, tmp_path: Path) -> None:
        value = SECRETS[variable][1]
        (tmp_path / "f").write_text(value)
        with pytest.raises(ConfigError) as caught:
            Config.from_environment({variable: value, f"{variable}_FILE": str(tmp_path / "f")})

        assert_one_sentence(caught.value, f"{variable} and {variable}_FILE")

    @pytest.mark.parametrize(
        "content", [None, b"", b" \n", b"kanari", b"postgresql://\xff\xfe:kanari@h/d"]
    )
    def test_that_cannot_be_used(
        self, variable: str, content: bytes | None, tmp_path: Path
    ) -> None:
        if content is not None:
            (tmp_path / "f").write_bytes(content)
        for path in (tmp_path / "f", tmp_path, "\0", "/dev/zero"):
            with pytest.raises(ConfigError) as caught:
                Config.from_environment({f"{variable}_FILE": str(path)})
            assert_one_sentence(caught.value, f"{variable}_FILE")

    def test_never_in_repr(self, variable: str) -> None:
        assert "kanari" not in repr(Config.from_environment({variable: SECRETS[variable][1]}))


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///a.db?mode=memory",
        "postgresql://u:kanari@h:port:1/d?x",
        "postgresql://u:kanari%zz@h/d",
        "postgres://u:kanari@h/d?nonsense=1",
    ],
)
def test_database_url_that_nothing_can_be_made_of(make_app: MakeApp, url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_app(DEPLOYSTACK_DATABASE_URL=url)

    assert_one_sentence(caught.value, "DEPLOYSTACK_DATABASE_URL")


@pytest.mark.parametrize("url", [f"sqlite:///{'x' * 300}", "sqlite:////proc/x", "sqlite:///.."])
def test_database_url_that_no_file_can_have_starts_and_waits(make_app: MakeApp, url: str) -> None:
    app = make_app(DEPLOYSTACK_DATABASE_URL=url)
    state = settled(app)

    assert state.phase == "waiting"
    assert state.problem
    assert state.problem.code in {"db_unreachable", "database_file_missing"}
    assert app.test_client().get("/readyz").status_code == 503


def test_database_url_beside_a_selection_that_cannot_be_read(
    make_app: MakeApp, data_dir: Path
) -> None:
    data_dir.mkdir()
    (data_dir / "db.selection.json").write_text("{}")
    with pytest.raises(ConfigError) as caught:
        make_app(DEPLOYSTACK_DATABASE_URL="sqlite:///x.db")

    assert_one_sentence(caught.value, "DEPLOYSTACK_DATABASE_URL", "db.selection.json")


@pytest.mark.parametrize("folder", ["/proc", "/proc/x", "/dev/null/x", "/proc/line\nbreak"])
def test_data_folder_that_cannot_be_written(folder: str) -> None:
    with pytest.raises(ConfigError) as caught:
        create_app({"DEPLOYSTACK_DATA_DIR": folder})

    assert_one_sentence(caught.value, "DEPLOYSTACK_DATA_DIR")


@pytest.mark.parametrize("damage", [Path.mkdir, Path.touch, lambda key: key.write_bytes(b"\xff")])
def test_generated_key_that_cannot_be_read(
    make_app: MakeApp, data_dir: Path, damage: Callable[[Path], object]
) -> None:
    data_dir.mkdir()
    damage(data_dir / "secret.key")
    with pytest.raises(ConfigError) as caught:
        make_app()

    assert_one_sentence(caught.value, "DEPLOYSTACK_DATA_DIR", "secret.key")


@pytest.mark.parametrize("program", [["deploystack"], ["flask", "--app", "wsgi", "db", "status"]])
@pytest.mark.parametrize(
    ("variable", "value"), [("PORT", "x"), ("DEPLOYSTACK_DATA_DIR", "/dev/null")]
)
def test_wrong_value_stops_the_start(program: list[str], variable: str, value: str) -> None:
    result = run(program, **{variable: value})

    assert (result.returncode, result.stdout) == (1, "")
    [line] = result.stderr.splitlines()
    assert_one_sentence(line, variable)


def test_given_as_an_object_a_mapping_or_the_environment(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOYSTACK_DATA_DIR", str(data_dir))
    monkeypatch.setenv("DEPLOYSTACK_TRUSTED_PROXIES", "2")
    mapping = {"DEPLOYSTACK_TRUSTED_PROXIES": 1, "SECRET_KEY": KEY, "TESTING": True}
    found = [
        create_app(),
        create_app(mapping),
        create_app({"DEPLOYSTACK_TRUSTED_PROXIES": None}),
        create_app(Config(data_dir, trusted_proxies=3)),
    ]

    assert [get_database(app).config.trusted_proxies for app in found] == [2, 1, 0, 3]
    assert {get_database(app).config.data_dir for app in found} == {data_dir}
    assert [app.testing for app in found] == [False, True, False, False]
    keys = [app.secret_key for app in found]
    assert keys[1] == KEY
    assert keys[0] == keys[2] == keys[3] == (data_dir / "secret.key").read_text().strip()


def test_two_applications_in_one_process(
    make_app: MakeApp, tmp_path: Path, new_body: Callable[[str], dict[str, str]]
) -> None:
    apps = {d: make_app(DEPLOYSTACK_DATA_DIR=tmp_path / d) for d in ("sqlite", "postgres")}
    for dialect, app in apps.items():
        set_up(app, new_body(dialect))
    with apps["sqlite"].app_context():
        with apps["postgres"].app_context():
            db.session.add(Role(id="only-here", name="Only here"))
            db.session.commit()
            assert db.engine.dialect.name == "postgresql"
        assert db.engine.dialect.name == "sqlite"
        assert db.session.get(Role, "only-here") is None
    for dialect, app in apps.items():
        assert app.test_client().get("/api/db/status").json["dialect"] == dialect
