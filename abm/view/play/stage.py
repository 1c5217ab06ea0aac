"""The frame around a film: titles, colour bar, legend, scale bar and the trace of pain, drawn once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray
from PIL import Image as Pictures
from PIL import ImageDraw, ImageFont

from abm.view.canvas import house_style
from abm.view.play.compose import Image, rgb, stamp
from abm.view.play.pack_fields import Scale
from abm.view.play.planes import LOG
from abm.view.style import BLACK, GREY

DPI = 100
POINT = 72.0 / DPI  # of a pixel
NOW = "#555555"


@dataclass(frozen=True)
class Box:
    """Left, top, width, height [pixels] of a part of a frame."""

    left: int
    top: int
    width: int
    height: int

    def cut(self, image: Image) -> Image:
        """That part of an image, as a view."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]


@dataclass(frozen=True)
class Trace:
    """One curve of the trace: time [d], values, colour, dashes, name."""

    time: NDArray[np.float64]
    values: NDArray[np.float64]
    colour: Any
    dash: Any
    label: str


@dataclass(frozen=True)
class Words:
    """What is written around the tissue."""

    title: str
    panels: Sequence[str]
    field: str  # name with unit
    trace: str  # name with unit
    events: Sequence[tuple[float, str]] = ()


@dataclass(frozen=True)
class Layout:
    """Where everything is, [pixels]; ``unit`` is the size of the text against that of 1080 lines."""

    height: int
    width: int
    unit: float
    panels: list[Box]
    bar: Box | None
    trace: Box | None
    legend: tuple[float, float]  # centre and top, as shares
    columns: int = 4
    clock: Box = field(init=False)

    def __post_init__(self) -> None:
        u = self.unit
        box = Box(round(self.width - 330 * u), round(14 * u), round(300 * u), round(54 * u))
        object.__setattr__(self, "clock", box)


