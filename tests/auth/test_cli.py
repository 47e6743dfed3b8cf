"""``flask users`` and ``flask tokens``, as an operator meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient

from deploystack.models import operator
from tests.support.answers import assert_error
from tests.support.applications import command, set_up
from tests.support.commands import Commands
from tests.support.direct import Direct
from tests.support.people import (
    CHANGE_PASSWORD,
    ME,
    PASSWORD,
    PERSON,
    REGISTER,
    USERS,
    log_in,
    token,
)

CREATE = ("users", "create", "--username", "alice", "--email", "Alice@example.org")


def create(app: Flask, *arguments: str, password: str = PASSWORD) -> Result:
    return command(app, *CREATE, *arguments, "--password-stdin", input=f"{password}\n")


def done(app: Flask, *arguments: str, **options: str) -> str:
    """Run a command that must succeed; return what it prints."""
    result = command(app, *arguments, **options)
    assert result.exit_code == 0, result.output
    return str(result.stdout)


def refused(app: Flask, code: str, *arguments: str, **options: str) -> None:
    """Run a command that must fail in words, and change nothing."""
    result = command(app, *arguments, **options)
    assert result.exit_code == 1, result.output
    assert f"[{code}]" in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_in_a_process_of_its_own(app: Flask, data_dir: Path, tmp_path: Path) -> None:
    set_up(app, {"type": "sqlite"})
    token_file = data_dir / "setup.token"
    told = command(app, "db", "setup-token").stdout
    assert told.strip() == token_file.read_text().strip()
    commands = Commands(data_dir, tmp_path)
    made = commands.succeed(*CREATE, "--admin", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert made == "Made the account alice (global_admin).\n"
    assert not token_file.exists()
    refused(app, "already_configured", "db", "setup-token")
    secret = commands.succeed(
        "tokens", "create", "--user", "alice", "--name", "n", "--scope", "users.view"
    )
    assert secret.startswith("dst_")
    assert secret.count("\n") == 1, "nothing else, for scripts"
    shown = [" ".join(line.split()) for line in commands.succeed("--help").splitlines()]
    assert "users List, make, change and delete accounts." in shown
    assert "tokens Make, list and revoke tokens for scripts." in shown
    for name in ("users", "tokens"):
        assert "Usage" in done(app, name, "--help")


def test_making_accounts(ready: Flask, direct: Direct) -> None:
    assert done(ready, "users", "list") == "There are no accounts.\n"
    assert create(ready, "--first-name", "Al").stdout == "Made the account alice (global_admin).\n"
    bob = ("users", "create", "--username", "bob", "--email", "bob@example.org")
    typed = f"{PASSWORD}\n{PASSWORD}\n"
    assert "Made the account bob (global_user)." in done(ready, *bob, input=typed)
    carol = ("users", "create", "--username", "carol", "--email", "c@example.org", "--admin")
    told = done(ready, *carol, "--password-stdin", input=PASSWORD)
    assert told == "Made the account carol (global_admin).\n"

    listed = json.loads(done(ready, "users", "list", "--json"))
    assert [(one["username"], one["role_id"], one["first_name"]) for one in listed] == [
        ("alice", "global_admin", "Al"),
        ("bob", "global_user", None),
        ("carol", "global_admin", None),
    ]
    assert log_in(ready.test_client(), "bob").status_code == 200
    done(ready, "settings", "set", "smtp.port", "25")
    entries = direct.rows(
        "SELECT action, subject, actor, actor_id, address FROM audit_log "
        "WHERE actor <> 'application' ORDER BY id"
    )
    made = [("users.create", name) for name in ("alice", "bob", "carol")]
    assert [entry[:2] for entry in entries] == [*made, ("settings.update", "smtp.port")]
    assert {entry[2:] for entry in entries} == {(operator(), None, None)}
    assert operator().startswith("command line (")


def test_a_list_for_programs_says_nothing_of_passwords(ready: Flask, admin: FlaskClient) -> None:
    listed = done(ready, "users", "list", "--json")
    assert json.loads(listed) == [admin.get(ME).get_json()]


def test_accounts_that_are_not_made(ready: Flask, direct: Direct) -> None:
    assert create(ready).exit_code == 0
    again = ("users", "create", "--password-stdin")
    for username, email, password, words in (
        ("ALICE", "x@example.org", PASSWORD, "[username_taken]"),
        ("bob", "ALICE@example.org", PASSWORD, "[email_taken]"),
        ("bob", "bob@example.org", "password", "[weak_password]"),
        ("bob", "bob@example.org", "", "[weak_password]"),
        ("b", "bob@example.org", PASSWORD, "username: "),
        ("bob", "nonsense", PASSWORD, "email: "),
    ):
        result = command(
            ready, *again, "--username", username, "--email", email, input=f"{password}\n"
        )
        assert result.exit_code == 1
        assert words in result.output
        assert not password or password == "password" or password not in result.output
    assert command(ready, *again, "--username", "bob").exit_code == 2
    mistyped = command(ready, *CREATE, input=f"{PASSWORD}\nsomething else\n")
    assert mistyped.exit_code == 1
    assert direct.rows("SELECT count(*) FROM users") == [1]


def test_who_comes_after_the_command_line_is_not_the_first(ready: Flask) -> None:
    create(ready, "--admin")
    answer = ready.test_client().post(REGISTER, json=PERSON)
    assert_error(answer, 403, "registration_disabled")


def test_changing_accounts(ready: Flask, admin: FlaskClient, bob: FlaskClient) -> None:
    account = bob.get(ME).get_json()
    refused(ready, "last_administrator", "users", "set-role", "alice", "global_user")
    refused(ready, "last_administrator", "users", "delete", "alice", "--yes")
    refused(ready, "unknown_role", "users", "set-role", "bob", "king")
    for name in ("nobody", "nobody@example.org", account["id"] + "x", "a\x01b"):
        refused(ready, "unknown_user", "users", "delete", name, "--yes")
    shown = done(ready, "users", "set-role", "BOB@example.org", "global_admin")
    assert shown == "bob is a global_admin now.\n"
    assert bob.get(USERS).status_code == 200
    done(ready, "users", "set-role", "alice", "global_user")
    assert admin.get(USERS).status_code == 403

    assert command(ready, "users", "delete", account["id"], input="n\n").exit_code == 1
    assert bob.get(ME).status_code == 200
    refused(ready, "last_administrator", "users", "delete", account["id"], "--yes")
    done(ready, "users", "delete", "alice", input="y\n")
    assert admin.get(ME).status_code == 401


def test_setting_a_password(ready: Flask, admin: FlaskClient, direct: Direct) -> None:
    header = token(admin, "users.view")
    new = "another good one"
    arguments = ("users", "set-password", "alice")
    refused(ready, "weak_password", *arguments, "--password-stdin", input="alice\n")
    assert admin.get(ME).status_code == 200
    assert log_in(ready.test_client(), "alice", "wrong").status_code == 400
    direct.execute(
        "INSERT INTO login_attempts (account, address, at) SELECT account, '', at "
        "FROM login_attempts, (SELECT 1 UNION SELECT 2 UNION SELECT 3) AS one, "
        "(SELECT 1 UNION SELECT 2 UNION SELECT 3) AS two"
    )
    assert log_in(ready.test_client()).status_code == 429
    shown = done(ready, *arguments, "--password-stdin", input=f"{new}\r\n")
    assert shown == "Changed the password of alice. Its sessions have ended.\n"
    assert admin.get(ME).status_code == 401
    assert log_in(admin).status_code == 400
    assert log_in(admin, password=new).status_code == 200
    assert ready.test_client().get(ME, headers=header).status_code == 200
    body = {"current_password": new, "new_password": PASSWORD}
    assert admin.put(CHANGE_PASSWORD, json=body).status_code == 200


def test_tokens(ready: Flask, admin: FlaskClient, bob: FlaskClient) -> None:
    assert done(ready, "tokens", "list") == "There are no tokens.\n"
    arguments = ("tokens", "create", "--name", "job", "--scope", "users.view")
    secret = done(ready, *arguments, "--user", "alice", "--expires-in-days", "1").strip()
    script = ready.test_client()
    header = {"Authorization": f"Bearer {secret}"}
    assert script.get(USERS, headers=header).status_code == 200
    refused(ready, "unknown_scope", *arguments, "--user", "bob")
    beyond = command(ready, *arguments, "--user", "alice", "--scope", "no.such")
    assert "Leave out: no.such. [unknown_scope]" in beyond.output
    assert beyond.exit_code == 1
    refused(ready, "unknown_user", *arguments, "--user", "nobody")
    assert command(ready, *arguments).exit_code == 2
    assert command(ready, "tokens", "create", "--user", "alice", "--name", "x").exit_code == 2
    for days in ("0", "3651"):
        result = command(ready, *arguments, "--user", "alice", "--expires-in-days", days)
        assert result.exit_code == 1
        assert "expires_in_days: " in result.output

    [told] = json.loads(done(ready, "tokens", "list", "--json"))
    assert (told["user"], told["name"], told["scopes"]) == ("alice", "job", ["users.view"])
    listed = done(ready, "tokens", "list", "--user", "alice")
    assert told["id"] in listed
    assert secret not in listed
    assert done(ready, "tokens", "list", "--user", "bob") == "There are no tokens.\n"

    done(ready, *arguments, "--user", "alice")
    several = command(ready, "tokens", "revoke", "job")
    assert several.exit_code == 1
    assert "2 tokens have that name" in several.output
    assert done(ready, "tokens", "revoke", told["id"]) == "Revoked the token job.\n"
    assert script.get(USERS, headers=header).status_code == 401
    done(ready, "tokens", "revoke", "job")
    refused(ready, "unknown_token", "tokens", "revoke", "job")


@pytest.mark.parametrize("arguments", [("users", "list"), ("tokens", "list"), CREATE])
def test_without_a_database(app: Flask, arguments: tuple[str, ...]) -> None:
    refused(app, "not_configured", *arguments, input=f"{PASSWORD}\n{PASSWORD}\n")
