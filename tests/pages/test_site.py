"""The site that ``make docs`` makes: no warning, no broken link, nothing from outside."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from filelock import FileLock
from playwright.sync_api import Browser, expect

from tests.support.pages import DOCS
from tests.support.server import ROOT

LOADED = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("use", "href")}
"""What a browser fetches by itself when it shows a page."""

NOT_FETCHED = {"canonical", "author", "copyright", "next", "prev", "index", "search"}


class _Page(HTMLParser):
    """A page of the site: what it loads, where it leads to, what in it can be linked to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.untold: list[str] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "img" and not given.get("alt", "").strip():
            self.untold.append(given["src"])
        for name, value in given.items():
            if (tag, name) in LOADED and given.get("rel") not in NOT_FETCHED:
                self.loaded.append(value)
            if name in {"href", "src"}:
                self.links.append(value)


@cache
def parsed(path: Path) -> _Page:
    return _Page(path)


@pytest.fixture(scope="module")
def site(common: Path) -> Path:
    """The site, made as ``make docs`` makes it."""
    folder = common / "site"
    with FileLock(common / "site.lock"):
        if not (folder / "made").is_dir():
            _make(folder)
    return folder / "made"


def _make(folder: Path) -> None:
    [command] = re.findall(
        r"-m (sphinx .*) docs build/docs$", (ROOT / "Makefile").read_text(), re.M
    )
    arguments = command.replace("build/docs-cache", str(folder / "cache")).split()
    ended = subprocess.run(
        [sys.executable, "-m", *arguments, DOCS, folder / "making"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    (folder / "making").rename(folder / "made")


@pytest.fixture
def pages(site: Path) -> Iterator[dict[Path, _Page]]:
    """Each page of the site."""
    return {path: parsed(path) for path in site.rglob("*.html")}


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    """A project with two pages, which become a site quickly."""
    docs = tmp_path / "docs"
    docs.mkdir()
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(DOCS / "conf.py", docs)
    for name in ("openapi.json", "postman.json"):
        (docs / name).touch()
    (docs / "_toc.yml").write_text("format: jb-book\nroot: index\nchapters:\n  - file: other\n")
    (docs / "index.md").write_text("# Index\n\n[Other](other.md#there)\n")
    (docs / "other.md").write_text("# Other\n\n## There\n")
    return tmp_path


def make_docs(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run ``make docs`` in ``folder`` as here, with the environment that is installed."""
    installed = [f"VENV={sys.prefix}", "--old-file", f"{sys.prefix}/.dev"]
    return subprocess.run(
        ["make", "--no-print-directory", *installed, "docs"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_fault_is_told_as_often_as_the_site_is_made(draft: Path) -> None:
    assert make_docs(draft).returncode == 0
    (draft / "docs/other.md").write_text("# Other\n\n## Elsewhere\n\n```{nosuch}\n```\n")
    (draft / "docs/alone.md").write_text("# Alone\n")
    for _ in range(2):
        made = make_docs(draft)

        assert made.returncode != 0
        assert "Unknown directive type: 'nosuch'" in made.stderr
        assert "local id not found in doc 'other': 'there'" in made.stderr, "index.md is as it was"
        assert "alone.md: WARNING: document isn't included in any toctree" in made.stderr

    (draft / "docs/alone.md").unlink()
    (draft / "docs/other.md").write_text("# Other\n\n## There\n")
    assert make_docs(draft).returncode == 0
    assert not (draft / "build/docs/alone.html").exists(), "a page that is gone"


def test_every_page_is_in_the_site(site: Path) -> None:
    for page in DOCS.rglob("*.md"):
        assert (site / page.relative_to(DOCS)).with_suffix(".html").is_file()


def test_every_link_leads_somewhere(pages: dict[Path, _Page]) -> None:
    broken, followed = [], 0
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or link in {"", "#"}:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            followed += 1
            if not target.is_file() or (
                parts.fragment
                and target.suffix == ".html"
                and unquote(parts.fragment) not in parsed(target).ids
            ):
                broken.append((path.name, link))

    assert followed > 1000
    assert broken == []


def test_every_picture_is_told_to_who_cannot_see_it(pages: dict[Path, _Page]) -> None:
    assert {path.name: page.untold for path, page in pages.items() if page.untold} == {}


def test_links_to_elsewhere_are_secure(pages: dict[Path, _Page]) -> None:
    schemes = {urlsplit(link).scheme for page in pages.values() for link in page.links}

    assert schemes <= {"", "https", "data"}


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[Path, _Page]) -> None:
    loaded = {link for page in pages.values() for link in page.loaded}
    styles = [path.read_text("utf-8") for path in site.rglob("*.css")]
    urls = {url for text in styles for url in re.findall(r"url\(['\"]?([^)'\"]+)", text)}

    assert len(loaded) > 5
    assert [link for link in loaded | urls if re.match(r"(https?:)?//", link)] == []


def test_it_works_from_the_disk(site: Path, browser: Browser) -> None:
    """Without a server and without a network: pages are drawn, and the search finds."""
    page = browser.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("requestfailed", lambda request: faults.append(request.url))
    page.goto((site / "index.html").as_uri())
    expect(page.get_by_role("heading", level=1)).to_contain_text("DeployStack")
    page.get_by_role("link", name="The tutorial").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("from nothing")
    page.get_by_placeholder("Search").first.fill("already_configured")
    page.keyboard.press("Enter")
    found = page.locator("#search-results")
    expect(found.get_by_role("link", name="Error codes").first).to_be_visible(timeout=15_000)

    page.close()
    assert faults == []
