"""``docs/how-to/inspecting.md``, carried out with SQLite and then with PostgreSQL."""

from __future__ import annotations

import json

import pytest

from tests.pages.conftest import PASSWORD, restart
from tests.support.direct import Direct
from tests.support.machine import Machine
from tests.support.pages import DOCS, quoted, table
from tests.support.reader import Reader

PAGE = DOCS / "how-to" / "inspecting.md"
USERS = "SELECT username FROM users"
SECRET = "s3cret"
URI = f"postgresql://deploystack:{SECRET}@127.0.0.1:5432/deploystack"


@pytest.mark.page("how-to/inspecting.md")
def test_the_page(reader: Reader, owned: Machine, direct: Direct) -> None:
    save_sqlite, save_postgres = reader.take("sqlite3 persistent"), reader.take("pg_dump")
    restore_sqlite, restore_postgres = reader.take("cp backup"), reader.take("pg_restore")
    reader.typed = {"psql": f"{SECRET}\n"}

    def succeed(commands: str, stdin: str = "") -> str:
        ended = owned.run(commands, stdin)
        assert ended.code == 0, ended.stdout + ended.stderr
        return ended.stdout

    reader.follow("Which one, and how is it?")
    documented = {quoted(row["table"]) for row in table(PAGE, "table")}
    assert documented == set(direct.rows("SELECT name FROM sqlite_schema WHERE type = 'table'"))

    reader.follow("By the API")
    owned.export(DEPLOYSTACK_PLUGINS_PATH="plugins", WEB_CONCURRENCY="1")
    restart(owned)
    curl = 'curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:3000/api'
    direct.execute("INSERT INTO notes_note VALUES (1, 1234, 5678, 1, 9), (2, 1234, 5678, 0, 9)")
    notes = json.loads(succeed(f"{curl}/db/tables/notes_note/rows"))["data"]["rows"]
    assert [note["masked"] for note in notes] == [["pin", "value"], ["pin"]]

    reader.follow("SQLite")
    reader.follow("What is in it")
    assert direct.rows(USERS) == ["alice"]

    succeed(save_sqlite)
    direct.execute("DELETE FROM users")
    assert direct.rows(USERS) == []
    succeed(restore_sqlite)
    assert succeed(f"{curl}/users/me").count("alice@example.org") == 1
    assert direct.rows(USERS) == ["alice"]

    # The same with PostgreSQL.
    owned.postgres.execute(f"CREATE ROLE deploystack LOGIN PASSWORD '{SECRET}'")
    owned.postgres.execute("CREATE DATABASE deploystack OWNER deploystack")
    succeed("flask db reset --yes")
    body = json.dumps({"type": "postgres", "connectionString": URI})
    succeed(
        "curl -X POST http://127.0.0.1:3000/api/db/setup "
        f"-H 'Content-Type: application/json' -d '{body}'"
    )
    succeed(
        "flask users create --username bob --email bob@example.org "
        f"--password-stdin <<< '{PASSWORD}'"
    )
    reader.follow("PostgreSQL")
    succeed(save_postgres, f"{SECRET}\n")
    owned.postgres.execute("DELETE FROM users", database="deploystack")
    owned.stop()
    succeed(restore_postgres, f"{SECRET}\n")
    owned.serve("make run")
    assert owned.postgres.execute(USERS, database="deploystack") == [("bob",)]
    assert succeed("curl http://127.0.0.1:3000/readyz") == '{"status": "ready"}\n'
