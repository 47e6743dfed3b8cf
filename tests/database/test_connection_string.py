"""Every string has one reading or none, and no refusal tells the password."""

from __future__ import annotations

import string
import subprocess
import sys
import traceback
import unicodedata
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg2.extensions import parse_dsn

from deploystack.database.postgres.connection_string import parse, parse_operator
from deploystack.database.target import PostgresTarget
from deploystack.errors import ApiError

CANARY = "c4nary"
CANARY_ENCODED = quote("c4nary/ü", safe="")
PLAIN = {"host": "h", "port": "5432", "dbname": "d", "user": "u"}

ACCEPTED = [
    ("postgresql://u@h/d", {}),
    ("postgres://u@h/d", {}),
    ("postgresql+psycopg2://u@h/d", {}),
    ("postgresql://u:p@h:1/d", {"password": "p", "port": "1"}),
    ("postgresql://u:p@h:65535/d", {"password": "p", "port": "65535"}),
    ("postgresql://u:p:q:@h/d", {"password": "p:q:"}),
    ("postgresql://u:!$&'()*+,;=~^`{|}\"<>@h/d", {"password": "!$&'()*+,;=~^`{|}\"<>"}),
    ("postgresql://u:%3A%40%2F%25%23%3F%20%5C%27@h/d", {"password": ":@/%#? \\'"}),
    ("postgresql://u:%2540@h/d", {"password": "%40"}),
    ("postgresql://u:a+b@h/d", {"password": "a+b"}),
    ("postgresql://u%40corp:p@h/d", {"user": "u@corp", "password": "p"}),
    ("postgresql://%C3%BC@h/%C3%BC%2Fx", {"user": "ü", "dbname": "ü/x"}),
    ("postgresql://u@h/host=evil", {"dbname": "host=evil"}),
    ("postgresql://u@h/postgresql:%2F%2Fevil%2Fx", {"dbname": "postgresql://evil/x"}),
    ("postgresql://u@db.example.org/d", {"host": "db.example.org"}),
    ("postgresql://u@compose_db-1/d", {"host": "compose_db-1"}),
    ("postgresql://u@LOCALHOST/d", {"host": "LOCALHOST"}),
    ("postgresql://u@127.0.0.1:5433/d", {"host": "127.0.0.1", "port": "5433"}),
    ("postgresql://u@1.2.3.example/d", {"host": "1.2.3.example"}),
    ("postgresql://u@[::1]/d", {"host": "::1"}),
    ("postgresql://u@[2001:db8::1]:5433/d", {"host": "2001:db8::1", "port": "5433"}),
    (f"postgresql://u@{'a' * 63}/d", {"host": "a" * 63}),
    (f"postgresql://{'u' * 63}@h/{'d' * 63}", {"user": "u" * 63, "dbname": "d" * 63}),
    (f"postgresql://u:{'p' * 1024}@h/d", {"password": "p" * 1024}),
    ("postgresql://u@h/d?sslmode=verify-full", {"sslmode": "verify-full"}),
    ("postgresql://u@h/d?application_name=my%20app%2F1", {"application_name": "my app/1"}),
    (
        "postgresql://u@h/d?connect_timeout=10&channel_binding=require&sslmode=disable",
        {"connect_timeout": "10", "channel_binding": "require", "sslmode": "disable"},
    ),
    ("postgresql://u@h/d?connect_timeout=%32", {"connect_timeout": "2"}),
]


def libpq_reads(text: str) -> dict[str, str]:
    """Return what the other parser makes of a string that ours accepts: the same."""
    return {"port": "5432", **parse_dsn(text.replace("+psycopg2:", ":"))}


@pytest.mark.parametrize(("text", "keywords"), ACCEPTED)
def test_accepts(text: str, keywords: dict[str, str]) -> None:
    target = parse(text)
    assert target.keywords == PLAIN | keywords
    assert not target.operator
    assert libpq_reads(text) == target.keywords


