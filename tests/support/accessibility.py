"""axe-core, run in a page: what it finds that keeps somebody out."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

SERIOUS = {"serious", "critical"}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
CONTRAST = ["color-contrast"]
"""The one rule whose result depends on the colours alone."""


def findings(page: Page, rules: list[str] = RULES) -> list[str]:
    """Return what axe-core finds serious or critical in a page as it stands, a line each.

    Args:
        page: the page.
        rules: the names of rules, or of sets of them.

    The script is evaluated by way of the DevTools, which no policy of the page concerns.
    """
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    page.evaluate(f"() => {{ if (!window.axe) {{ {axe} }} }}")
    options = {"resultTypes": ["violations"], "runOnly": rules}
    results: dict[str, Any] = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{found['id']} ({found['impact']}): {' '.join(node['target'])} {node['failureSummary']}"
        for found in results["violations"]
        if found["impact"] in SERIOUS
        for node in found["nodes"]
    ]
