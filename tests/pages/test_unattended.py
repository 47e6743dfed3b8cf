"""``docs/how-to/unattended.md``, carried out: once with each kind of database."""

from __future__ import annotations

import pytest

from tests.support.machine import Machine
from tests.support.pages import Block
from tests.support.reader import Reader


@pytest.mark.page("how-to/unattended.md")
@pytest.mark.parametrize("other", ["sqlite://", "_URL_FILE"], ids=["postgres", "sqlite"])
def test_the_page(reader: Reader, machine: Machine, other: str) -> None:
    """Which of the two databases ``site.env`` names is what a reader chooses."""
    [left_out] = [block for block in reader.left if is_env(block) and other in block.text]
    reader.take(left_out.text)
    if other == "sqlite://":
        machine.postgres.execute("CREATE ROLE deploystack LOGIN PASSWORD 'choose-a-password'")
        machine.postgres.execute("CREATE DATABASE deploystack OWNER deploystack")
    reader.follow()


def is_env(block: Block) -> bool:
    return block.language == "ini"
