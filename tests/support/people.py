"""Accounts for tests, and clients that are logged in to them."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from deploystack.settings import get_settings
from tests.support.applications import command

REGISTER = "/api/auth/email/register"
LOGIN = "/api/auth/email/login"
LOGOUT = "/api/auth/logout"
CHANGE_PASSWORD = "/api/auth/email/change-password"
PROFILE = "/api/auth/profile/update"
TOKENS = "/api/auth/tokens"
ME = "/api/users/me"
USERS = "/api/users"
COOKIE = "deploystack_session"

PASSWORD = "correct horse battery"
PERSON = {"username": "alice", "email": "alice@example.org", "password": PASSWORD}


def person(name: str, **fields: Any) -> dict[str, Any]:
    """Return what to send to register somebody."""
    return {**PERSON, "username": name, "email": f"{name}@example.org", **fields}


def register(client: FlaskClient, **fields: Any) -> dict[str, Any]:
    """Register, and return the account."""
    answer = client.post(REGISTER, json={**PERSON, **fields})
    assert answer.status_code == 201, answer.text
    user: dict[str, Any] = answer.get_json()["user"]
    return user


def browser(app: Flask) -> FlaskClient:
    """Return a client that tells what a browser tells: that it shows a page of ``app`` itself."""
    client = app.test_client()
    client.environ_base["HTTP_ORIGIN"] = "http://localhost"
    return client


def administrator(app: Flask) -> FlaskClient:
    """Make the first account of ``app``, and return a client that is logged in to it."""
    client = browser(app)
    register(client)
    return client


def user(app: Flask, name: str, role: str = "global_user") -> FlaskClient:
    """Make an account by the command line, and return a client that is logged in to it."""
    arguments = ["users", "create", "--username", name, "--email", f"{name}@example.org"]
    admin = ["--admin"] if role == "global_admin" else []
    made = command(app, *arguments, *admin, "--password-stdin", input=f"{PASSWORD}\n")
    assert made.exit_code == 0, made.output
    client = browser(app)
    assert log_in(client, name).status_code == 200
    return client


def log_in(client: FlaskClient, login: str = "alice", password: str = PASSWORD) -> TestResponse:
    """Log in, or be refused."""
    return client.post(LOGIN, json={"login": login, "password": password})


def holding(app: Flask, cookie: str) -> FlaskClient:
    """Return a client whose session cookie is this, and stays so."""
    client = app.test_client(use_cookies=False)
    client.environ_base["HTTP_ORIGIN"] = "http://localhost"
    client.environ_base["HTTP_COOKIE"] = f"{COOKIE}={cookie}"
    return client


def cookie_of(client: FlaskClient) -> str:
    """Return what is in the session cookie of ``client``."""
    cookie = client.get_cookie(COOKIE)
    assert cookie
    return cookie.value


def token(client: FlaskClient, *scopes: str, **fields: Any) -> dict[str, str]:
    """Make a token, and return the header to send it in."""
    answer = client.post(TOKENS, json={"name": "script", "scopes": list(scopes), **fields})
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.get_json()['token']}"}


def switch(app: Flask, key: str, value: Any) -> None:
    """Change a setting."""
    with app.app_context():
        get_settings(app).set(key, value)
