"""Pictures of every page in every state, into ``docs/images/``: ``make screenshots``.

``make screenshots ARGS="login setup"`` takes those whose names begin so.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.states import STATES, State, log_in
from tests.support.browser import Visitor, launched
from tests.support.loading import settle
from tests.support.server import ROOT
from tests.support.stage import Stage

IMAGES = ROOT / "docs" / "images"
WIDE = {"width": 1100, "height": 760}
NARROW = {"width": 320, "height": 640}


def main(*beginnings: str) -> None:
    """Take the pictures of the states whose name begins with one of these, or of all."""
    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        Stage(Path(folder)) as stage,
        sync_playwright() as playwright,
        launched(playwright) as browser,
    ):
        for state in STATES:
            if state.name.startswith(beginnings or ("",)):
                take(browser, stage, state)
                sys.stdout.write(f"{state.name}\n")


def take(browser: Browser, stage: Stage, state: State) -> None:
    """Take the three pictures of a state."""
    visitor = Visitor(browser, stage.server(state.kind).origin, viewport=WIDE)
    try:
        if state.is_own:
            log_in(visitor)
        page = visitor.page
        state.show(page, stage)
        page.mouse.move(0, 0)
        for variant, scheme, size in (
            ("light", "light", WIDE),
            ("dark", "dark", WIDE),
            ("narrow", "light", NARROW),
        ):
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size(size)
            settle(page)
            # As high as it takes, so that what stays at the edge of the window does so here.
            height = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({**size, "height": height})
            settle(page)
            page.screenshot(path=IMAGES / f"{state.name}-{variant}.png")
    finally:
        visitor.context.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