# Each with a word that its sentence must have.
REFUSED = [
    # As a whole.
    ("", "postgresql://"),
    ("h/d", "postgresql://"),
    ("mysql://u:c4nary@h/d", "postgresql://"),
    ("postgresql+psycopg://u:c4nary@h/d", "postgresql://"),
    ("POSTGRESQL://u:c4nary@h/d", "postgresql://"),
    ("postgresql:u:c4nary@h/d", "postgresql://"),
    ("host=h user=u password=c4nary", "space"),
    (" postgresql://u:c4nary@h/d", "space"),
    ("postgresql://u:c4nary@h/d\n", "space"),
    ("postgresql://u:c4nary\x00@h/d", "ASCII"),
    ("postgresql://u:c4nary\ud800@h/d", "ASCII"),
    ("postgresql://u:c4nary\N{FULLWIDTH COMMERCIAL AT}h/d", "ASCII"),
    ("postgresql://u:c4nary\\@h/d", "backslash"),
    ("postgresql://u:c4nary@h/d#x", "#"),
    ("postgresql://u:c4n#ary@h/d", "#"),
    (f"postgresql://u:c4nary@h/{'d' * 2048}", "longer"),
    # The credentials.
    ("postgresql://h/d", "user"),
    ("postgresql:///d", "user"),
    ("postgresql://@h/d", "user"),
    ("postgresql://:c4nary@h/d", "user"),
    ("postgresql://u:@h/d", "password"),
    ("postgresql://u:c4@nary@h/d", "@"),
    ("postgresql://u:c4nary@h/d?application_name=a@b", "@"),
    ("postgresql://u:c4/nary@h/d", "/"),
    ("postgresql://u:c4?nary@h/d", "?"),
    ("postgresql://u:c4[nary@h/d", "["),
    ("postgresql://u:c4nary%@h/d", "%25"),
    ("postgresql://u:c4nary%4@h/d", "%25"),
    ("postgresql://u:c4nary%zz@h/d", "%25"),
    ("postgresql://u:c4nary%ff@h/d", "UTF-8"),
    ("postgresql://u:c4nary%c0%80@h/d", "UTF-8"),  # an overlong NUL
    ("postgresql://u:c4nary%ed%a0%80@h/d", "UTF-8"),  # a surrogate
    ("postgresql://u:c4nary%00@h/d", "control"),
    ("postgresql://u:c4nary%0a@h/d", "control"),
    ("postgresql://u:c4nary%7f@h/d", "control"),
    ("postgresql://u:c4nary%c2%85@h/d", "control"),
    (f"postgresql://{'u' * 64}:c4nary@h/d", "63"),
    (f"postgresql://{'%C3%BC' * 32}:c4nary@h/d", "63"),
    (f"postgresql://u:{'c4nary' * 171}@h/d", "1024"),
    # The host.
    ("postgresql://u:c4nary@/d", "host"),
    ("postgresql://u:c4nary@:5432/d", "host"),
    ("postgresql://u:c4nary@h,i/d", "one"),
    ("postgresql://u:c4nary@h:1,i:2/d", "one"),
    ("postgresql://u:c4nary@%2Fvar%2Frun/d", "Sockets"),
    ("postgresql://u:c4nary@%68/d", "percent-encoding"),
    ("postgresql://u:c4nary@[fe80::1%25eth0]/d", "zones"),
    ("postgresql://u:c4nary@::1/d", "brackets"),
    ("postgresql://u:c4nary@::1:5432/d", "brackets"),
    ("postgresql://u:c4nary@[::1/d", "IPv6"),
    ("postgresql://u:c4nary@[::1]x/d", "IPv6"),
    ("postgresql://u:c4nary@[127.0.0.1]/d", "IPv6"),
    ("postgresql://u:c4nary@[]/d", "IPv6"),
    ("postgresql://u:c4nary@[v1.x]/d", "IPv6"),
    ("postgresql://u:c4nary@h]/d", "host name"),
    ("postgresql://u:c4nary@h./d", "host name"),
    ("postgresql://u:c4nary@.h/d", "host name"),
    ("postgresql://u:c4nary@h..i/d", "host name"),
    ("postgresql://u:c4nary@-h/d", "host name"),
    ("postgresql://u:c4nary@h-/d", "host name"),
    ("postgresql://u:c4nary@h*/d", "host name"),
    (f"postgresql://u:c4nary@{'a' * 64}/d", "host name"),
    (f"postgresql://u:c4nary@{'.'.join(['a' * 63] * 4)}/d", "host name"),
    ("postgresql://u:c4nary@2852039166/d", "IPv4"),
    ("postgresql://u:c4nary@0x7f000001/d", "IPv4"),
    ("postgresql://u:c4nary@0xa9fea9fe/d", "IPv4"),
    ("postgresql://u:c4nary@169.254.43518/d", "IPv4"),
    ("postgresql://u:c4nary@127.1/d", "IPv4"),
    ("postgresql://u:c4nary@0251.254.169.254/d", "IPv4"),
    ("postgresql://u:c4nary@h.0x1/d", "IPv4"),
    ("postgresql://u:c4nary@256.0.0.1/d", "IPv4"),
    # The port.
    ("postgresql://u:c4nary@h:/d", "port"),
    ("postgresql://u:c4nary@h:0/d", "port"),
    ("postgresql://u:c4nary@h:65536/d", "port"),
    ("postgresql://u:c4nary@h:99999999999/d", "port"),
    ("postgresql://u:c4nary@h:05432/d", "port"),
    ("postgresql://u:c4nary@h:+5432/d", "port"),
    ("postgresql://u:c4nary@h:54_32/d", "port"),
    ("postgresql://u@h:c4nary/d", "port"),
    ("postgresql://u:c4nary@[::1]:/d", "port"),
    # The database.
    ("postgresql://u:c4nary@h", "database"),
    ("postgresql://u:c4nary@h/", "database"),
    ("postgresql://u:c4nary@h?sslmode=prefer", "database"),
    ("postgresql://u:c4nary@h?x=/d", "database"),
    ("postgresql://u:c4nary@h/?dbname=d", "database"),
    ("postgresql://u:c4nary@h/d/", "%2F"),
    ("postgresql://u:c4nary@h//d", "%2F"),
    ("postgresql://u:c4nary@h/d/e", "%2F"),
    ("postgresql://u:c4nary@h/d%", "%25"),
    ("postgresql://u:c4nary@h/%00", "control"),
    (f"postgresql://u:c4nary@h/{'d' * 64}", "63"),
    # The query.
    ("postgresql://u:c4nary@h/d?", "not accepted"),
    ("postgresql://u:c4nary@h/d?&", "not accepted"),
    ("postgresql://u:c4nary@h/d?sslmode=prefer&", "not accepted"),
    ("postgresql://u:c4nary@h/d?sslmode", "sslmode"),
    ("postgresql://u:c4nary@h/d?sslmode=", "sslmode"),
    ("postgresql://u:c4nary@h/d?sslmode=verify-ca", "verify-full"),
    ("postgresql://u:c4nary@h/d?sslmode=c4nary", "sslmode"),
    ("postgresql://u:c4nary@h/d?sslmode=Prefer", "sslmode"),
    ("postgresql://u:c4nary@h/d?sslmode=prefer&sslmode=disable", "twice"),
    ("postgresql://u:c4nary@h/d?SSLMODE=prefer", "not accepted"),
    ("postgresql://u:c4nary@h/d?sslmode=prefer;host=x", "sslmode"),
    ("postgresql://u:c4nary@h/d?sslmode=prefer?host=x", "sslmode"),
    ("postgresql://u:c4nary@h/d?application_name=", "application_name"),
    ("postgresql://u:c4nary@h/d?application_name=a+b", "application_name"),
    ("postgresql://u:c4nary@h/d?application_name=%C3%BC", "application_name"),
    ("postgresql://u:c4nary@h/d?application_name=%0a", "control"),
    (f"postgresql://u:c4nary@h/d?application_name={'a' * 64}", "application_name"),
    ("postgresql://u:c4nary@h/d?connect_timeout=1", "connect_timeout"),
    ("postgresql://u:c4nary@h/d?connect_timeout=0", "connect_timeout"),
    ("postgresql://u:c4nary@h/d?connect_timeout=11", "connect_timeout"),
    ("postgresql://u:c4nary@h/d?connect_timeout=02", "connect_timeout"),
    ("postgresql://u:c4nary@h/d?connect_timeout=-1", "connect_timeout"),
    ("postgresql://u:c4nary@h/d?channel_binding=x", "channel_binding"),
    ("postgresql://u:c4nary@h/d?c4nary=1", "Something"),
    ("postgresql://u:c4nary@h/d?c4nary", "Something"),
    ("postgresql://u:c4nary@h/d?%68ost=x", "Something"),
]
REFUSED_KEYS = """
host hostaddr port user password dbname passfile sslkeylogfile sslcert sslkey sslpassword sslcrl
sslrootcert sslcrldir sslcertmode options service servicefile plugin requirepeer gsslib krbsrvname
replication target_session_attrs client_encoding keepalives oauth_issuer load_balance_hosts
"""


