"""``flask db reset`` and ``flask db setup-token``: forgetting a choice, and the right to choose."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from filelock import FileLock
from flask import Flask

from tests.support.applications import command, set_up, status
from tests.support.direct import Direct
from tests.support.people import PERSON, REGISTER


@pytest.fixture
def direct(app: Flask, body: dict[str, str], data_dir: Path) -> Direct:
    """A database in use, with a row of its own."""
    set_up(app, body)
    direct = Direct(body, data_dir)
    direct.execute("UPDATE roles SET name = 'Kept' WHERE id = 'global_user'")
    return direct


@pytest.mark.parametrize("typed", ["n\n", "\n", ""])
@pytest.mark.parametrize("options", [(), ("--delete-data",)])
def test_it_asks_first(
    typed: str, options: tuple[str, ...], app: Flask, direct: Direct, data_dir: Path
) -> None:
    before = direct.everything()
    result = command(app, "db", "reset", *options, input=typed)
    assert result.exit_code == 1
    assert ("DELETE its data" in result.stdout) == bool(options)
    assert direct.everything() == before
    assert status(app)["initialized"] is True


def test_it_keeps_the_data_and_setup_adopts_it(
    app: Flask, body: dict[str, str], direct: Direct, data_dir: Path
) -> None:
    before = direct.everything()
    result = command(app, "db", "reset", input="y\n")
    assert result.exit_code == 0
    assert result.stdout.endswith("Forgotten. Its data is kept.\n")
    assert status(app)["configured"] is False
    assert direct.everything() == before

    set_up(app, body)
    assert status(app)["initialized"] is True
    assert direct.everything() == before


def test_it_deletes_the_data_if_told_to(
    app: Flask, body: dict[str, str], direct: Direct, data_dir: Path
) -> None:
    direct.execute("CREATE TABLE somebodys (id INTEGER)")
    assert command(app, "db", "reset", "--yes", "--delete-data").exit_code == 0
    assert status(app)["configured"] is False
    if direct.dialect == "sqlite":
        assert list(direct.file.parent.iterdir()) == []
    else:
        assert direct.tables() == {"somebodys"}
        direct.execute("DROP TABLE somebodys")
        assert direct.everything() == {"schema": []}
    set_up(app, body)
    assert direct.rows("SELECT name FROM roles WHERE id = 'global_user'") == ["Global User"]


def test_it_mends_a_selection_that_cannot_be_read(
    app: Flask, body: dict[str, str], direct: Direct, data_dir: Path
) -> None:
    selection = data_dir / "db.selection.json"
    selection.write_text(selection.read_text()[:40])
    assert status(app) == {"configured": True, "initialized": False, "dialect": None}
    shown = command(app, "db", "status", "--json")
    assert shown.exit_code == 1
    assert json.loads(shown.stdout)["problem"]["code"] == "selection_unreadable"
    refused = command(app, "db", "reset", "--yes", "--delete-data")
    assert refused.exit_code == 1
    assert "[selection_unreadable]" in refused.stderr
    assert command(app, "db", "reset", "--yes").exit_code == 0
    set_up(app, body)
    assert status(app)["initialized"] is True


def test_it_waits_for_no_setup(app: Flask, direct: Direct, data_dir: Path) -> None:
    with FileLock(data_dir / "setup.lock"):
        result = command(app, "db", "reset", "--yes")
    assert result.exit_code == 1
    assert "[setup_in_progress]" in result.stderr
    assert status(app)["initialized"] is True


def test_it_does_nothing_where_there_is_nothing(app: Flask, data_dir: Path) -> None:
    before = sorted(data_dir.rglob("*"))
    assert command(app, "db", "reset", "--yes").exit_code == 0
    result = command(app, "db", "reset", "--yes", "--delete-data")
    assert result.exit_code == 1
    assert "[not_configured]" in result.stderr
    assert sorted(data_dir.rglob("*")) == before


def test_the_setup_token_is_printed_renewed_and_gone_with_an_administrator(
    app: Flask, body: dict[str, str], data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = data_dir / "setup.token"
    first = command(app, "db", "setup-token").stdout.strip()
    assert len(first) >= 43  # 256 bit in base 64
    assert file.read_text().strip() == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert command(app, "db", "setup-token").stdout.strip() == first

    second = command(app, "db", "setup-token", "--renew").stdout.strip()
    assert second != first
    client = app.test_client()
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    for token, expected in ((first, 401), (second, 200)):
        answer = client.post(
            "/api/db/setup",
            json=body,
            headers={"X-Setup-Token": token},
            environ_overrides=elsewhere,
        )
        assert answer.status_code == expected, answer.text
    assert command(app, "db", "setup-token").stdout.strip() == second
    third = command(app, "db", "setup-token", "--renew").stdout.strip()
    for token, expected in ((second, 401), (third, 201)):
        answer = client.post(
            REGISTER, json=PERSON, headers={"X-Setup-Token": token}, environ_overrides=elsewhere
        )
        assert answer.status_code == expected, answer.text
    assert not file.exists()
    assert str(file) in caplog.text
    assert first not in caplog.text
    assert second not in caplog.text
    assert third not in caplog.text
    refused = command(app, "db", "setup-token")
    assert refused.exit_code == 1
    assert "[already_configured]" in refused.stderr
    assert not file.exists()
