"""A drawing of how tables refer to each other: where its boxes and lines are.

A table is to the right of all that it refers to, so every line leads to the left, unless tables
refer to each other in a circle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CHARACTER = 8.0
"""How wide a character is, in the font of the boxes."""

PADDING = 14.0
HEIGHT = 36.0
BESIDE = 80.0
BELOW = 18.0
MARGIN = 12.0


@dataclass(frozen=True)
class Box:
    """A table."""

    name: str
    kind: str
    x: float
    y: float
    width: float
    height: float = HEIGHT


@dataclass(frozen=True)
class Line:
    """From a table to one that it refers to.

    Attributes:
        path: as SVG has it (``d``).
    """

    table: str
    to: str
    path: str


@dataclass(frozen=True)
class Drawing:
    """All of it, and how large that is."""

    boxes: list[Box]
    lines: list[Line]
    width: float
    height: float


def draw(kinds: Mapping[str, str], refers: Mapping[str, Sequence[str]]) -> Drawing:
    """Return the drawing of all tables that refer to one, or are referred to.

    Args:
        kinds: each table, and whose it is.
        refers: the tables that each refers to.
    """
    edges = {
        name: sorted({other for other in refers.get(name, ()) if other in kinds})
        for name in sorted(kinds)
    }
    drawn = {name for name, others in edges.items() if others}
    drawn |= {other for others in edges.values() for other in others}
    boxes = _boxes({name: edges[name] for name in edges if name in drawn}, kinds)
    by_name = {box.name: box for box in boxes}
    lines = [
        Line(name, other, _path(by_name[name], by_name[other]))
        for name in sorted(drawn)
        for other in edges[name]
    ]
    width = max((box.x + box.width for box in boxes), default=0.0) + MARGIN * 2
    height = max((box.y + box.height for box in boxes), default=0.0) + MARGIN
    return Drawing(boxes, lines, width, height)


def _boxes(edges: Mapping[str, Sequence[str]], kinds: Mapping[str, str]) -> list[Box]:
    columns: dict[int, list[str]] = {}
    for name, depth in _depths(edges).items():
        columns.setdefault(depth, []).append(name)
    tallest = max((len(names) for names in columns.values()), default=0)
    boxes: list[Box] = []
    middles: dict[str, float] = {}
    x = MARGIN
    for depth in sorted(columns):
        names = sorted(columns[depth], key=lambda name: (_middle(edges[name], middles), name))
        width = max(len(name) for name in names) * CHARACTER + 2 * PADDING
        y = MARGIN + (tallest - len(names)) * (HEIGHT + BELOW) / 2
        for name in names:
            boxes.append(Box(name, kinds[name], x, y, width))
            middles[name] = y
            y += HEIGHT + BELOW
        x += width + BESIDE
    return boxes


def _depths(edges: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return in which column each table is, from the left."""
    depths: dict[str, int] = {}

    def depth(name: str, above: frozenset[str]) -> int:
        if name not in depths:
            others = [other for other in edges[name] if other not in above | {name}]
            found = [depth(other, above | {name}) + 1 for other in others]
            depths[name] = max(found, default=0)
        return depths[name]

    for name in edges:
        depth(name, frozenset())
    return depths


def _middle(others: Sequence[str], middles: Mapping[str, float]) -> float:
    placed = [middles[other] for other in others if other in middles]
    return sum(placed) / len(placed) if placed else 0.0


def _path(box: Box, to: Box) -> str:
    y, to_y = box.y + box.height / 2, to.y + to.height / 2
    if box is to:
        x = box.x + box.width
        return f"M{x:g} {y - 8:g}C{x + 30:g} {y - 14:g} {x + 30:g} {y + 14:g} {x + 2:g} {y + 8:g}"
    if box.x > to.x:
        start, end, bend = box.x, to.x + to.width + 2, -BESIDE / 2
    else:  # in a circle
        start, end, bend = box.x + box.width, to.x + to.width + 2, BESIDE / 2
    to_bend = BESIDE / 2
    return f"M{start:g} {y:g}C{start + bend:g} {y:g} {end + to_bend:g} {to_y:g} {end:g} {to_y:g}"
