"""What it took to load a page, as the browser itself has measured it."""

from __future__ import annotations

from typing import NamedTuple

from playwright.sync_api import Page

SHIFT = """() => new Promise(done => {
    const observer = new PerformanceObserver(() => {});
    observer.observe({type: "layout-shift", buffered: true});
    requestAnimationFrame(() => setTimeout(() => done(observer.takeRecords()
        .filter(entry => !entry.hadRecentInput)
        .map(entry => [entry.value, ...entry.sources.map(source => source.node?.outerHTML ?? "")]
            .join(" ").slice(0, 300)))));
})"""
LOADED = """() => {
    const all = [...performance.getEntriesByType("navigation"),
                 ...performance.getEntriesByType("resource")];
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    return [all.reduce((sum, entry) => sum + entry.transferSize, 0), paint.startTime];
}"""
PAINTED = '() => performance.getEntriesByName("first-contentful-paint").length > 0'


class Loaded(NamedTuple):
    """What loading took."""

    transferred: int
    """Bytes, headers included (Resource Timing, ``transferSize``)."""

    first_paint: float
    """Milliseconds from the beginning of the navigation to the first text or image."""


def loaded(page: Page) -> Loaded:
    """Return what it took to load the page that is shown, and all that it is made of."""
    page.wait_for_load_state("networkidle")
    page.wait_for_function(PAINTED)
    transferred, first_paint = page.evaluate(LOADED)
    return Loaded(int(transferred), float(first_paint))


def shifts(page: Page) -> list[str]:
    """Return each shift of the layout so far that nobody's input explains: how far, and of what."""
    found: list[str] = page.evaluate(SHIFT)
    return found


def settle(page: Page) -> None:
    """Wait until a page shows what was done to it: two frames."""
    page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def overflows(page: Page) -> list[str]:
    """Return what makes a page wider than its window, if anything does."""
    found: list[str] = page.evaluate(
        """() => {
            const width = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= width) return [];
            const scrolls = element => element !== document.body
                && getComputedStyle(element).overflowX !== "visible";
            const isClipped = element => {
                for (let up = element.parentElement; up; up = up.parentElement)
                    if (scrolls(up) && up !== document.documentElement) return true;
                return false;
            };
            const wide = [...document.querySelectorAll("body *")].filter(element =>
                element.getBoundingClientRect().right > width + 1 && !isClipped(element));
            return ["it scrolls", ...wide.map(element => element.outerHTML.slice(0, 120))];
        }"""
    )
    return found
