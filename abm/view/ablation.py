"""Ablations as a tornado: one bar for each rule or intervention, the largest effect on top."""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from abm.analysis.ablation import PAIN, UNIT, Effect, Outcome, Ranked, Ranking
from abm.analysis.groups import RunGroups
from abm.analysis.tables import interval_text
from abm.view.canvas import NothingToShowError, footnote, house_style, letter, new_figure, save
from abm.view.style import BLACK, BLUE, GREY, SMALL, VERMILLION

MOST_BARS = 12  # of each panel
LINE = 46  # characters of a name on one line
WORSE, BETTER = VERMILLION, BLUE


def plot_ablation(
    ranking: Ranking, folder: Path, groups: RunGroups, formats: tuple[str, ...] = ("png",), dpi: int = 300
) -> list[Path]:
    """Write ``ablation.png`` (and the other formats) into a folder.

    Parameters
    ----------
    groups : RunGroups
        The intact runs, for the origin that figures carry.
    """
    with house_style():
        return save(draw_ablation(ranking), folder, "ablation", formats, groups, dpi)


def draw_ablation(ranking: Ranking) -> Figure:
    """A panel for each outcome shown, each with its own order."""
    panels = [(outcome, largest(ranking, outcome)) for outcome in ranking.shown]
    panels = [(outcome, rows) for outcome, rows in panels if rows]
    if not panels:
        raise NothingToShowError("nothing that was switched off has an effect")
    heights = [_lines(rows) * len(rows) + 2.0 for _, rows in panels]
    figure = new_figure(height=4.3 * sum(heights) + 14)
    grid = figure.add_gridspec(len(panels), 1, height_ratios=heights)
    for i, (outcome, rows) in enumerate(panels):
        axes = figure.add_subplot(grid[i])
        _bars(axes, ranking, outcome, rows)
        letter(axes, "abcdefghijklmnopqrstuvwxyz"[i])
    figure.legend(
        handles=[
            Patch(color=WORSE, label="worse without it: more pain, less relief"),
            Patch(color=BETTER, label="better without it"),
        ],
        loc="outside upper right",
        ncols=2,
    )
    footnote(figure, f"Pain: {ranking.meaning}. Bars: paired mean, 95 % interval.")
    return figure


def _lines(rows: list[Ranked]) -> float:
    """Height of a bar, so that no name of two lines touches its neighbours."""
    return 1.8 if any("\n" in shortened(row.name) for row in rows) else 1.0


def largest(ranking: Ranking, outcome: Outcome) -> list[Ranked]:
    """What has an effect on an outcome, the largest first, as many as a panel holds."""
    rows = [row for row in ranking.rows if row.on(outcome).change.n and row.on(outcome).change.mean != 0.0]
    rows.sort(key=lambda row: -abs(float(row.on(outcome).change.mean)))
    return rows[:MOST_BARS]


def _bars(axes: Axes, ranking: Ranking, outcome: Outcome, rows: list[Ranked]) -> None:
    effects = [row.on(outcome) for row in rows]
    means = np.array([float(effect.change.mean) for effect in effects])
    half = np.array([float(effect.change.high) for effect in effects]) - means
    y = np.arange(len(rows))[::-1]
    axes.barh(y, means, height=0.72, color=[WORSE if effect.is_worse else BETTER for effect in effects])
    axes.errorbar(
        means,
        y,
        xerr=np.where(np.isnan(half), 0.0, half),
        fmt="none",
        ecolor=BLACK,
        elinewidth=0.7,
        capsize=1.6,
    )
    axes.axvline(0.0, color=GREY, linewidth=0.6)
    axes.set_yticks(y, [shortened(row.name) for row in rows], fontsize=SMALL)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.margins(x=0.02)
    intact = interval_text(ranking.intact[outcome])
    axes.set_title(f"{outcome.name}: {intact} {UNIT} intact{_left_out(ranking, outcome)}")
    axes.set_xlabel(f"change of {'pain' if outcome.kind == PAIN else 'relief'} ({UNIT})")


def _left_out(ranking: Ranking, outcome: Outcome) -> str:
    """How many effects the panel has no room for."""
    found = sum(1 for row in ranking.rows if _is_effect(row.on(outcome)))
    return f"; the {MOST_BARS} largest of {found} effects" if found > MOST_BARS else ""


def _is_effect(effect: Effect) -> bool:
    return bool(effect.change.n and effect.change.mean != 0.0)


def shortened(name: str) -> str:
    """A name that fits beside a bar, on two lines if need be."""
    lines = wrap(name, LINE, max_lines=2, placeholder=" …", break_long_words=False)
    return "\n".join(lines) if len(name) > LINE else name
