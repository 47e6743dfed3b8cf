"""A real browser, without a window: where it is, how it is started, and what it must never do.

with started() as browser:
    visitor = Visitor(browser, "http://127.0.0.1:3000")
    visitor.page.goto("/setup")
    assert visitor.watch.faults == []
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Playwright,
    Request,
    Response,
    WebError,
)

from deploystack.testing.ports import HOST

VARIABLE = "DEPLOYSTACK_TEST_BROWSER"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",  # it may run as root, in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WAIT = 15_000
"""Milliseconds to wait for what must come: generous, for four browsers on two cores."""

# What Chromium writes itself when an answer of the API is no success, as many rightly are.
REFUSED = "Failed to load resource: the server responded with a status of"
PARTS = {"font", "image", "manifest", "script", "stylesheet"}


def find_browser() -> Path:
    """Return Chromium or Chrome: the one that ``DEPLOYSTACK_TEST_BROWSER`` names, or one on PATH.

    Raises:
        FileNotFoundError: if there is none, in words that say what to do.
    """
    named = os.environ.get(VARIABLE)
    for program in (named,) if named else PROGRAMS:
        found = shutil.which(program)
        if found:
            return Path(found)
    where = f"{VARIABLE} names {named}, which is no program" if named else "no browser on PATH"
    raise FileNotFoundError(
        f"{where}: install Chromium (Debian: apt-get install chromium), or let {VARIABLE} name "
        "a Chromium or Chrome"
    )


# Chromium asks its maker for updates, and what a form is for, whatever its flags say. That goes no
# further than here.
MAKER = re.compile(r"(\.googleapis|accounts\.google|\.gstatic|\.gvt1)\.com:?\d*\b")


class Outside:
    """Stands where the way to every other host would begin: answers nothing, notes who is asked.

    The browser takes it for its proxy. Only what goes to this machine is not sent through it, so
    nothing leaves, not even the name of a host to resolve.
    """

    def __init__(self) -> None:
        self._asked: list[str] = []
        self._socket = socket.create_server((HOST, 0))
        self.port = int(self._socket.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, name="outside", daemon=True)
        self._thread.start()

    @property
    def asked(self) -> list[str]:
        """The first line of each request for a host that is not the browser's maker's.

        Whoever says nothing is no browser: another test looks for a free port.
        """
        return [line for line in self._asked if line and not MAKER.search(line.split("?")[0])]

    def close(self) -> None:
        """Stop listening."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(2)
                with contextlib.suppress(OSError):
                    line = connection.recv(4096).split(b"\r\n", 1)[0]
                    self._asked.append(line.decode("latin-1"))


@contextlib.contextmanager
def launched(playwright: Playwright) -> Iterator[Browser]:
    """Start a browser with an empty profile, and see that it asked no other host for anything.

    Raises:
        AssertionError: at the end, if it did.
    """
    outside = Outside()
    proxy = f"--proxy-server={HOST}:{outside.port}"
    try:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=[*FLAGS, proxy])
        try:
            yield browser
        finally:
            browser.close()
    finally:
        outside.close()
    assert not outside.asked, f"the browser asked other hosts: {outside.asked}"


class Watch:
    """Writes down what no page of ours may do, in all pages of a context.

    Those are: errors in the console (a violation of the Content-Security-Policy is one), errors
    that no script caught, requests to another host, and parts of the page that did not load.

    Args:
        context: where the pages are.
        origin: scheme, host and port of the server.
    """

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.faults: list[str] = []
        self._origin = origin
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("request", self._request)
        context.on("response", self._response)

    def forget(self, part: str) -> None:
        """Take back the faults that a test brought about, of which there must be one.

        Args:
            part: what stands in each of them.
        """
        left = [fault for fault in self.faults if part not in fault]
        assert left != self.faults, f"no fault says {part!r}: {self.faults}"
        self.faults[:] = left

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(REFUSED):
            self.faults.append(f"console: {message.text}")

    def _error(self, error: WebError) -> None:
        self.faults.append(f"uncaught: {error.error}")

    def _request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if f"{url.scheme}://{url.netloc}" != self._origin and url.scheme not in {"data", "blob"}:
            self.faults.append(f"asked another host: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.request.resource_type in PARTS:
            self.faults.append(f"{response.status} for {response.url}")


class Visitor:
    """Somebody at a browser: a context of its own, whose pages are watched.

    Args:
        browser: the browser.
        origin: scheme, host and port of the server.
        options: more of what a context takes, such as ``locale`` or ``color_scheme``.
    """

    def __init__(self, browser: Browser, origin: str, **options: Any) -> None:
        self.context = browser.new_context(
            **{"base_url": origin, "locale": "en-GB", "reduced_motion": "reduce", **options}
        )
        self.context.set_default_timeout(WAIT)
        self.watch = Watch(self.context, origin)
        self.page = self.context.new_page()

    def until(self, condition: Callable[[], object], seconds: float = 15) -> None:
        """Wait for something that the page brings about, and let the page go on meanwhile.

        Raises:
            AssertionError: if it did not come within ``seconds``.
        """
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"not within {seconds} s"
            self.page.wait_for_timeout(20)

    def kept(self) -> str:
        """Return all that the browser keeps for the site: storage, cookies, and addresses."""
        stored = self.page.evaluate(
            """() => JSON.stringify(
                [{...localStorage}, {...sessionStorage}, history.state, location.href])"""
        )
        return f"{stored} {self.context.cookies()}"
