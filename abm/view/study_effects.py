"""Effects of a study against what is claimed: one row per comparison, the claimed side to the right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from abm.view.canvas import new_figure
from abm.view.style import BLACK, BLUE, GREY, SMALL, VERMILLION

ROW = 6.5  # mm
FRAME = 34.0
# Left minus right over the larger of the two is at most this far from the claimed bound.
EDGE = 2.0
_LONGEST = 46

REPRODUCED, NOT_REPRODUCED, INCONCLUSIVE = "reproduced", "not reproduced", "inconclusive"
#: Colour and marker of each verdict; anything else could not be evaluated.
LOOKS: dict[str, tuple[str, str, bool]] = {
    REPRODUCED: (BLUE, "o", True),
    NOT_REPRODUCED: (VERMILLION, "s", True),
    INCONCLUSIVE: (GREY, "o", False),
}


@dataclass(frozen=True)
class EffectRow:
    """One comparison as the figure shows it.

    Attributes
    ----------
    name : str
        Of the claim; empty for its further comparisons.
    says : str
        What is compared.
    verdict : str
    mean, low, high : float
        Of the difference towards the claimed side, over the larger of the two sides; nan when there is none.
    numbers : str
        The difference in its own unit.
    """

    name: str
    says: str
    verdict: str
    mean: float
    low: float
    high: float
    numbers: str


def draw_effects(rows: Sequence[EffectRow], level: float) -> Figure:
    """Forest of effects: points are means, bars intervals, the line is what is claimed."""
    figure = new_figure(height=FRAME + ROW * len(rows))
    axes = figure.subplots()
    for i, row in enumerate(rows):
        _row(axes, -float(i), row)
    axes.axvline(0.0, color=BLACK, linewidth=0.8, zorder=1)
    axes.set_xlim(-EDGE, EDGE)
    axes.set_ylim(-len(rows) + 0.4, 0.6)
    axes.set_xticks([-2, -1, 0, 1, 2], ["−200", "−100", "0", "100", "200"])
    axes.set_yticks([-float(i) for i in range(len(rows))], [_label(row) for row in rows], fontsize=SMALL)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("← against the claim     difference, % of the larger side     as claimed →")
    numbers = axes.twinx()
    numbers.set_ylim(axes.get_ylim())
    numbers.set_yticks([-float(i) for i in range(len(rows))], [row.numbers for row in rows], fontsize=SMALL)
    numbers.tick_params(axis="y", length=0)
    for side in ("left", "right", "top"):
        numbers.spines[side].set_visible(False)
    title = f"Mean and {100 * level:.4g} % interval of the paired differences"
    figure.legend(handles=_handles(), loc="outside lower center", ncols=3, title=title)
    return figure


def _label(row: EffectRow) -> str:
    text = row.says if len(row.says) <= _LONGEST else f"{row.says[: _LONGEST - 1]}…"
    return f"{row.name}\n{text}" if row.name else text


def _row(axes: Axes, y: float, row: EffectRow) -> None:
    colour, marker, filled = LOOKS.get(row.verdict, (GREY, "x", False))
    if math.isnan(row.mean):
        axes.text(0.03, y, row.verdict, color=GREY, fontsize=SMALL, va="center")
        return
    if not math.isnan(row.low):
        low, high = max(row.low, -EDGE), min(row.high, EDGE)
        axes.plot([low, high], [y, y], color=colour, linewidth=1.6, solid_capstyle="butt", zorder=2)
        for end, beyond, arrow in ((-EDGE, row.low < -EDGE, "<"), (EDGE, row.high > EDGE, ">")):
            if beyond:
                axes.plot([end], [y], marker=arrow, color=colour, markersize=4, clip_on=False, zorder=3)
    face = colour if filled else "white"
    axes.plot([row.mean], [y], marker=marker, color=colour, markerfacecolor=face, markersize=4.5, zorder=4)


def _handles() -> list[Line2D]:
    return [
        Line2D(
            [],
            [],
            color=colour,
            marker=marker,
            markerfacecolor=colour if filled else "white",
            linewidth=1.6,
            markersize=4.5,
            label=verdict,
        )
        for verdict, (colour, marker, filled) in LOOKS.items()
    ]