def lay_out(
    height: int, width: int, panels: int, aspect: float, *, field_shown: bool, traced: bool
) -> Layout:
    """Arrange panels of an aspect (height over width): the trace beside a single one, else below."""
    u = min(height / 1080, width / 1080)
    top, margin = 90 * u, 30 * u
    bar = 150 * u if field_shown else 0.0
    beside = panels == 1 and traced and width > 1.35 * height
    if beside:
        top += 36 * u
        tall = height - top - 70 * u
        box = _fit(margin, top, 0.58 * width - bar - margin, tall, aspect)
        left = box.left + box.width + bar + 60 * u
        tall = round(0.5 * height)
        trace = Box(round(left + 60 * u), round(top + 0.3 * height), round(width - left - 100 * u), tall)
        legend = ((left + 0.5 * (width - left)) / width, 1 - (top + 10 * u) / height)
        boxes, columns = [box], 2
    else:
        below = (0.25 * height if traced else 0.0) + 105 * u
        rows = 1 if panels <= 4 else 2
        across = -(-panels // rows)
        wide = (width - 2 * margin - bar - (across - 1) * 14 * u) / across
        tall = (height - top - below) / rows - 44 * u
        boxes = _rows(panels, across, (margin, top + 40 * u), wide, tall, aspect, u, width - bar)
        bottom = max(box.top + box.height for box in boxes)
        legend = (0.5, 1 - (bottom + 12 * u) / height)
        tall = round(0.25 * height - 85 * u)
        trace = Box(round(120 * u), round(0.755 * height + 20 * u), round(width - 170 * u), tall)
        columns = 5 if width > 1.2 * height else 4
    last = max(boxes, key=lambda box: (box.left, -box.top))
    strip = Box(round(last.left + last.width + 16 * u), last.top, round(24 * u), last.height)
    return Layout(
        height, width, u, boxes, strip if field_shown else None, trace if traced else None, legend, columns
    )


def _fit(left: float, top: float, width: float, height: float, aspect: float) -> Box:
    wide = min(width, height / aspect)
    return Box(round(left), round(top), int(wide), int(wide * aspect))


def _rows(
    count: int,
    across: int,
    corner: tuple[float, float],
    wide: float,
    tall: float,
    aspect: float,
    u: float,
    room: float,
) -> list[Box]:
    """Boxes of equal size in rows, centred."""
    one = _fit(0, 0, wide, tall, aspect)
    used = across * one.width + (across - 1) * 14 * u
    left = max(corner[0], 0.5 * (room - used))
    return [
        Box(
            round(left + (i % across) * (one.width + 14 * u)),
            round(corner[1] + (i // across) * (one.height + 44 * u)),
            one.width,
            one.height,
        )
        for i in range(count)
    ]


class Stage:
    """A frame with everything that does not move.

    Parameters
    ----------
    layout : Layout
    words : Words
    scale : Scale or None
        Of the field; None without one.
    colours : (256, 3) uint8
    handles : sequence of Line2D
        The legend of the cells.
    traces : sequence of Trace
    domain : float [um]
        Width of the tissue, for the scale bar.
    """

    def __init__(
        self,
        layout: Layout,
        words: Words,
        scale: Scale | None,
        colours: NDArray[np.uint8],
        handles: Sequence[Line2D],
        traces: Sequence[Trace],
        domain: float,
    ) -> None:
        self.layout = layout
        self._traces = traces
        self._domain = domain
        with house_style(), mpl.rc_context({"font.size": 20 * layout.unit * POINT}):
            figure = Figure(figsize=(layout.width / DPI, layout.height / DPI), dpi=DPI)
            canvas = FigureCanvasAgg(figure)
            _write(figure, layout, words)
            if layout.bar is not None and scale is not None:
                _colour_bar(figure, layout, words, scale, colours)
            if handles:
                _legend(figure, layout, handles)
            axes = _trace_axes(figure, layout, words, traces) if layout.trace is not None else None
            canvas.draw()  # type: ignore[no-untyped-call]
            drawn = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
            self.image: Image = np.ascontiguousarray(drawn[..., :3])
            self._to_pixels: Any = None if axes is None else axes.transData.frozen()
        self._background = self.image.copy()

    def tell_time(self, image: Image, day: float) -> None:
        """Write the clock, and mark the moment in the trace."""
        box = self.layout.clock
        text = f"day {int(day + 1e-9)}, {24 * (day % 1.0 if day % 1.0 < 1 - 1e-9 else 0.0):04.1f} h"
        picture = Pictures.new("RGB", (box.width, box.height), (255, 255, 255))
        font = _font(round(34 * self.layout.unit))
        ImageDraw.Draw(picture).text((box.width, 4), text, (0, 0, 0), font=font, anchor="ra")
        box.cut(image)[:] = np.asarray(picture)
        if self.layout.trace is None or self._to_pixels is None:
            return
        area = self.layout.trace
        reach = Box(area.left - 12, area.top - 12, area.width + 24, area.height + 24)
        reach.cut(image)[:] = reach.cut(self._background)
        column = round(float(self._to_pixels.transform((day, 0.0))[0]))
        half = max(1, round(self.layout.unit))
        image[area.top : area.top + area.height, column - half : column + half] = rgb(NOW)
        for trace in self._traces:
            known = np.isfinite(trace.values)
            if known.any():
                value = float(np.interp(day, trace.time[known], trace.values[known]))
                x, y = self._to_pixels.transform((day, value))
                radius = 7 * self.layout.unit
                stamp(image, np.array([x]), np.array([self.layout.height - y]), radius, rgb(trace.colour))

    def draw_scale_bar(self, panel: Image) -> None:
        """A bar of a round length with its length, at the lower left of a panel."""
        height, width = panel.shape[:2]
        lengths = [m * 10.0**e for e in range(5) for m in (1, 2, 5)]
        length = min(lengths, key=lambda one: abs(one - 0.22 * self._domain))
        text = f"{length / 1000:g} mm" if length >= 1000 else f"{length:g} µm"
        font = _font(max(11, round(20 * self.layout.unit)))
        long, thick, inset = (
            round(length / self._domain * width),
            max(3, round(6 * self.layout.unit)),
            round(14 * self.layout.unit),
        )
        _, _, wide, tall = font.getbbox(text)
        box = np.s_[
            height - inset - thick - round(tall) - 12 : height - inset + 5,
            inset - 5 : inset + max(long, round(wide)) + 5,
        ]
        cut = panel[box]
        cut[:] = (0.25 * cut + 0.75 * 255).astype(np.uint8)
        picture = Pictures.fromarray(np.ascontiguousarray(cut))
        draw = ImageDraw.Draw(picture)
        draw.text((5 + long / 2, 3), text, (0, 0, 0), font=font, anchor="ma")
        bottom = cut.shape[0] - 5
        draw.rectangle((5, bottom - thick, 5 + long, bottom), fill=(0, 0, 0))
        cut[:] = np.asarray(picture)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """The font of the figures, which comes with matplotlib."""
    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)


def _axes(figure: Figure, layout: Layout, box: Box) -> Axes:
    shares = (
        box.left / layout.width,
        1 - (box.top + box.height) / layout.height,
        box.width / layout.width,
        box.height / layout.height,
    )
    return figure.add_axes(shares)


def _write(figure: Figure, layout: Layout, words: Words) -> None:
    u = layout.unit
    room = layout.clock.left - 40 * u
    size = min(30 * u, 1.75 * room / max(len(words.title), 1))
    figure.text(
        30 * u / layout.width, 1 - 41 * u / layout.height, words.title, fontsize=size * POINT, va="center"
    )
    for box, text in zip(layout.panels, words.panels, strict=True):
        size = min(24 * u, 1.75 * box.width / max(len(text), 1))
        figure.text(
            box.left / layout.width,
            1 - (box.top - 8 * u) / layout.height,
            text,
            fontsize=size * POINT,
            va="bottom",
        )


def _colour_bar(
    figure: Figure, layout: Layout, words: Words, scale: Scale, colours: NDArray[np.uint8]
) -> None:
    assert layout.bar is not None
    norm = LogNorm(scale.low, scale.high) if scale.kind == LOG else Normalize(scale.low, scale.high)
    painted = ListedColormap(colours[:255] / 255.0)
    bar = figure.colorbar(ScalarMappable(norm, painted), cax=_axes(figure, layout, layout.bar))
    size = 20 * layout.unit * POINT
    bar.set_label(words.field, fontsize=size, labelpad=0.4 * size)
    bar.ax.tick_params(labelsize=0.9 * size, which="both")
    bar.outline.set_linewidth(0.5)
    if scale.kind == LOG:
        few = scale.high / scale.low < 300
        bar.ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,)))
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        bar.ax.yaxis.set_minor_formatter(NullFormatter())


