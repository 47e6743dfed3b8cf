"""Requests that nobody in their right mind sends: bodies, their headers, connection strings.

Made up at random, but always the same ones from the same seed.
"""

from __future__ import annotations

import json
import random
import re
import string
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from deploystack.testing.ports import free_port
from tests.support.answers import SQLITE

KINDS = [
    "application/json",
    "application/json",
    "application/json",
    "application/json",
    "application/json; charset=utf-8",
    "application/json; charset=utf-16",
    "APPLICATION/JSON",
    "application/json; =; x",
    "text/plain",
    "multipart/form-data",
    "application/x-www-form-urlencoded",
    "",
    "\xff/\xfe",
]
ENCODINGS = ["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-7", "latin-1"]
JUNK = ["", " ", "\0", "\n", "é", "\u2028", "\ud800", "%00", "'", '"', "\\", "x" * 300, "{}", "🙂"]
# Each is this machine, or nothing that a resolver may ever be asked about.
HOSTS = ["127.0.0.1", "127.1.2.3", "localhost", "LOCALHOST", "[::1]"]
ODD_HOSTS = re.findall(
    r"\S+",
    r"""
    - .. ::1 127.1 2130706433 0x7f000001 [::1 [::1%25lo] [v1.x] %2Ftmp /tmp 127.0.0.1,[::1]
    127.0.0.1%00 127.0.0.1\ 127.0.0.1. _.127.0.0.1
    """,
)
LIBPQ = re.findall(
    r"\w+",
    """
    host hostaddr port user dbname password passfile service options sslmode sslkeylogfile sslcert
    sslrootcert application_name plugin connect_timeout channel_binding target_session_attrs x
    """,
)