def assert_tells_nothing(error: ApiError) -> None:
    told = f"{error} {error!r} {error.sentence} {error.details} {error.headers}"
    told += "".join(traceback.format_exception(error))
    assert "c4" not in told
    assert "%C3%BC" not in told
    assert "ü" not in told
    assert error.__context__ is None


def refused_by(reader: Callable[[str], PostgresTarget], text: str) -> ApiError | None:
    try:
        reader(text)
    except ApiError as error:
        return error
    return None


@pytest.mark.parametrize(("text", "word"), REFUSED)
def test_refuses(text: str, word: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse(text)
    error = caught.value
    assert (error.status, error.code) == (400, "invalid_connection_string")
    assert word in error.sentence
    assert error.details == {"connectionString": [error.sentence]}
    assert_tells_nothing(error)


@pytest.mark.parametrize("key", REFUSED_KEYS.split())
def test_refuses_what_libpq_would_take_by_name(key: str) -> None:
    with pytest.raises(ApiError, match=f"^'{key}' is not accepted"):
        parse(f"postgresql://u@h/d?{key}=x")


@pytest.mark.parametrize(
    "damage",
    [
        "postgresql://u:{}@h:x/d",
        "postgresql://u:{}@h",
        "postgresql://u:{}@@h/d",
        "postgresql://u:{}%@h/d",
        "postgresql://u:{}@h/d?host={}",
        "postgresql://u@{}:{}/{}/",
        "{}",
    ],
)
def test_tells_nothing_of_an_encoded_password(damage: str) -> None:
    with pytest.raises(ApiError) as caught:
        parse(damage.replace("{}", CANARY_ENCODED))
    assert_tells_nothing(caught.value)


def test_a_target_tells_nothing_when_printed() -> None:
    assert CANARY not in repr(parse(f"postgresql://u:{CANARY}@h/d"))


NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]).filter(
        lambda character: unicodedata.category(character) != "Cc"
    ),
    min_size=1,
).filter(lambda name: len(name.encode()) <= 63)
LABELS = st.from_regex(r"[a-zA-Z_]([a-zA-Z0-9_-]{0,10}[a-zA-Z0-9_])?", fullmatch=True)
HOSTS = st.one_of(
    st.lists(LABELS, min_size=1, max_size=4).map(".".join),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str).filter(lambda host: "%" not in host),
)