def _legend(figure: Figure, layout: Layout, handles: Sequence[Line2D]) -> None:
    figure.legend(
        handles=list(handles),
        loc="upper center",
        bbox_to_anchor=layout.legend,
        ncols=min(layout.columns, len(handles)),
        fontsize=18 * layout.unit * POINT,
        handletextpad=0.2,
        columnspacing=1.0,
        borderaxespad=0.0,
    )


def _trace_axes(figure: Figure, layout: Layout, words: Words, traces: Sequence[Trace]) -> Axes:
    assert layout.trace is not None
    axes = _axes(figure, layout, layout.trace)
    size = 20 * layout.unit * POINT
    for trace in traces:
        axes.plot(
            trace.time,
            trace.values,
            color=trace.colour,
            linestyle=trace.dash,
            label=trace.label,
            linewidth=1.6 * layout.unit,
        )
    end = max(float(trace.time[-1]) for trace in traces)
    axes.set_xlim(0.0, end or 1.0)
    axes.set_ylim(bottom=0.0)
    for day, text in words.events:
        axes.axvline(day, color=GREY, linewidth=0.8 * layout.unit, linestyle=(0, (2, 2)), zorder=0)
        axes.annotate(
            text,
            (day, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(2, 2),
            textcoords="offset points",
            fontsize=0.75 * size,
            color=BLACK,
            annotation_clip=False,
            rotation=0,
        )
    axes.set_xlabel("Time (d)", fontsize=size)
    tall = layout.trace.height > 14 * len(words.trace) * layout.unit
    axes.set_ylabel(words.trace if tall else words.trace.replace(" ", "\n", 1), fontsize=size)
    axes.tick_params(labelsize=0.9 * size)
    axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    if len({trace.label for trace in traces}) > 1:
        axes.legend(
            fontsize=0.8 * size, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=8, borderaxespad=0.0
        )
    return axes
