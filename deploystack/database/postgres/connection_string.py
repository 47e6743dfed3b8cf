"""PostgreSQL connection strings: a person's are parsed strictly, an operator's by libpq.

A person's string reaches us before anybody has logged in, and asks us to connect to a host: the
class of bug of CVE-2023-38646. libpq's own parser must not decide about it. Its query keys
override what is visible (``?host=``), write files (``sslkeylogfile=``) and send the server's own
secrets (``passfile=``); ``u:pa/ss@h`` names one host to libpq and another to SQLAlchemy; and its
errors repeat the password. So there is one small grammar here, in which every string has exactly
one reading or none; what it lets through are plain values that no driver parses again.

No sentence repeats any part of the string, because any part may be a misplaced password; only the
names of libpq's own parameters are repeated.
"""

from __future__ import annotations

import re
import unicodedata
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from ...errors import ApiError
from ..target import PostgresTarget

EXAMPLE = "postgresql://user:password@host:5432/database"
MAX_LENGTH = 2048  # characters; an access token used as a password fits, also percent-encoded
MAX_NAME = 63  # bytes; PostgreSQL truncates longer names (NAMEDATALEN - 1)
MAX_PASSWORD = 1024  # bytes; tokens of the clouds have about 800

SCHEMES = ("postgresql://", "postgres://", "postgresql+psycopg2://")
QUERY = {
    "sslmode": (
        re.compile(r"disable|allow|prefer|require|verify-full"),
        "must be disable, allow, prefer, require or verify-full",
    ),
    "application_name": (re.compile(r"[ -~]{1,63}"), "must be 1 to 63 printable ASCII characters"),
    "connect_timeout": (re.compile(r"[2-9]|10"), "must be 2 to 10 (seconds)"),
    "channel_binding": (
        re.compile(r"disable|prefer|require"),
        "must be disable, prefer or require",
    ),
}
"""The query keys a person may use, and the values each may have once decoded."""

# The other parameters of libpq (documentation of PostgreSQL 18, 32.1.2) and of SQLAlchemy. All
# unknown keys are refused; these are merely refused by name.
_KNOWN_KEYS = frozenset(
    re.findall(
        r"\w+",
        """
        client_encoding dbname fallback_application_name gssdelegation gssencmode gsslib host
        hostaddr keepalives keepalives_count keepalives_idle keepalives_interval krbsrvname
        load_balance_hosts max_protocol_version min_protocol_version oauth_client_id
        oauth_client_secret oauth_issuer oauth_scope options passfile password plugin port
        replication require_auth requirepeer requiressl scram_client_key scram_server_key service
        servicefile ssl ssl_max_protocol_version ssl_min_protocol_version sslcert sslcertmode
        sslcompression sslcrl sslcrldir sslkey sslkeylogfile sslnegotiation sslpassword
        sslrootcert sslsni target_session_attrs tcp_user_timeout user
        """,
    )
)
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
# What inet_aton(3) takes for a number: such a name would be an address in disguise (2130706433).
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_QUERY_VALUE = re.compile(r"[A-Za-z0-9._~%-]+")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def parse(text: str) -> PostgresTarget:
    """Parse the URI of a caller of the API, whom nobody has reason to trust.

    Args:
        text: ``postgresql://user:password@host:port/database?sslmode=…``; the password, the port
            and the query may be missing.

    Returns:
        A target with the keywords ``host``, ``port``, ``dbname``, ``user``, perhaps ``password``
        and those of the query.

    Raises:
        ApiError: 400 ``invalid_connection_string``, naming the offending part but never its text.
    """
    if len(text) > MAX_LENGTH:
        raise _refusal(f"The connection string is longer than {MAX_LENGTH} characters. Shorten it.")
    if not all("!" <= character <= "~" and character != "\\" for character in text):
        raise _refusal(
            "The connection string has a space, a backslash, or a character that is not printable "
            "ASCII. Percent-encode it: %20 for a space, %5C for a backslash, UTF-8 for the rest."
        )
    scheme = next((scheme for scheme in SCHEMES if text.startswith(scheme)), None)
    if scheme is None:
        raise _refusal(f"The connection string must start with postgresql://, as in {EXAMPLE}.")
    credentials, location = _split_at_sign(text.removeprefix(scheme))
    authority, path, query = _split_location(location)
    return PostgresTarget(
        {
            **_parse_authority(authority),
            "dbname": _name("database name", path),
            **_parse_credentials(credentials),
            **_parse_query(query),
        }
    )


def parse_operator(text: str) -> PostgresTarget:
    """Parse the string of the operator (environment or command line), who may use all of libpq.

    Args:
        text: a URI, or ``keyword=value`` pairs, as libpq's documentation describes them (32.1.1);
            ``postgresql+psycopg2://`` is understood too.

    Raises:
        ApiError: as :func:`parse`, without libpq's words, which would repeat the password.
    """
    import psycopg2
    from psycopg2.extensions import parse_dsn

    prefix = "postgresql+psycopg2://"
    uri = "postgresql://" + text.removeprefix(prefix) if text.startswith(prefix) else text
    keywords: dict[str, str] | None = None
    if text.strip() and "\0" not in text:  # libpq would read up to the NUL
        try:
            keywords = parse_dsn(uri)
        except (psycopg2.Error, UnicodeError):
            keywords = None
    # Raised out here so that libpq's error is not its context.
    if keywords is None:
        raise _refusal(
            "The connection string is not one that PostgreSQL's libpq understands. Write it as "
            f"{EXAMPLE}, and percent-encode @ : / ? # % in the user and the password."
        )
    if any(port and not _is_port(port) for port in keywords.get("port", "").split(",")):
        raise _refusal("The port must be a number from 1 to 65535.")
    return PostgresTarget(keywords, operator=True)


