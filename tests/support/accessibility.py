"""axe-core, run in a page: what it finds that keeps somebody out."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

SERIOUS = {"serious", "critical"}
OPTIONS = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"],
}


def findings(page: Page) -> list[str]:
    """Return what axe-core finds serious or critical in a page as it stands, a line each.

    The script is evaluated by way of the DevTools, which no policy of the page concerns.
    """
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
    page.evaluate(f"() => {{ {axe} }}")
    results: dict[str, Any] = page.evaluate("options => axe.run(document, options)", OPTIONS)
    return [
        f"{found['id']} ({found['impact']}): {' '.join(node['target'])} {node['failureSummary']}"
        for found in results["violations"]
        if found["impact"] in SERIOUS
        for node in found["nodes"]
    ]
