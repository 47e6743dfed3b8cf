"""Pictures of pages, in light, dark and narrow: ``make screenshots``.

It takes those that ``docs/reference/screens.md`` shows, into ``docs/images/``. With the beginnings
of the names of states it takes these, also of what is not shown there, into ``build/screenshots/``:
``make screenshots ARGS="setup login"``.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.browser.states import STATES, State, log_in
from tests.support.browser import Visitor, launched
from tests.support.loading import settle
from tests.support.server import ROOT
from tests.support.stage import Stage

SHOWN = (
    "setup",
    "setup-no-right",
    "setup-running",
    "setup-token",
    "setup-account",
    "setup-done",
    "login",
    "overview",
    "database",
    "table",
    "revisions",
    "settings-mail",
    "plugins",
    "users",
    "log",
    "account",
)
"""The states that the documentation shows, in its order."""

VARIANTS = ("light", "dark", "narrow")
IMAGES = ROOT / "docs" / "images"
OTHERS = ROOT / "build" / "screenshots"
WIDE = {"width": 1100, "height": 700}
NARROW = {"width": 320, "height": 640}
COLOURS = 128
"""How many a picture has: enough for plain surfaces and letters, a third of the bytes."""


def main(*beginnings: str) -> None:
    """Take the pictures that are shown, or those of the states that begin with one of these."""
    folder = OTHERS if beginnings else IMAGES
    folder.mkdir(parents=True, exist_ok=True)
    with (
        _place() as place,
        Stage(place) as stage,
        sync_playwright() as playwright,
        launched(playwright) as browser,
    ):
        for state in STATES:
            if state.name.startswith(beginnings) if beginnings else state.name in SHOWN:
                take(browser, stage, state, folder)
                sys.stdout.write(f"{state.name}\n")


@contextlib.contextmanager
def _place() -> Iterator[Path]:
    """Make a folder that is called the same each time, since pages show where their data is."""
    place = Path(tempfile.gettempdir()) / "deploystack"
    place.mkdir()
    try:
        yield place
    finally:
        shutil.rmtree(place)


def take(browser: Browser, stage: Stage, state: State, folder: Path) -> None:
    """Take the three pictures of a state into a folder."""
    visitor = Visitor(browser, stage.server(state.kind).origin, viewport=WIDE)
    try:
        if state.is_own:
            log_in(visitor)
        page = visitor.page
        state.show(page, stage)
        page.mouse.move(0, 0)
        for variant in VARIANTS:
            size = NARROW if variant == "narrow" else WIDE
            page.emulate_media(color_scheme="dark" if variant == "dark" else "light")
            page.set_viewport_size(size)
            settle(page)
            # As high as it takes, so that what stays at the edge of the window does so here.
            height = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({**size, "height": height})
            settle(page)
            _save(page.screenshot(), folder / f"{state.name}-{variant}.png")
    finally:
        visitor.context.close()


def _save(png: bytes, path: Path) -> None:
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
