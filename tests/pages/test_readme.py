"""``README.md``, carried out by a stranger."""

from __future__ import annotations

import pytest

from tests.support.direct import Direct
from tests.support.machine import Machine
from tests.support.reader import Reader


@pytest.mark.page("../README.md")
def test_the_readme(reader: Reader, machine: Machine) -> None:
    server = machine.postgres
    server.execute("CREATE ROLE deploystack LOGIN PASSWORD 'choose-a-password'")
    server.execute("CREATE DATABASE deploystack OWNER deploystack")
    # It is what runs this.
    assert machine.run(f"make --dry-run {reader.take('make test').split()[1]}").code == 0

    reader.follow()

    status = machine.run("curl http://127.0.0.1:3000/api/db/status").stdout
    assert '"configured": false' in status
    sqlite = Direct({"type": "sqlite"}, machine.folder / "persistent_data")
    assert sqlite.rows("SELECT username, role_id FROM users") == [("alice", "global_admin")]
    body = {"type": "postgres", "connectionString": server.uri("deploystack")}
    names = Direct(body, machine.folder).rows("SELECT name FROM notes_item ORDER BY id")
    assert names == ["First", "Second"]