@given(
    scheme=st.sampled_from(["postgresql", "postgres", "postgresql+psycopg2"]),
    user=NAMES,
    password=st.none() | NAMES,
    host=HOSTS,
    port=st.none() | st.integers(1, 65535),
    database=NAMES,
    query=st.fixed_dictionaries(
        {},
        optional={
            "sslmode": st.sampled_from(["disable", "allow", "prefer", "require", "verify-full"]),
            "application_name": st.text(string.printable[:94] + " ", min_size=1, max_size=63),
            "connect_timeout": st.integers(2, 10).map(str),
            "channel_binding": st.sampled_from(["disable", "prefer", "require"]),
        },
    ),
)
def test_parts_come_back_as_they_were(
    scheme: str,
    user: str,
    password: str | None,
    host: str,
    port: int | None,
    database: str,
    query: dict[str, str],
) -> None:
    text = f"{scheme}://{quote(user, safe='')}"
    text += "" if password is None else f":{quote(password, safe='')}"
    text += f"@[{host}]" if ":" in host else f"@{host}"
    text += "" if port is None else f":{port}"
    text += f"/{quote(database, safe='')}"
    text += "?" * bool(query) + "&".join(f"{k}={quote(v, safe='')}" for k, v in query.items())
    expected = {"user": user, "host": host, "port": str(port or 5432), "dbname": database, **query}
    if password is not None:
        expected["password"] = password
    assert parse(text).keywords == expected
    assert libpq_reads(text) == expected


