"""A table of text that prints with aligned columns or as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from abm.analysis.statistics import Interval

TEXT, NUMBER = "<", ">"
LEAST_WIDTH = 1e-4  # relative to the mean: less than this is not worth printing


@dataclass(frozen=True)
class Table:
    """Rows of text below a head.

    Attributes
    ----------
    head : sequence of str
        Names of the columns.
    rows : sequence of sequences of str
        One text per column.
    align : str
        One of ``<`` (text) and ``>`` (number) per column.
    notes : sequence of str
        Sentences printed below.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    align: str
    notes: Sequence[str] = field(default_factory=tuple)

    def as_text(self) -> str:
        """Columns aligned by spaces."""
        widths = [max(len(row[i]) for row in (self.head, *self.rows)) for i in range(len(self.head))]

        def line(row: Sequence[str]) -> str:
            parts = (f"{cell:{a}{w}}" for cell, a, w in zip(row, self.align, widths, strict=True))
            return "  ".join(parts).rstrip()

        rule = "  ".join("-" * width for width in widths)
        return "\n".join([line(self.head), rule, *map(line, self.rows), *self.notes])

    def as_markdown(self) -> str:
        """A Markdown table; the notes follow as paragraphs."""

        def line(row: Sequence[str]) -> str:
            return "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"

        rule = "|" + "|".join("---:" if a == NUMBER else "---" for a in self.align) + "|"
        body = "\n".join([line(self.head), rule, *map(line, self.rows)])
        return "\n\n".join([body, *self.notes]) + "\n"


def number(value: float, digits: int = 3) -> str:
    """A number with so many significant digits; a dash for nan."""
    if value != value:
        return "–"
    text = f"{value:.{digits}g}"
    if "e" in text and 1e-4 <= abs(value) < 1e6:
        text = f"{value:.0f}"
    return text.replace("-", "−")


def interval_text(interval: Interval) -> str:
    """``mean ± half-width`` of one symmetric interval; only the mean where there is none, or hardly any."""
    mean, half = float(interval.mean), float(interval.high) - float(interval.mean)
    if half != half or half <= LEAST_WIDTH * max(abs(mean), LEAST_WIDTH):
        return number(mean)
    # Two digits of the half-width say how many of the mean mean something.
    decimals = min(max(1 - math.floor(math.log10(half)), 0), 4)
    return f"{mean:.{decimals}f} ± {half:.{decimals}f}".replace("-", "−")
