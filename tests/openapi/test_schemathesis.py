"""What is documented is what happens: schemathesis against the real server, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Serve
from tests.support import schemathesis

SHORT = ["--phases=examples,coverage"]
LONG = ["--phases=examples,coverage,fuzzing,stateful", "--max-examples=60"]

amount = pytest.mark.parametrize(
    "options", [SHORT, pytest.param(LONG, marks=pytest.mark.slow)], ids=["short", "long"]
)


@amount
def test_before_setup(serve: Serve, tmp_path: Path, options: list[str]) -> None:
    """Nobody sends the token, so it stays before setup."""
    server = serve(DEPLOYSTACK_SETUP_TOKEN_MODE="always")

    schemathesis.run(server, tmp_path, unavailable=True, options=options)

    assert server.status()["configured"] is False


@amount
def test_signed_in(serve: Serve, tmp_path: Path, body: dict[str, str], options: list[str]) -> None:
    server = serve()
    assert server.post("/api/db/setup", body).status == 200

    schemathesis.run(server, tmp_path, credentials=schemathesis.signed_in(server), options=options)


@pytest.mark.slow
def test_a_stranger(serve: Serve, tmp_path: Path, body: dict[str, str]) -> None:
    server = serve()
    assert server.post("/api/db/setup", body).status == 200

    schemathesis.run(server, tmp_path, options=LONG)
