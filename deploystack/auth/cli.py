"""``flask users`` and ``flask tokens``: accounts and tokens, for whoever runs the server."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import click
import sqlalchemy as sa
from flask import current_app

from ..database import db, get_database
from ..database.commanding import adding_to
from ..models import ApiToken, User, record
from . import accounts
from . import tokens as api_tokens
from .permissions import ADMIN, USER, permissions_of
from .schemas import NewToken, Registration, RoleChange, shown


@click.group()
def users() -> None:
    """List, make, change and delete accounts."""


@click.group()
def tokens() -> None:
    """Make, list and revoke tokens for scripts."""


user_command = adding_to(users, connected=True)
token_command = adding_to(tokens, connected=True)


def asking_for_password(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that reads a password; without it, it is asked for."""
    return click.option(
        "--password-stdin", is_flag=True, help="Read the password from standard input, one line."
    )(function)


@user_command("create")
@click.option("--username", required=True, help="3 to 50 letters, digits, '.', '_' and '-'.")
@click.option("--email", required=True)
@click.option("--first-name")
@click.option("--last-name")
@click.option("--admin", is_flag=True, help="Let it administer; the first account does anyway.")
@asking_for_password
def create_user(admin: bool, password_stdin: bool, **given: str | None) -> None:
    """Make an account."""
    fields = {name: value for name, value in given.items() if value is not None}
    Registration(exclude=["password"]).load(fields)  # before a password is asked for
    body = Registration().load({**fields, "password": _password(password_stdin)})
    user = accounts.create(accounts.New(**body), role_id=ADMIN if admin else USER)
    details = {"user": user.id, "role_id": user.role_id}
    record(db.session(), "users.create", user.username, details)
    told = accounts.saved(user)
    click.echo(f"Made the account {told['username']} ({told['role_id']}).")


@user_command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_users(as_json: bool) -> None:
    """Show every account."""
    found = [shown(user) for user in db.session.scalars(sa.select(User).order_by(User.username))]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    if not found:
        click.echo("There are no accounts.")
    for user in found:
        click.echo(f"{user['username']:20} {user['email']:30} {user['role_id']}")


@user_command("delete")
@click.argument("user")
@click.option("--yes", is_flag=True, help="Do it without asking.")
def delete_user(user: str, yes: bool) -> None:
    """Delete an account, named by its username, e-mail address or id."""
    user_id, username = _found(user)
    if not yes:
        click.confirm(f"Delete the account {username}?", abort=True)
    accounts.delete(user_id)
    click.echo(f"Deleted the account {username}.")


@user_command("set-role")
@click.argument("user")
@click.argument("role")
def set_role(user: str, role: str) -> None:
    """Give an account another role, such as global_admin or global_user."""
    user_id, username = _found(user)
    accounts.update(user_id, RoleChange().load({"role_id": role}))
    click.echo(f"{username} is a {role} now.")


@user_command("set-password")
@click.argument("user")
@asking_for_password
def set_password(user: str, password_stdin: bool) -> None:
    """Give an account another password, and end its sessions."""
    user_id, username = _found(user)
    accounts.set_password(user_id, _password(password_stdin))
    click.echo(f"Changed the password of {username}. Its sessions have ended.")


@token_command("create")
@click.option("--user", required=True, help="Whose it is: a username, e-mail address or id.")
@click.option("--name", required=True, help="What it is for.")
@click.option("--scope", "scopes", multiple=True, required=True, help="A permission; repeat it.")
@click.option("--expires-in-days", type=int, default=90, show_default=True)
def create_token(user: str, name: str, scopes: tuple[str, ...], expires_in_days: int) -> None:
    """Make a token and print it, this one time."""
    user_id, username = _found(user)
    given = {"name": name, "scopes": list(scopes), "expires_in_days": expires_in_days}
    body = NewToken().load(given)
    get_database(current_app).listener.settled()  # plugins have declared their permissions
    told, secret = api_tokens.create(
        user_id, body["name"], body["scopes"], body["expires_in_days"], _permissions(user_id)
    )
    expires = told["expires_at"]
    click.echo(f"Made the token {told['id']} of {username}, valid until {expires}.", err=True)
    click.echo(secret)


@token_command("list")
@click.option("--user", help="Only those of this account.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_tokens(user: str | None, as_json: bool) -> None:
    """Show tokens, without what they consist of."""
    query = sa.select(ApiToken).order_by(ApiToken.created_at, ApiToken.id)
    if user:
        query = query.where(ApiToken.user_id == _found(user)[0])
    found = [
        {**api_tokens.shown(token), "user": token.user.username}
        for token in db.session.scalars(query)
    ]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    if not found:
        click.echo("There are no tokens.")
    for token in found:
        scopes = ",".join(token["scopes"])
        click.echo(
            f"{token['id']}  {token['user']:20} {token['name']:20} until {token['expires_at']}  "
            f"{scopes}"
        )


@token_command("revoke")
@click.argument("token")
def revoke_token(token: str) -> None:
    """Make a token void, named by its id, or by its name if no other has that."""
    session = db.session()
    query = sa.select(ApiToken).where(sa.or_(ApiToken.id == token, ApiToken.name == token))
    found = session.scalars(query).all()
    if not found:
        raise api_tokens.unknown_token()
    if len(found) > 1:
        raise click.ClickException(f"{len(found)} tokens have that name. Give the id of one.")
    name = found[0].name
    api_tokens.revoke(session, found[0])
    click.echo(f"Revoked the token {name}.")


def _found(user: str) -> tuple[str, str]:
    """Return the id and the name of the account that is meant."""
    by_name = accounts.find(user)
    if by_name:
        return by_name.id, by_name.username
    session = db.session()
    by_id = accounts.get(session, user)
    told = by_id.id, by_id.username
    session.rollback()
    return told


def _permissions(user_id: str) -> frozenset[str]:
    session = db.session()
    user = accounts.get(session, user_id)
    found = permissions_of(current_app, user.role_id, user.role.permissions)
    session.rollback()
    return found


def _password(from_stdin: bool) -> str:
    if not from_stdin:
        asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return asked
    return sys.stdin.readline().rstrip("\r\n")
