"""The file is good for others: a client is generated from it, and Postman's collection runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.conftest import Serve
from tests.support import schemathesis
from tests.support.documented import DOCUMENT
from tests.support.pages import DOCS

NEWMAN = "newman@6.2.2"

# What README.md does with curl, and a little of what comes next.
CALLS = """
    import sys
    from client import AuthenticatedClient, Client
    from client.api.auth import auth_log_in, auth_register
    from client.api.database import database_check, database_set_up, database_status
    from client.api.settings import settings_show, settings_update
    from client.models import (
        AlreadyConfiguredOrSetupInProgressError, Login, LoginRequiredError, Registration,
        SettingChange, SqliteSetup, SqliteSetupType,
    )

    client = Client(base_url=sys.argv[1], headers={"Origin": sys.argv[1]})
    sqlite = SqliteSetup(type_=SqliteSetupType.SQLITE)
    assert database_status.sync(client=client).configured is False
    assert database_check.sync(client=client, body=sqlite).action == "create"
    assert database_set_up.sync(client=client, body=sqlite).restart_required is False
    assert database_status.sync(client=client).initialized is True

    again = database_set_up.sync_detailed(client=client, body=sqlite)
    assert again.status_code == 409
    assert isinstance(again.parsed, AlreadyConfiguredOrSetupInProgressError)
    assert again.parsed.code == "already_configured"

    person = Registration(
        username="alice", email="alice@example.org", password="correct horse battery"
    )
    assert auth_register.sync(client=client, body=person).user.role_id == "global_admin"
    assert auth_log_in.sync(
        client=client, body=Login(login="alice", password="correct horse battery")
    ).user.username == "alice"

    changed = settings_update.sync(client=client, key="smtp.port", body=SettingChange(value=25))
    assert changed.data.typed_value == 25
    stranger = AuthenticatedClient(base_url=sys.argv[1], token="dst_wrong")
    assert isinstance(settings_show.sync(client=stranger, key="smtp.port"), LoginRequiredError)
"""


def test_a_generated_client_makes_the_calls_of_the_readme(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(
        json.dumps(
            {
                "content_type_overrides": {
                    "application/yaml": "text/plain",
                    "*/*": "application/octet-stream",
                }
            }
        )
    )
    programs = Path(sys.executable).parent
    generated = subprocess.run(
        [
            programs / "openapi-python-client",
            "generate",
            f"--path={DOCUMENT}",
            f"--output-path={tmp_path / 'client'}",
            "--meta=none",
            f"--config={tmp_path / 'config.yml'}",
            "--fail-on-warning",
        ],
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert generated.returncode == 0, generated.stdout + generated.stderr
    (tmp_path / "calls.py").write_text(dedent(CALLS))
    server = serve()

    called = subprocess.run(
        [sys.executable, "calls.py", f"http://127.0.0.1:{server.port}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert called.returncode == 0, called.stderr


@pytest.mark.slow
def test_the_collection_runs(serve: Serve, tmp_path: Path) -> None:
    """Newman is Postman without a window; it takes the collection, and sends every request."""
    server = serve()
    assert server.post("/api/db/setup", {"type": "sqlite"}).status == 200
    token = schemathesis.signed_in(server)["bearer"]["bearer"]
    report = tmp_path / "report.json"
    ran = subprocess.run(
        [
            "npx",
            "--yes",
            NEWMAN,
            "run",
            str(DOCS / "postman.json"),
            "--env-var",
            f"baseUrl=http://127.0.0.1:{server.port}",
            "--env-var",
            f"token={token}",
            "--reporters=json",
            f"--reporter-json-export={report}",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    done = json.loads(report.read_text("utf-8"))["run"]
    document = json.loads(DOCUMENT.read_text("utf-8"))
    answers = [execution["response"]["code"] for execution in done["executions"]]

    assert len(answers) == sum(map(len, document["paths"].values()))
    assert done["failures"] == []
    assert {200, 201} <= {*answers}
    assert max(answers) < 500
