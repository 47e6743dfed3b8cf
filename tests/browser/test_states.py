"""Every page in every state: for everybody, at every width, in each language."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Enter
from tests.browser.states import STATES, State, log_in
from tests.support import translations
from tests.support.accessibility import CONTRAST, findings
from tests.support.browser import Visitor
from tests.support.loading import overflows, settle, shifts
from tests.support.prose import NAMES
from tests.support.stage import Stage

KINDS = sorted({state.kind for state in STATES})
WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 320, "height": 640}
ZOOMED = {"width": 640, "height": 400}  # what is left of 1280 by 800 at 200 %
WORDS = """() => {
    const DATA = "code, pre, .data, .identifier, [lang=en]";
    const words = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode())
        if (node.parentElement.checkVisibility() && !node.parentElement.closest(DATA))
            words.push(node.data.trim());
    for (const element of document.querySelectorAll("[aria-label], [title], [placeholder]"))
        for (const name of ["aria-label", "title", "placeholder"])
            if (element.hasAttribute(name)) words.push(element.getAttribute(name));
    return words;
}"""


@pytest.fixture(scope="module")
def english() -> set[str]:
    """Texts that say something else in German."""
    catalogue = translations.read(translations.FOLDER / "de" / "LC_MESSAGES" / "messages.po")
    german = {message.string for message in catalogue}
    return {str(message.id) for message in catalogue if message.id and message.id not in german}


@pytest.mark.both
@pytest.mark.parametrize("is_whole", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_states(kind: str, is_whole: bool, stage: Stage, enter: Enter, english: set[str]) -> None:
    """Of the other looks and of German, the ordinary run has one for each state."""
    visitors: dict[tuple[str, bool], Visitor] = {}

    @contextlib.contextmanager
    def seen(state: State, locale: str) -> Iterator[Page]:
        """Show a state on a page; at the end what the page did wrong is in the list."""
        key = (locale, state.is_own)
        if key not in visitors:
            visitors[key] = enter(stage.server(kind), locale=locale, viewport=WIDE)
            if state.is_own:
                log_in(visitors[key])
        page = visitors[key].context.new_page()
        state.show(page, stage)
        yield page
        page.close()
        watch = visitors[key].watch
        if state.expected:
            watch.forget(state.expected)
        faults.extend(f"{state.name}: {fault}" for fault in watch.faults)
        watch.faults.clear()

    faults: list[str] = []
    for number, state in enumerate(state for state in STATES if state.kind == kind):
        is_seen_otherwise = number % 2 == 0
        with seen(state, "en-GB") as page:
            found = _faults(page)
            if is_whole or is_seen_otherwise:
                found += _faults_otherwise(page)
            faults += [f"{state.name}: {fault}" for fault in found]
        if not is_whole and is_seen_otherwise:
            continue
        with seen(state, "de-DE") as page:
            expect(page.locator("html")).to_have_attribute("lang", "de")
            left = english.intersection(page.evaluate(WORDS)) - NAMES
            faults += [f"{state.name}: not in German: {word}" for word in left]

    assert not faults, "\n".join(faults)


def _faults(page: Page) -> list[str]:
    """Return what is wrong with a page, in light."""
    return [f"moved: {shift}" for shift in shifts(page)] + findings(page)


def _faults_otherwise(page: Page) -> list[str]:
    """Return what is wrong with a page, in dark, narrow and enlarged."""
    page.emulate_media(color_scheme="dark")
    settle(page)
    found = [f"dark: {line}" for line in findings(page, CONTRAST)]
    for size in (NARROW, ZOOMED):
        page.set_viewport_size(size)
        settle(page)
        found += [f"too wide for {size['width']} px: {line}" for line in overflows(page)]
    return found
