"""What is documented is what happens: schemathesis against the real server, on both databases."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import Serve
from tests.support import schemathesis
from tests.support.stage import EXAMPLE

SHORT = ["--phases=examples,coverage"]
LONG = ["--phases=examples,coverage,fuzzing,stateful", "--max-examples=60"]

SILENT = """
from flask import Blueprint, abort, redirect
from flask.views import MethodView
from deploystack.plugins import PluginMetadata, hookimpl, require_permission

blueprint = Blueprint("silent", __name__)

@blueprint.get("/<any(text, gone, away, odd):how>")
def answer(how):
    if how == "gone":
        abort(404)
    return {"text": ("text", 404), "away": redirect("/"), "odd": ([1], 200)}[how]

class Things(MethodView):
    def get(self, thing):
        return [thing]

    @require_permission("silent.write")
    def put(self, thing):
        return "", 204

blueprint.add_url_rule("/things/<string(length=3):thing>", view_func=Things.as_view("things"))

@hookimpl
def deploystack_metadata():
    return PluginMetadata(name="silent", version="1.0")

@hookimpl
def deploystack_blueprints():
    return [blueprint]
"""

amount = pytest.mark.parametrize(
    "options", [SHORT, pytest.param(LONG, marks=pytest.mark.slow)], ids=["short", "long"]
)


@amount
def test_before_setup(serve: Serve, tmp_path: Path, options: list[str]) -> None:
    """Nobody sends the token, so it stays before setup."""
    server = serve(DEPLOYSTACK_SETUP_TOKEN_MODE="always")

    schemathesis.run(server, tmp_path, unavailable=True, options=options)

    assert server.status()["configured"] is False


@pytest.mark.both
@amount
def test_signed_in(serve: Serve, tmp_path: Path, body: dict[str, str], options: list[str]) -> None:
    server = serve()
    assert server.post("/api/db/setup", body).status == 200

    schemathesis.run(server, tmp_path, credentials=schemathesis.signed_in(server), options=options)


@amount
def test_what_plugins_say(serve: Serve, tmp_path: Path, options: list[str]) -> None:
    """And what others do not say, whose views answer as they like."""
    folder = tmp_path / "plugins"
    shutil.copytree(EXAMPLE, folder / EXAMPLE.name)
    (folder / "silent.py").write_text(SILENT)
    server = serve(DEPLOYSTACK_PLUGINS_PATH=folder)
    assert server.post("/api/db/setup", {"type": "sqlite"}).status == 200

    options = [*options, "--include-path-regex=^/api/plugin/"]
    schemathesis.run(server, tmp_path, credentials=schemathesis.signed_in(server), options=options)

    assert [plugin["state"] for plugin in server.get("/api/plugins").json["data"]] == [
        "active",
        "active",
    ]


@pytest.mark.both
@amount
def test_a_stranger(serve: Serve, tmp_path: Path, body: dict[str, str], options: list[str]) -> None:
    server = serve()
    assert server.post("/api/db/setup", body).status == 200

    schemathesis.run(server, tmp_path, options=options)
