"""The drawings of the documentation say what the code says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree

import pytest

from deploystack.database.state import Phase
from tests.support.pages import DOCS, table
from tests.test_architecture import COMPOSITION, LAYERS

DRAWINGS = sorted((DOCS / "drawings").glob("*.svg"))
ARCHITECTURE = DOCS / "explanation" / "architecture.md"
SVG = "{http://www.w3.org/2000/svg}"


def said(name: str) -> list[str]:
    """Return the texts in a drawing, as they are read to somebody."""
    root = ElementTree.parse(DOCS / "drawings" / name).getroot()  # our own file
    return [element.text or "" for element in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("path", DRAWINGS, ids=lambda path: path.name)
def test_a_drawing_is_shown_and_can_be_read_to_somebody(path: Path) -> None:
    root = ElementTree.parse(path).getroot()  # our own file

    assert f"](../drawings/{path.name})" in ARCHITECTURE.read_text("utf-8")
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title")
    assert root.findtext(f"{SVG}desc")
    elsewhere = re.findall(r"\w+://[^\"]+", path.read_text("utf-8"))
    assert elsewhere == ["http://www.w3.org/2000/svg"]


def test_the_states_are_those_of_the_code() -> None:
    assert set(get_args(Phase)) <= set(said("states.svg"))


def test_the_layers_are_those_that_are_held() -> None:
    drawn = [text.split(" · ") for text in said("layers.svg")]
    rows = [row for row in drawn if set(row) & LAYERS.keys()]
    held = sorted({layer for layer in LAYERS.values() if layer < COMPOSITION}, reverse=True)

    assert [set(row) for row in rows] == [
        {name for name, layer in LAYERS.items() if layer == number} for number in held
    ]


def test_the_steps_of_setup_are_those_that_are_told() -> None:
    steps = [row["step"].strip("*") for row in table(ARCHITECTURE, "step")]

    assert [step for step in steps if not step.startswith("plugin")] == [
        text for text in said("setup.svg") if text in steps
    ]
