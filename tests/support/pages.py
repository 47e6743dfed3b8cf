"""Reading the pages of the documentation: their blocks, tables and examples."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from tests.support.server import ROOT

README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = sorted([README, ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])


class Block(NamedTuple):
    """A fenced block, and the language it is in."""

    language: str
    text: str
    start: int
    end: int


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    return [
        Block(found[1], found[2], *found.span())
        for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    ]


def prose(text: str) -> str:
    """Return a page without its fenced blocks."""
    for block in reversed(blocks(text)):
        text = text[: block.start] + text[block.end :]
    return text


def code(text: str) -> list[str]:
    """Return everything a page sets as code: what is in backticks, and each line of its blocks."""
    lines = [
        line
        for block in blocks(text)
        if block.language in {"sh", "text"}
        for line in block.text.replace("\\\n", " ").splitlines()
    ]
    return re.findall(r"`([^`]+)`", prose(text).replace("\n", " ")) + lines


def table(path: Path, heading: str) -> list[dict[str, str]]:
    """Return the rows of every table of a page whose first column has this heading."""
    rows = []
    header: list[str] = []
    for line in path.read_text("utf-8").splitlines():
        if not line.startswith("|"):
            header = []
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not header:
            header = cells
        elif header[0] == heading and not set(line) <= set("|-: "):
            rows.append(dict(zip(header, cells, strict=True)))
    return rows


def section(text: str, heading: str) -> str:
    """Return what stands below a heading of the second level, up to the next one."""
    return re.split(r"^## ", text.partition(f"\n## {heading}\n")[2], maxsplit=1, flags=re.M)[0]


def slugs(path: Path) -> set[str]:
    """Return what the headings of a page can be linked to as."""
    headings = re.findall(r"^#+ (.*)$", prose(path.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def quoted(cell: str) -> str:
    """Return what a cell says, without the backticks around it."""
    return cell.strip("`")


def page_id(path: Path) -> str:
    """Return what a page is called in the name of a test."""
    return str(path.relative_to(ROOT))
