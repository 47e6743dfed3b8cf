"""The documentation shows every page, in each variant, and no picture lies about."""

from __future__ import annotations

import re

from tests.browser.screenshots import IMAGES, SHOWN, VARIANTS
from tests.browser.states import STATES
from tests.support.pages import DOCS


def test_each_picture_is_there_and_shown() -> None:
    expected = [f"{name}-{variant}.png" for name in SHOWN for variant in VARIANTS]
    shown = re.findall(
        r"\]\(\.\./images/([\w-]+\.png)\)", (DOCS / "reference/screens.md").read_text("utf-8")
    )

    assert shown == expected
    assert sorted(path.name for path in IMAGES.iterdir()) == sorted(expected)
    assert {state.name for state in STATES} >= set(SHOWN)
