"""The drawing of how tables refer to each other, and how numbers are written."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from deploystack.web.console import formats
from deploystack.web.console.diagram import BELOW, HEIGHT, draw

NAMES = st.text("abcdefgh", min_size=1, max_size=2)


def test_a_table_is_to_the_right_of_what_it_refers_to() -> None:
    drawing = draw(
        dict.fromkeys(["a", "b", "c", "lonely"], "core"), {"b": ["a"], "c": ["a", "b", "gone"]}
    )
    x = {box.name: box.x for box in drawing.boxes}

    assert x["a"] < x["b"] < x["c"]
    assert "lonely" not in x
    assert [(line.table, line.to) for line in drawing.lines] == [
        ("b", "a"),
        ("c", "a"),
        ("c", "b"),
    ]


@given(st.dictionaries(NAMES, st.lists(NAMES, max_size=4), max_size=12))
def test_boxes_do_not_overlap_whatever_refers_to_what(refers: dict[str, list[str]]) -> None:
    """In circles, to themselves, to tables that are not there."""
    drawing = draw(dict.fromkeys(refers, "core"), refers)

    for box in drawing.boxes:
        assert box.x >= 0
        assert box.x + box.width <= drawing.width
        assert box.y >= 0
        assert box.y + box.height <= drawing.height
        for other in drawing.boxes:
            if other is not box and other.x == box.x:
                assert abs(other.y - box.y) >= HEIGHT + BELOW
    edges = {(a, b) for a, others in refers.items() for b in others if b in refers}
    assert {(line.table, line.to) for line in drawing.lines} == edges
    assert {box.name for box in drawing.boxes} == {name for edge in edges for name in edge}
    assert all(re.fullmatch(r"M[-\d. ]+C[-\d. ]+", line.path) for line in drawing.lines)


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["1,234,567.9", "999\xa0B", "1.5\xa0kB", "120\xa0MB", "1.5\xa0s", "0.4\xa0ms"]),
        ("de", ["1.234.567,9", "999\xa0B", "1,5\xa0kB", "120\xa0MB", "1,5\xa0s", "0,4\xa0ms"]),
    ],
)
def test_numbers_are_written_as_in_the_language(
    app: Flask, language: str, expected: list[str]
) -> None:
    with app.test_request_context(headers={"Accept-Language": language}):
        assert [
            formats.number(1234567.89, 1),
            formats.size(999),
            formats.size(1500),
            formats.size(120_000_000),
            formats.duration(1500),
            formats.duration(0.4),
        ] == expected
        assert formats.size(None) == formats.moment(None) == "\N{EN DASH}"
        assert formats.moment("2026-11-25T23:30:59.999+01:00") == "2026-11-25 22:30 UTC"