PIECES = st.sampled_from([*"@:/?#[]%&=,;+\\ \x00", "%2F", "%40", "%00", "%ff", "::1", "host=", "h"])


@given(
    st.one_of(
        st.text(),
        st.text(string.printable).map("postgresql://".__add__),
        st.lists(PIECES).map(lambda pieces: "postgresql://u:p@h/d" + "".join(pieces)),
        st.lists(PIECES).map(lambda pieces: "postgresql://" + "".join(pieces)),
        st.lists(PIECES).map(lambda pieces: "postgresql://u" + "".join(pieces) + "@h/d"),
    )
)
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for reader in (parse, parse_operator):
        error = refused_by(reader, text)
        if error:
            assert (error.status, error.code) == (400, "invalid_connection_string")
            assert error.__context__ is None


@pytest.mark.parametrize(
    ("text", "keywords"),
    [
        ("postgresql://u:p@h/d", {"user": "u", "password": "p", "host": "h", "dbname": "d"}),
        ("postgresql+psycopg2://u@h/d", {"user": "u", "host": "h", "dbname": "d"}),
        ("postgres://%2Frun%2Fpg/d", {"host": "/run/pg", "dbname": "d"}),
        ("postgresql://h1,h2:1/d", {"host": "h1,h2", "port": ",1", "dbname": "d"}),
        ("host=h password='a b'", {"host": "h", "password": "a b"}),
        ("service=mine", {"service": "mine"}),
        ("postgresql:///d?passfile=/x", {"dbname": "d", "passfile": "/x"}),
        ("postgresql://", {}),
    ],
)
def test_an_operator_may_use_all_of_libpq(text: str, keywords: dict[str, str]) -> None:
    target = parse_operator(text)
    assert target.operator
    assert target.keywords == keywords


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "c4nary",
        "password=c4nary host",
        "password='c4nary",
        "password=c4nary nonsense=1",
        "postgresql://u:c4nary%zz@h/d",
        "postgresql://u:c4nary@[h/d",
        "postgresql://u:c4nary@h/d?plugin=x",
        "postgresql+psycopg://u:c4nary@h/d",
        "postgresql://u:c4nary\x00@h/d",
        "postgresql://u:c4nary\ud800@h/d",
    ],
)
def test_an_operators_mistake_tells_no_password(text: str) -> None:
    with pytest.raises(ApiError, match="libpq understands") as caught:
        parse_operator(text)
    assert (caught.value.status, caught.value.code) == (400, "invalid_connection_string")
    assert_tells_nothing(caught.value)


def test_importing_the_parser_does_not_import_the_driver() -> None:
    program = (
        "import sys, deploystack.database.postgres.connection_string; "
        "import deploystack.database.postgres.preflight; sys.exit('psycopg2' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