class Generator:
    """Makes requests up, always the same ones from the same seed.

    Args:
        seed: where it begins.
        folder: where a file would be made, if a string could have one made.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        self._random = random.Random(seed)
        self._folder = folder
        self._port = str(free_port())  # nobody listens there

    def body(self) -> bytes:
        """Return a body: arbitrary, of any JSON shape, nearly right, or right and then damaged."""
        r = self._random
        make: Callable[[], bytes] = r.choice(
            [
                lambda: r.randbytes(r.choice([0, 1, 5, 50, 500, 4095, 4096, 4097, 9000])),
                lambda: self._encoded(self._json(4)),
                lambda: self._encoded(self._nearly_right()),
                lambda: self._encoded(self._nearly_right()),
                lambda: self._damaged(self._right()),
                lambda: self._right().ljust(
                    r.choice([4095, 4096, 4097, 5000]), r.choice([b" ", b"\0"])
                ),
                lambda: r.choice([b"[", b'{"type":', b'{"a":[', b"-"]) * r.choice([1, 10, 600]),
                lambda: self._right().replace(b"{", b'{"type": "sqlite", "type": null, ', 1),
                lambda: (
                    b'{"type": %s}'
                    % r.choice([b"NaN", b"-Infinity", b"1e999", b"9" * 3000, b"0x1"])
                ),
            ]
        )
        return make()

    def headers(self) -> dict[str, str]:
        """Return the headers that go with a body."""
        r = self._random
        headers = {"Content-Type": r.choice(KINDS)}
        if r.random() < 0.1:
            headers["Content-Encoding"] = r.choice(["gzip", "br", "identity", "x"])
        if r.random() < 0.1:
            headers[r.choice(["X-Setup-Token", "Origin", "Accept", "Cookie", "Range"])] = r.choice(
                ["", "null", "http://localhost", "*/*", "é", "x" * 3000, "bytes=0-"]
            )
        return headers

    def environ(self) -> dict[str, Any]:
        """Return what a server might say of the body's length."""
        r = self._random
        if r.random() < 0.8:
            return {}
        length = r.choice(["", "-1", "0", "1", "x", "99999999999", "4096", "4097", "1e3", "٣"])
        return {"CONTENT_LENGTH": length, "wsgi.input_terminated": r.random() < 0.5}

    def connection_string(self) -> str:
        """Return a string that goes to this machine or nowhere."""
        odd, r = self._odd, self._random
        user = ["", ":p", "u:p:q", "u:", f"u:{self._junk()}", f"{self._junk()}:p"]
        text = odd(["postgresql://", "postgres://"], ["postgresql+psycopg2://", "mysql://", ""])
        text += odd(["u", "u:p", "u:%2F"], user) + odd(["@"], ["", "@@", "%40"])
        text += odd(HOSTS, ["", "a" * 64, *ODD_HOSTS]) + odd(
            [f":{self._port}"], ["", ":", ":0", ":65536", ":1:1"]
        )
        text += odd(["/d"], ["", "/", "/a/b", "/%2e%2e", f"/{self._junk()}"])
        for separator in "?&&"[: r.choice([0, 0, 0, 1, 2, 3])]:
            text += odd([separator], ["?", ";"]) + r.choice(LIBPQ) + odd(["="], [":", "=="])
            text += self._value()
        return text + odd([""], ["#x", "\n", "?", "&"])

    def _odd(self, good: Sequence[str], bad: Sequence[str]) -> str:
        return self._random.choice(bad if self._random.random() < 0.12 else good)

    def _value(self) -> str:
        bait = str(self._folder / "bait")
        return self._random.choice(
            [
                bait,
                bait.replace("/", "%2F"),
                "127.0.0.1",
                "require",
                "verify-full",
                "2",
                "-c x=1",
                "",
                "%",
            ]
        )

    def _junk(self) -> str:
        r = self._random
        return r.choice([*JUNK, "".join(r.choices(string.printable, k=r.randrange(12)))])

    def _json(self, depth: int) -> Any:
        r = self._random
        if depth == 0 or r.random() < 0.4:
            leaf: Any = r.choice(
                [None, True, 0, -1, 1.5, 10**40, 1e308, "sqlite", "postgres", self._junk()]
            )
            return leaf
        items = [self._json(depth - 1) for _ in range(r.randrange(4))]
        keys = ["type", "connectionString", "__proto__", self._junk()]
        return items if r.random() < 0.5 else {r.choice(keys): item for item in items}

    def _nearly_right(self) -> dict[str, Any]:
        r = self._random
        kinds: list[Any] = [
            "sqlite",
            "postgres",
            "SQLite",
            "postgresql",
            "mysql",
            "",
            None,
            1,
            [],
            ["sqlite"],
            {},
        ]
        body: dict[str, Any] = {r.choice(["type"] * 5 + ["Type", "type "]): r.choice(kinds)}
        if r.random() < 0.7:
            body["connectionString"] = r.choice(
                [self.connection_string(), self._json(2), self._junk()]
            )
        if r.random() < 0.2:
            body[self._junk()] = self._json(1)
        return body

    def _right(self) -> bytes:
        uri = f"postgresql://u:p@127.0.0.1:{self._port}/d"
        postgres = {"type": "postgres", "connectionString": uri}
        return json.dumps(self._random.choice([SQLITE, postgres])).encode()

    def _damaged(self, body: bytes) -> bytes:
        """Change a byte or three, but not the host: that might become another one."""
        r = self._random
        damaged = bytearray(body)
        for _ in range(r.randrange(1, 4)):
            host = damaged.find(b"@127.0.0.1:")
            at = r.randrange(len(damaged))
            if host <= at <= host + 11 and host >= 0:
                continue
            damaged[at : at + r.randrange(2)] = r.choice([b"", bytes([r.randrange(256)])])
        return bytes(damaged)

    def _encoded(self, value: Any) -> bytes:
        r = self._random
        return json.dumps(value, ensure_ascii=r.random() < 0.5).encode(
            r.choice(ENCODINGS), "replace"
        )
