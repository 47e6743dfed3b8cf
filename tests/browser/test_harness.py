"""What the other tests here rest on: that nothing a page does wrong goes unseen."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Error, Playwright

from tests.browser.conftest import Enter
from tests.support.accessibility import findings
from tests.support.browser import VARIABLE, Visitor, find_browser, launched
from tests.support.stage import Stage

IMAGE = """async source => await new Promise(done => {
    const image = new Image();
    image.onload = image.onerror = done;
    image.src = source;
    document.body.append(image);
})"""


@pytest.mark.parametrize(
    ("script", "argument", "fault"),
    [
        ("() => console.error('oh dear')", None, "console: oh dear"),
        ("() => setTimeout(() => { throw new Error('lost') })", None, "uncaught: lost"),
        ("() => { Promise.reject(new Error('dropped')) }", None, "uncaught: dropped"),
        (IMAGE, "/missing.png", "404 for http://127.0.0.1"),
    ],
)
def test_a_fault_of_a_page_is_seen(
    stage: Stage, enter: Enter, script: str, argument: str | None, fault: str
) -> None:
    visitor = enter(stage.server("new"))
    visitor.page.goto("/livez")
    assert visitor.watch.faults == []

    visitor.page.evaluate(script, argument)

    visitor.until(lambda: visitor.watch.faults != [])
    visitor.watch.forget(fault)
    assert visitor.watch.faults == []


def test_a_request_to_another_host_is_seen_and_goes_nowhere(playwright: Playwright) -> None:
    def ask() -> None:
        with launched(playwright) as browser:
            visitor = Visitor(browser, "http://127.0.0.1:1")
            with pytest.raises(Error, match="ERR_EMPTY_RESPONSE"):
                visitor.page.goto("http://outside.invalid/")
            visitor.watch.forget("asked another host: http://outside.invalid/")

    with pytest.raises(AssertionError, match=r"asked other hosts: .'GET http://outside"):
        ask()


def test_what_keeps_somebody_out_is_found(stage: Stage, enter: Enter) -> None:
    page = enter(stage.server("new")).page
    page.set_content(
        "<html lang=en><title>A</title><main><h1>A</h1><label>B <input></label></main>"
    )
    assert findings(page) == []

    page.set_content("<html lang=en><title>A</title><main><h1>A</h1><input></main>")

    assert [line.split(":")[0] for line in findings(page)] == ["label (critical)"]


def test_a_browser_that_is_missing_is_said_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(FileNotFoundError, match="apt-get install chromium"):
        find_browser()

    program = tmp_path / "google-chrome"
    program.touch(0o755)
    assert find_browser() == program

    monkeypatch.setenv(VARIABLE, "/nowhere")
    with pytest.raises(FileNotFoundError, match=f"{VARIABLE} names /nowhere"):
        find_browser()
