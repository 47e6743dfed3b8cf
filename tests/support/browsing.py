"""Going to pages as a browser does, without one: its headers, its cookies, its forms."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def browser(app: Flask, language: str = "en") -> FlaskClient:
    """Return a client that keeps cookies and asks for pages."""
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT"] = ACCEPT
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    return client


class Form(HTMLParser):
    """One form of a page: where it goes, and what would be sent if nothing were typed.

    Args:
        html: the page.
        action: where the form goes that is meant; the first one by default.
    """

    def __init__(self, html: str, action: str | None = None) -> None:
        super().__init__()
        self._meant = action
        self._inside = False
        self._select = ""
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.feed(html)
        assert self.action is not None, f"no form {action or ''} in:\n{html}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the form, and each of its fields."""
        given = dict(attrs)
        if tag == "form" and self.action is None and self._meant in {None, given.get("action")}:
            self._inside, self.action = True, given.get("action") or ""
        if not self._inside:
            return
        name = given.get("name") or ""
        if tag == "input" and name:
            is_choice = given.get("type") in {"radio", "checkbox"}
            if not is_choice or "checked" in given:
                self.fields[name] = given.get("value") or ""
        elif tag == "select":
            self._select = name
        elif (
            tag == "option"
            and self._select
            and ("selected" in given or self._select not in self.fields)
        ):
            self.fields[self._select] = given.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        """Leave the form, or its list."""
        if tag == "form":
            self._inside = False
        elif tag == "select":
            self._select = ""


def submit(
    client: FlaskClient, page: TestResponse, action: str | None = None, /, **typed: Any
) -> TestResponse:
    """Send a form of a page, with what was typed, as a browser without JavaScript does."""
    form = Form(page.text, action)
    return client.post(
        form.action or page.request.path,
        data={**form.fields, **typed},
        headers={"Origin": "null", "Sec-Fetch-Site": "same-origin"},
    )
