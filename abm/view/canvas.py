"""Making and saving figures: object-oriented matplotlib without pyplot, the same bytes every time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from abm import __version__
from abm.analysis.groups import RunGroups, origin_text
from abm.errors import RequestError
from abm.record.faults import os_fault
from abm.view.style import MM, RC, WIDTH

FORMATS = ("png", "svg", "pdf")


class NothingToShowError(Exception):
    """The runs do not hold what a figure is about; the message says what is missing."""


@contextmanager
def house_style() -> Iterator[None]:
    """Draw with this project's settings whatever the user's own are; the user's return afterwards."""
    with style.context(["default", RC]):
        yield


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """An empty figure of a size in mm, laid out by constraints."""
    engine = ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03, wspace=0.02, hspace=0.02)
    figure = Figure(figsize=(width * MM, height * MM), layout=engine)
    FigureCanvasAgg(figure)
    return figure


def grid(figure: Any, rows: int, columns: int, **settings: Any) -> list[list[Axes]]:
    """Axes in rows and columns; `figure` is a figure or a part of one."""
    axes = figure.subplots(rows, columns, squeeze=False, **settings)
    return [list(row) for row in axes]


def letter(axes: Axes, text: str) -> None:
    """Bold letter of a panel, left of its title."""
    axes.annotate(
        text,
        (0, 1),
        xycoords="axes fraction",
        xytext=(-24, 5),
        textcoords="offset points",
        fontweight="bold",
        fontsize=9,
        annotation_clip=False,
    )


def footnote(figure: Figure, text: str) -> None:
    """A line of small text at the lower left, for which the layout makes room."""
    figure.legend(handles=[], title=text, loc="outside lower left", borderpad=0.0, borderaxespad=0.0)


def save(
    figure: Figure, folder: Path, name: str, formats: Sequence[str], groups: RunGroups, dpi: int
) -> list[Path]:
    """Write a figure in several formats, with where it comes from inside.

    An older file of the same name is replaced: a figure is derived from result files and can be made again.

    Raises
    ------
    RecordError
        The folder cannot be written.
    """
    paths = []
    for form in formats:
        if form not in FORMATS:
            raise RequestError(f"no format {form!r} for figures; there are {', '.join(FORMATS)}")
        path = folder / f"{name}.{form}"
        try:
            figure.savefig(path, format=form, dpi=dpi, metadata=metadata(form, name, groups))
        except OSError as error:
            raise os_fault(path, "write the figure", error) from error
        paths.append(path)
    return paths


def metadata(form: str, name: str, groups: RunGroups) -> dict[str, Any]:
    """Title, program and origin of the data in the words each format has; never a date, for equal bytes."""
    title = groups.runs[0].title if groups.runs else ""
    subject = f"{name}: {title}" if title else name
    maker = f"abm {__version__}, matplotlib {mpl.__version__}"
    described = origin_text(groups.runs)
    match form:
        case "png":
            return {"Title": subject, "Software": maker, "Description": described}
        case "svg":
            return {"Title": subject, "Creator": maker, "Description": described, "Date": None}
        case _:
            return {
                "Title": subject,
                "Creator": maker,
                "Producer": maker,
                "Subject": described,
                "CreationDate": None,
                "ModDate": None,
            }
