"""Colours, lines and type sizes: one meaning, one look, in every figure.

Colours are those of Okabe and Ito (2008), told apart with any common colour vision; lines also differ by
their dashes, so that a grey print can be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgb

from abm.view.labels import arm_label

BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#7F7F7F"

MM = 1.0 / 25.4  # inches
WIDTH = 180.0  # mm, two columns of a journal

TITLE, TEXT, SMALL = 8.0, 8.0, 7.0  # pt

BAND_ALPHA = 0.22

Dash = Any  # what matplotlib takes as a line style

RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so figures are the same everywhere
    "font.size": TEXT,
    "axes.titlesize": TITLE,
    "axes.labelsize": TEXT,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlepad": 4.0,
    "axes.labelpad": 3.0,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "legend.fontsize": SMALL,
    "legend.title_fontsize": SMALL,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "legend.borderpad": 0.2,
    "lines.linewidth": 1.2,
    "lines.dash_capstyle": "butt",
    "lines.solid_capstyle": "butt",
    "mathtext.default": "regular",
    "pdf.fonttype": 42,  # text stays text
    "svg.fonttype": "path",  # the same look without the font installed
    "svg.hashsalt": "abm",  # the same bytes every time
    "figure.dpi": 100,
    "savefig.dpi": 300,
    "axes.unicode_minus": True,
}


@dataclass(frozen=True)
class ArmStyle:
    """How one arm is drawn: colour, dashes and printed name."""

    colour: str
    dash: Dash
    label: str


_ARMS: dict[str, tuple[str, Dash]] = {
    "naive": (GREY, (0, (1.0, 1.0))),
    "sham": (BLACK, (0, (5.0, 1.5, 1.0, 1.5))),
    "cci": (VERMILLION, "-"),
    "sni": (GREEN, (0, (4.0, 1.0, 1.0, 1.0, 1.0, 1.0))),
    "cci_bmsc": (BLUE, (0, (6.0, 1.5))),
    "cci_tgfb1": (PURPLE, (0, (1.5, 1.0))),
}
_OTHER_ARMS: tuple[tuple[str, Dash], ...] = (
    (ORANGE, (0, (3.0, 1.2))),
    (SKY, "-"),
    (BLUE, (0, (6.0, 1.5))),
    (PURPLE, (0, (1.5, 1.0))),
    (GREY, "-"),
    (VERMILLION, (0, (2.0, 1.0))),
    (BLACK, (0, (1.0, 1.5))),
)

CELLS = {"microglia": GREEN, "astrocyte": ORANGE, "t_cell": PURPLE, "neuron": BLACK, "msc": BLUE}
_OTHER_CELLS = (VERMILLION, SKY, YELLOW, GREY)

# The first phenotype of a type is one of rest, drawn pale; the following ones are full.
REST, ACTIVE = 0.45, 1.0
PHENOTYPE_DASHES: tuple[Dash, ...] = ((0, (1.5, 1.0)), "-", (0, (5.0, 1.5)), (0, (4.0, 1.0, 1.0, 1.0)))
# Types for which it is the other way round.
FIRST_IS_ACTIVE = ("t_cell",)


def arm_styles(arms: Iterable[str]) -> dict[str, ArmStyle]:
    """Look of every arm: fixed for the well-known, the next free one for the others."""
    names = list(arms)
    taken = {_ARMS[arm] for arm in names if arm in _ARMS}
    free = [look for look in _OTHER_ARMS if look not in taken]
    found = {}
    for position, arm in enumerate(name for name in names if name not in _ARMS):
        found[arm] = free[position % len(free)]
    return {arm: ArmStyle(*_ARMS.get(arm, found.get(arm, free[0])), arm_label(arm)) for arm in names}


def cell_colours(types: Iterable[str]) -> dict[str, str]:
    """Colour of every cell type."""
    names = list(types)
    others = [name for name in names if name not in CELLS]
    extra = {name: _OTHER_CELLS[i % len(_OTHER_CELLS)] for i, name in enumerate(others)}
    return {name: CELLS.get(name) or extra[name] for name in names}


def phenotype_looks(kind: str, colour: str, phenotypes: Sequence[str]) -> dict[str, tuple[Any, Dash, bool]]:
    """Colour, dashes, and whether it is active, of every phenotype of a type, given in its order."""
    looks: dict[str, tuple[Any, Dash, bool]] = {}
    for position, name in enumerate(phenotypes):
        swapped = position < 2 and kind in FIRST_IS_ACTIVE
        rank = 1 if len(phenotypes) == 1 else 1 - position if swapped else position
        active = rank > 0
        dash = PHENOTYPE_DASHES[rank % len(PHENOTYPE_DASHES)]
        looks[name] = (shade(colour, ACTIVE if active else REST), dash, active)
    return looks


def shade(colour: str, strength: float) -> tuple[float, float, float]:
    """A colour mixed with white: 1 is the colour itself, 0 white."""
    r, g, b = to_rgb(colour)
    return (1 - strength * (1 - r), 1 - strength * (1 - g), 1 - strength * (1 - b))


def darker(colour: str, strength: float = 0.45) -> tuple[float, float, float]:
    """A colour mixed with black: 0 is the colour itself, 1 black."""
    r, g, b = to_rgb(colour)
    return ((1 - strength) * r, (1 - strength) * g, (1 - strength) * b)


def field_colours() -> Colormap:
    """White to mid grey, so that the hue of the cells on top of a field stays readable."""
    return LinearSegmentedColormap.from_list("abm_field", ["#FFFFFF", "#DCDCDC", "#969696"])