def _refusal(sentence: str) -> ApiError:
    """Return the error that refuses a connection string with ``sentence``."""
    return ApiError(400, "invalid_connection_string", sentence, {"connectionString": [sentence]})


def _split_at_sign(rest: str) -> tuple[str, str]:
    """Split what follows the scheme into the credentials and the location."""
    if "#" in rest:
        raise _refusal("The connection string has a '#'. Percent-encode it as %23.")
    if "@" not in rest:
        raise _refusal(f"The connection string names no user. Write it as {EXAMPLE}.")
    if rest.count("@") > 1:
        raise _refusal(
            "The connection string has more than one '@'. Percent-encode an '@' in the user or "
            "the password as %40."
        )
    credentials, _, location = rest.partition("@")
    if any(character in credentials for character in "/?[]"):
        raise _refusal(
            "The user or the password has one of / ? [ ]. Percent-encode it: %2F for /, %3F for "
            "?, %5B for [, %5D for ]."
        )
    return credentials, location


def _split_location(location: str) -> tuple[str, str, str | None]:
    """Split ``host:port/database?query``; the query is None where there is no '?'."""
    before, question_mark, query = location.partition("?")
    authority, slash, path = before.partition("/")
    if not slash or not path:
        raise _refusal(f"The connection string names no database. Write it as {EXAMPLE}.")
    if "/" in path:
        raise _refusal("The database name has a '/'. Percent-encode it as %2F, or leave it out.")
    return authority, path, query if question_mark else None


def _parse_credentials(credentials: str) -> dict[str, str]:
    user, colon, password = credentials.partition(":")
    keywords = {"user": _name("user", user)}
    if colon:
        keywords["password"] = _decode("password", password)
        if not 1 <= len(keywords["password"].encode()) <= MAX_PASSWORD:
            raise _refusal(
                f"The password must have 1 to {MAX_PASSWORD} bytes. If there is none, leave out "
                "the ':' as well."
            )
    return keywords


def _parse_authority(authority: str) -> dict[str, str]:
    if "%" in authority or not authority:
        raise _refusal(
            "The host must be a plain host name or IP address. Sockets, percent-encoding and IPv6 "
            "zones are not accepted."
        )
    if "," in authority:
        raise _refusal("The connection string names several hosts. Name one.")
    if authority.startswith("["):
        host, bracket, rest = authority[1:].partition("]")
        if not bracket or not _is_address(IPv6Address, host) or (rest and rest[0] != ":"):
            raise _refusal("The host is not an IPv6 address. Write it as in [::1]:5432.")
        colon, port = rest[:1], rest[1:]
    else:
        host, colon, port = authority.partition(":")
        if ":" in port:
            raise _refusal("Write an IPv6 address in brackets, as in [::1]:5432.")
        _check_host(host)
    if colon and not _is_port(port):
        raise _refusal("The port must be a number from 1 to 65535.")
    return {"host": host, "port": port or "5432"}


def _is_port(text: str) -> bool:
    return bool(_PORT.fullmatch(text)) and int(text) <= 65535


def _check_host(host: str) -> None:
    if _NUMBER.fullmatch(host.rpartition(".")[2]):
        if not _is_address(IPv4Address, host):
            raise _refusal("The host is not an IPv4 address of four decimal numbers.")
    elif len(host) > 253 or not _HOST_NAME.fullmatch(host):
        raise _refusal(
            "The host is not a host name: letters, digits, '-' and '_' with dots between them, "
            "253 characters at most."
        )


def _is_address(kind: type[IPv4Address | IPv6Address], text: str) -> bool:
    try:
        kind(text)
    except AddressValueError:
        return False
    return True


def _parse_query(query: str | None) -> dict[str, str]:
    if query is None:
        return {}
    keywords: dict[str, str] = {}
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if key not in QUERY:
            what = f"'{key}' is" if key in _KNOWN_KEYS else "Something after the '?' is"
            raise _refusal(f"{what} not accepted. After the '?' there may be {', '.join(QUERY)}.")
        if key in keywords:
            raise _refusal(f"'{key}' is there twice. Keep one.")
        if value == "verify-ca":
            raise _refusal(
                "sslmode=verify-ca does not check the host's name, so any certificate would do. "
                "Use sslmode=verify-full."
            )
        allowed, advice = QUERY[key]
        keywords[key] = _decode(key, value) if _QUERY_VALUE.fullmatch(value) else ""
        if not allowed.fullmatch(keywords[key]):
            raise _refusal(
                f"'{key}' {advice}. Percent-encode all but letters, digits and - . _ ~ in it."
            )
    return keywords


def _name(part: str, encoded: str) -> str:
    name = _decode(part, encoded)
    if not 1 <= len(name.encode()) <= MAX_NAME:
        raise _refusal(f"The {part} must have 1 to {MAX_NAME} bytes. Write it as in {EXAMPLE}.")
    return name


def _decode(part: str, encoded: str) -> str:
    """Return ``encoded`` percent-decoded, once; a '+' stays a '+'."""
    if _STRAY_PERCENT.search(encoded):
        raise _refusal(f"The {part} has a '%' that encodes nothing. Percent-encode it as %25.")
    octets = re.sub(
        rb"%(..)", lambda match: bytes.fromhex(match[1].decode()), encoded.encode("ascii")
    )
    # Decoded leniently because an exception would carry the octets, which may be the password.
    text = octets.decode("utf-8", errors="replace")
    if text.encode() != octets:
        raise _refusal(f"The {part} is not UTF-8 once percent-decoded. Encode it as UTF-8.")
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise _refusal(f"The {part} has a control character such as %00. Remove it.")
    return text
