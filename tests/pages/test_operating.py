"""The guides for whoever runs a server, carried out: databases, proxies, hosts, resets."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploystack.testing.ports import HOST, free_port
from tests.support.direct import Direct
from tests.support.machine import Machine
from tests.support.reader import Reader

NAME = "app.example.org"
CERTIFICATE = (
    "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} "
    "-addext subjectAltName=DNS:{name} -keyout {key} -out {certificate}"
)
MAIN = """
pid {home}/nginx.pid;
error_log {home}/nginx.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    include {home}/etc/nginx/conf.d/*.conf;
}}
"""
"""What an installed nginx has in its main configuration, in folders of the machine's own."""


@pytest.fixture
def nginx(machine: Machine, reader: Reader) -> Iterator[None]:
    """A proxy that runs already, as on a machine where nginx is installed, and a certificate."""
    home = machine.home
    unpacked = Path(sys.prefix, "nginx", "usr", "sbin", "nginx")
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin") or unpacked
    (home / "etc/nginx/conf.d").mkdir(parents=True)
    (home / "nginx.conf").write_text(MAIN.format(home=home))
    machine.install("nginx", f'#!/bin/sh\nexec {program} -p {home} -c {home}/nginx.conf "$@"\n')
    key, certificate = home / f"{NAME}.key", home / f"{NAME}.pem"
    make = CERTIFICATE.format(name=NAME, key=key, certificate=certificate)
    assert machine.run(make).code == 0
    port = free_port()
    with (home / ".curlrc").open("a") as settings:
        settings.write(f'connect-to = "{NAME}:443:{HOST}:{port}"\ncacert = "{certificate}"\n')
    reader.instead = {"listen 443": f"listen {HOST}:{port}", "/etc/ssl/": f"{home}/"}
    assert machine.run("nginx").code == 0
    with ExitStack() as at_the_end:
        at_the_end.callback(machine.run, "nginx -s stop")
        yield


def at_once(machine: Machine, url: str) -> str:
    """Return an answer by way of the proxy, once it has taken up its configuration."""
    ended = machine.run(f"curl --retry 20 --retry-delay 1 --retry-all-errors {url}")
    return ended.stdout


@pytest.mark.page("how-to/postgresql.md")
def test_postgresql(reader: Reader, machine: Machine) -> None:
    server = machine.postgres
    reader.follow()

    body = {"type": "postgres", "connectionString": server.uri("deploystack")}
    assert Direct(body, machine.folder).rows("SELECT id FROM roles ORDER BY id")
    assert '"dialect": "postgres"' in machine.run("curl http://127.0.0.1:3000/api/db/status").stdout
    assert (machine.folder / "settings.json").is_file()


@pytest.mark.page("how-to/reset.md")
def test_reset(reader: Reader, site: Machine) -> None:
    reader.follow()

    assert not list((site.folder / "persistent_data").rglob("*.db"))
    assert '"configured": false' in site.run("curl http://127.0.0.1:3000/api/db/status").stdout


@pytest.mark.page("how-to/proxy.md")
@pytest.mark.usefixtures("nginx")
def test_proxy(reader: Reader, machine: Machine) -> None:
    reader.follow()

    assert '"configured": true' in at_once(machine, f"https://{NAME}/api/db/status")
    told = machine.run(f"curl https://{NAME}/api/auth/status").stdout
    assert '"setup_token_required": true' in told, "the proxy hides that somebody is elsewhere"

    balancer = "-H 'X-Forwarded-For: 192.0.2.7' -H 'X-Forwarded-Proto: http'"
    browser = f"-H 'Origin: http://{NAME}' -H 'Content-Type: application/json'"
    body = """-d '{"login": "nobody", "password": "guessed"}'"""
    login = machine.run(f"curl {balancer} {browser} {body} https://{NAME}/api/auth/email/login")
    assert "invalid_credentials" in login.stdout, "the scheme is not what the first one has said"
    assert "A login from 192.0.2.7 failed" in machine.printed()


@pytest.mark.page("how-to/several-hosts.md")
@pytest.mark.usefixtures("nginx")
def test_several_hosts(reader: Reader, machine: Machine) -> None:
    server = machine.postgres
    reader.follow()

    assert machine.run("nginx -s reload").code == 0
    at_once(machine, f"https://{NAME}/livez")
    answers = [machine.run(f"curl https://{NAME}/readyz").stdout for _ in range(6)]
    assert set(answers) == {'{"status": "ready"}\n'}, "what one host cannot answer, another does"
    shown = [machine.run(f"curl https://{NAME}/api/db/status").stdout for _ in range(2)]
    assert all('"initialized": true' in text for text in shown), "each host knows its public name"
    body = {"type": "postgres", "connectionString": server.uri("deploystack")}
    database = Direct(body, machine.folder)
    assert database.rows("SELECT value FROM global_settings WHERE key = 'smtp.host'") == [
        "smtp.example.org"
    ]
    assert database.rows("SELECT count(*) FROM schema_revisions") == [
        len(list((machine.folder / "migrations/versions").glob("*.py")))
    ]
    own = {path.name for path in (machine.folder / "second_host").iterdir()}
    assert not own & {"secret.key", "encryption.key", "db.selection.json"}
