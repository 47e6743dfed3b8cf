"""Finding what a person reads in templates and scripts, and whether it can be translated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from babel.messages.jslexer import tokenize, unquote_string
from jinja2 import Environment

NAMES = {"DeployStack", "SQLite", "PostgreSQL", "·"}
"""What is called the same in every language."""

READ = {
    "alt",
    "aria-description",
    "aria-label",
    "aria-roledescription",
    "aria-valuetext",
    "label",
    "title",
}
"""Attributes that are read to somebody."""

VERBATIM = {"code", "kbd", "pre", "samp", "script", "style"}
VALUE = "\N{OBJECT REPLACEMENT CHARACTER}"  # where a template puts in something
LETTER = re.compile(r"[^\W\d_]")
# What looks like words for a person, among what may also be a class, an address or a key.
PROSE = re.compile(r"[A-ZÄÖÜ][a-zäöüß]+$|[A-ZÄÖÜ]?[\w'-]+(,? [\w'-]+)+[.?!:…]?$|[A-Z].* .*[.?!:…]$")
ATTRIBUTE = re.compile(r'[\w-]+="[^"]*"')  # of a macro that makes a part of a tag


def unmarked(template: Path) -> list[str]:
    """Return what a template says to a person without marking it for translation."""
    page = _Page()
    page.feed("".join(_skeleton(template.read_text("utf-8"))))
    page.close()
    return page.found


def literals(template: Path) -> list[str]:
    """Return the strings in the expressions of a template that look like words for a person."""
    tokens = [
        (kind, value)
        for _, kind, value in _lex(template.read_text("utf-8"))
        if kind not in {"whitespace", "data"}
    ]
    return [
        value[1:-1]
        for (before, (kind, value)) in zip([("", ""), *tokens], tokens, strict=False)
        if kind == "string" and before[1] not in {"extends", "from", "include"}
        if PROSE.match(value[1:-1]) and value[1:-1][0].isupper()
    ]


def spoken(script: Path) -> list[str]:
    """Return the strings of a script that look like words for a person."""
    found = []
    for token in tokenize(script.read_text("utf-8")):
        if token.type in {"string", "template_string"}:
            text = unquote_string(token.value) if token.type == "string" else token.value[1:-1]
            if PROSE.match(text) and text[0].isupper():
                found.append(text)
    return found


def _lex(source: str) -> Iterator[tuple[int, str, str]]:
    return Environment(extensions=["jinja2.ext.i18n"], autoescape=True).lex(source)


def _skeleton(source: str) -> Iterator[str]:
    """Yield what a template says itself; where it puts in something stands one character."""
    names: list[str] = []
    is_silent = False
    for _, kind, value in _lex(source):
        if kind == "variable_begin":
            yield VALUE
        elif kind == "block_begin":
            names = []
        elif kind == "name":
            names.append(value)
        elif kind == "block_end":
            # What is in it is translated, or is the value of an attribute.
            begins = names[:1] == ["trans"] or (
                names[:1] == ["block"] and names[1].endswith("_class")
            )
            ends = names[:1] in (["endtrans"], ["endblock"])
            is_silent = begins or (is_silent and not ends)
        elif kind == "data" and not is_silent:
            yield value


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._verbatim: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            text = (value or "").replace(VALUE, "").strip()
            is_read = name in READ and LETTER.search(text)
            looks_so = not name.startswith(("accept", "content", "d", "id", "href")) and (
                PROSE.match(text) and text[:1].isupper()
            )
            if (is_read or looks_so) and text not in NAMES:
                self.found.append(f"{name}={text}")
        if tag in VERBATIM or ("translate", "no") in attributes:
            self._verbatim.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._verbatim and self._verbatim[-1] == tag:
            self._verbatim.pop()

    def handle_data(self, data: str) -> None:
        words = [
            word
            for word in ATTRIBUTE.sub("", data).replace(VALUE, " ").split()
            if word not in NAMES
        ]
        text = " ".join(words)
        if not self._verbatim and LETTER.search(text):
            self.found.append(text)
