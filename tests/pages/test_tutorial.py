"""``docs/tutorial.md``, done by a newcomer: from a fresh checkout, by the text alone.

Nothing is installed there beforehand; the browser is told what to do by the sentences of the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import Visitor
from tests.support.direct import Direct
from tests.support.machine import Machine
from tests.support.pages import DOCS
from tests.support.reader import Reader

SENTENCE = re.compile(
    r"Open (?P<open>http://[\w.:/]+)"
    r"|[Cc]hoose \*\*(?P<choose>[^*]+)\*\*"
    r"|[Pp]ress \*\*(?P<press>[^*]+)\*\*"
    r"|`(?P<text>[^`]+)` into \*\*(?P<field>[^*]+)\*\*"
    r"|You see \*(?P<see>[^*]+)\*"
)
"""What a sentence tells somebody at a browser to do, or to see."""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine on which nothing is installed."""
    made = Machine(tmp_path, is_new=True)
    yield made
    made.close()


@pytest.fixture
def visitor(machine: Machine, browser: Browser) -> Iterator[Visitor]:
    """A newcomer at a browser."""
    visitor = Visitor(browser, f"http://{machine.address()}")
    yield visitor
    visitor.context.close()
    assert visitor.watch.faults == []


class Newcomer(Reader):
    """Somebody who does at a browser what the sentences say.

    Args:
        page: the page.
        machine: where the server runs.
        browser: what the browser shows.
    """

    def __init__(self, page: Path, machine: Machine, browser: Page) -> None:
        super().__init__(page, machine)
        self._browser = browser

    def read(self, prose: str) -> None:
        """Do each thing that the text says, in order."""
        for sentence in SENTENCE.finditer(" ".join(prose.split())):
            self.done.append(sentence[0])
            self._act(sentence)

    def _act(self, sentence: re.Match[str]) -> None:
        match sentence.lastgroup:
            case "open":
                self._browser.goto(self.machine.here(sentence["open"]))
            case "choose":
                self._browser.get_by_role("radio", name=sentence["choose"]).check()
            case "press":
                self._control(sentence["press"]).click()
            case "field":
                # The label of a setting also says when it is needed.
                label = re.compile(rf"^{re.escape(sentence['field'])}(\s+needed)?$")
                self._browser.get_by_label(label).fill(sentence["text"])
            case "see":
                seen = self._browser.get_by_text(sentence["see"]).locator("visible=true").first
                expect(seen).to_be_visible(timeout=30_000)

    def _control(self, name: str) -> Locator:
        button = self._browser.get_by_role("button", name=name, exact=True)
        return button.or_(self._browser.get_by_role("link", name=name, exact=True)).first


@pytest.fixture
def reader(request: pytest.FixtureRequest, machine: Machine, visitor: Visitor) -> Iterator[Reader]:
    """The newcomer with the page."""
    made = Newcomer(DOCS / request.node.get_closest_marker("page").args[0], machine, visitor.page)
    yield made
    assert [block.text for block in made.left] == []


@pytest.mark.page("tutorial.md")
def test_the_tutorial(reader: Reader, machine: Machine) -> None:
    reader.follow()

    assert len([step for step in reader.done if step.startswith(("Press", "press"))]) >= 8
    database = Direct({"type": "sqlite"}, machine.folder / "persistent_data")
    assert database.rows("SELECT username, role_id FROM users") == [("alice", "global_admin")]
    assert database.rows("SELECT value FROM global_settings WHERE key = 'smtp.host'") == [
        "smtp.example.org"
    ]
