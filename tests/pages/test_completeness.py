"""No page is forgotten, and what a test of a page may rely on holds."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.pages import DOCS, PAGES, blocks

HERE = Path(__file__).parent


def test_each_page_with_blocks_is_followed() -> None:
    tests = "".join(path.read_text("utf-8") for path in HERE.glob("test_*.py"))
    followed = set(re.findall(r'^@pytest\.mark\.page\("([^"]+)"\)$', tests, re.MULTILINE))
    with_blocks = {page for page in PAGES if blocks(page.read_text("utf-8"))}

    assert {(DOCS / name).resolve() for name in followed} == with_blocks


def test_every_block_is_found() -> None:
    """A fence that is indented or has no language would be one that nobody carries out."""
    for page in PAGES:
        text = page.read_text("utf-8")
        directives = len(re.findall(r"^```\{", text, re.MULTILINE))
        fences = len(re.findall(r"^\s*```", text, re.MULTILINE))

        assert fences == 2 * (len(blocks(text)) + directives), page
        assert [block.text for block in blocks(text) if not block.language] == [], page
