"""The page in a real browser: it works under its policy, and asks nobody else for anything."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from pathlib import Path

from flask.testing import FlaskClient

from tests.conftest import Serve

POLICY = {"script-src": "'self'", "style-src": "'self'", "connect-src": "'self'"}


def test_only_what_is_ours_may_run(client: FlaskClient) -> None:
    answer = client.get("/documentation")
    policy = dict(
        part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
    )

    assert {name: policy[name] for name in POLICY} == POLICY
    assert policy["default-src"] == "'none'"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert re.findall(r"<script[^>]*>([^<]+)|\s(?:style|on\w+)=", answer.text) == []


def test_what_it_consists_of_is_sent_once(client: FlaskClient) -> None:
    """Swagger UI is 1.7 MB: a browser keeps it until there is another, and is sent 0.5."""
    page = client.get("/documentation").text
    addresses = re.findall(r'(?:src|href)="(/documentation/files/[^"]+)"', page)

    assert len(addresses) == 5
    for address in addresses:
        answer = client.get(address, headers={"Accept-Encoding": "gzip"})
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert gzip.decompress(answer.data) == client.get(address).data
    bundle = next(address for address in addresses if address.endswith("bundle.js"))
    assert len(client.get(bundle, headers={"Accept-Encoding": "gzip"}).data) < 600_000
    old = re.sub(r"/files/\w+/", "/files/0123456789ab/", bundle)
    assert client.get(old).headers["Cache-Control"] == "no-store"


def test_the_page_shows_every_route(serve: Serve, tmp_path: Path) -> None:
    """What the policy forbids, Chromium tells on its console, and a request to elsewhere too."""
    server = serve()
    document = server.get("/api/openapi.json").json
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "install Chromium (Debian: apt-get install chromium)"

    shown = subprocess.run(
        [
            program,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--enable-logging=stderr",
            "--virtual-time-budget=20000",
            "--dump-dom",
            f"http://127.0.0.1:{server.port}/documentation",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert ":CONSOLE:" not in shown.stderr
    assert set(re.findall(r'data-path="([^"]+)"', shown.stdout)) == set(document["paths"])
