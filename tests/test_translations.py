"""Every text of the pages is marked, extracted, translated and compiled."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploystack.web.language import LANGUAGES
from tests.support import prose, translations

CATALOGUES = translations.catalogues()
TEMPLATES = sorted((translations.WEB / "templates").rglob("*.html"))
SCRIPTS = sorted((translations.WEB / "static").rglob("*.js"))
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")


def file_id(path: Path) -> str:
    return str(path.relative_to(translations.WEB))


@pytest.fixture(scope="module")
def texts() -> set[str]:
    """What the source holds for translation."""
    return {
        text
        for message in translations.extracted()
        for text in ([message.id] if isinstance(message.id, str) else message.id)
        if text
    }


def test_there_is_a_catalogue_for_each_language_but_the_one_that_is_written() -> None:
    assert ["en", *(path.parts[-3] for path in CATALOGUES)] == list(LANGUAGES)
    assert TEMPLATES
    assert SCRIPTS


@pytest.mark.parametrize("path", CATALOGUES, ids=file_id)
def test_every_text_is_translated(path: Path) -> None:
    assert translations.missing(translations.read(path)) == []


@pytest.mark.parametrize("path", CATALOGUES, ids=file_id)
def test_a_translation_has_the_values_of_its_text(path: Path) -> None:
    for message in translations.read(path):
        if not message.id:
            continue
        ids = [message.id] if isinstance(message.id, str) else list(message.id)
        strings = [message.string] if isinstance(message.string, str) else list(message.string)
        values = {value for text in ids for value in PLACEHOLDER.findall(text)}
        for text in strings:
            assert set(PLACEHOLDER.findall(text)) <= values, text
        assert values == {value for text in strings for value in PLACEHOLDER.findall(text)}, ids


@pytest.mark.parametrize("path", CATALOGUES, ids=file_id)
def test_a_catalogue_holds_what_the_source_does(path: Path) -> None:
    assert path.read_bytes() == translations.as_po(translations.updated(path)), "make translations"


@pytest.mark.parametrize("path", CATALOGUES, ids=file_id)
def test_a_catalogue_is_compiled(path: Path) -> None:
    compiled = path.with_suffix(".mo").read_bytes()

    assert compiled == translations.as_mo(translations.read(path)), "make translations"


@pytest.mark.parametrize("path", TEMPLATES, ids=file_id)
def test_what_a_template_says_is_marked(path: Path, texts: set[str]) -> None:
    assert prose.unmarked(path) == []
    assert set(prose.literals(path)) - prose.NAMES <= texts


@pytest.mark.parametrize("path", SCRIPTS, ids=file_id)
def test_what_a_script_says_is_a_text_of_the_catalogue(path: Path, texts: set[str]) -> None:
    assert set(prose.spoken(path)) - prose.NAMES <= texts


def test_what_is_not_marked_is_found(tmp_path: Path) -> None:
    template = tmp_path / "page.html"
    template.write_text(
        """{% extends "base.html" %}{# A comment. #}
        <p class="hint big" title="{{ _("Marked") }}">{{ _("Marked") }} {{ name }} · DeployStack</p>
        {% trans %}Marked, too.{% endtrans %}<code>SELECT 1</code>
        <img alt="A picture" src="/a.png"><b title="x {{ y }}">1</b>
        <p {% if a %}class="b"{% endif %}>Not {{ name }} marked</p>
        {{ field("name", "Not marked either") }}"""
    )
    assert prose.unmarked(template) == ["alt=A picture", "title=x", "Not marked"]
    assert prose.literals(template) == ["Marked", "Marked", "Not marked either"]

    script = tmp_path / "page.js"
    script.write_text(
        """/* A comment. */ element.append("Try again."); element.className = "one two";
        fetch("/api/db/status"); new Event("click"); title.textContent = 'Ready'; `Take ${it} now.`;
        """
    )
    assert prose.spoken(script) == ["Try again.", "Ready", "Take ${it} now."]
