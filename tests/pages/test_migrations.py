"""``docs/how-to/migrations.md``, carried out: revisions are applied, fail, and are taken back."""

from __future__ import annotations

import pytest

from tests.pages.conftest import make_known
from tests.support.direct import Direct
from tests.support.machine import Machine
from tests.support.reader import Reader
from tests.support.waiting import until

READY = "http://127.0.0.1:3000/readyz"


@pytest.mark.page("how-to/migrations.md")
def test_the_page(reader: Reader, owned: Machine, direct: Direct) -> None:
    def succeed(commands: str) -> str:
        ended = owned.run(commands)
        assert ended.code == 0, ended.stdout + ended.stderr
        return ended.stdout

    def revision() -> str:
        [found] = direct.rows("SELECT version_num FROM alembic_version")
        return str(found)

    make_known(owned, reader.take("from .note"))
    reader.follow("Add a table, step by step")
    direct.execute("INSERT INTO notes SELECT 1, 'hello', id, created_at, updated_at FROM users")

    reader.follow("Add a column")
    succeed("flask db migrate -m 'pin notes' --rev-id 0b089653c073; make db-up")
    assert direct.rows("SELECT text, is_pinned FROM notes") == [("hello", 0)]

    succeed("flask db revision -m fail --rev-id 5cf68801a8ed")
    [failing] = owned.folder.glob("migrations/versions/*_fail.py")
    mended = failing.read_text()
    update = 'op.execute("UPDATE notes SET no_such_column = 1")'
    failing.write_text(mended.replace("pass", update, 1))
    owned.serve("make run")
    until(lambda: '"5cf68801a8ed"' in owned.run(f"curl {READY}").stdout, 30)
    reader.follow("When a revision fails")
    failing.write_text(mended)
    succeed("make db-up")
    assert revision() == "5cf68801a8ed"

    reader.follow("Going back")
    assert revision() == "5cf68801a8ed"
    log = direct.rows("SELECT direction FROM schema_revisions ORDER BY id")
    assert log == ["upgrade"] * 5 + ["downgrade"] * 2 + ["upgrade"] * 2

    for side in ("left", "right"):
        succeed(f"flask db revision -m {side} --head 5cf68801a8ed --splice")
    assert "migration_branches" in owned.run("flask db upgrade").stderr
    reader.follow("Two heads")
    succeed("flask db upgrade")
    [joined] = owned.folder.glob("migrations/versions/*_join_left_and_right.py")
    assert revision() in joined.name
    assert direct.rows("SELECT text, is_pinned FROM notes") == [("hello", 0)]

    succeed(
        "flask plugins new notes; pip install --no-build-isolation --no-deps -e deploystack-notes"
    )
    succeed("flask db upgrade")
    reader.follow()
    assert owned.run("flask plugins current notes").stdout == "ab5aa97074c4 (head)\n"
