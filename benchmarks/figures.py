"""Figures, and the table they are shown in."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

RUNS = 9


@dataclass(frozen=True)
class Figure:
    """One row of the table.

    Attributes:
        name: what was measured.
        unit: such as ``ms``.
        values: one for each run.
        goal: what it should be, in words.
    """

    name: str
    unit: str
    values: Sequence[float]
    goal: str = ""

    def row(self) -> str:
        """Return the row: median, the worst of twenty, minimum."""
        ordered = sorted(self.values)
        p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
        median = statistics.median(ordered)
        cells = [f"{value:,.1f}" for value in (median, p95, ordered[0], ordered[-1])]
        return f"| {self.name} | {' | '.join(cells)} | {self.unit} | {self.goal} |"


HEADER = (
    "| measured | median | p95 | min | max | unit | goal |\n"
    "| --- | ---: | ---: | ---: | ---: | --- | --- |"
)


def repeat(measure: Callable[[], float], runs: int = RUNS) -> list[float]:
    """Return the results of ``runs`` runs, after one that is not counted."""
    measure()
    return [measure() for _ in range(runs)]
