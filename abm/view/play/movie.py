"""Films of recorded runs: one numpy image per frame, streamed to ffmpeg."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from abm.errors import RequestError
from abm.view.labels import name_label
from abm.view.play.compose import COLOURS, Image, colour_table
from abm.view.play.encoder import find_ffmpeg, video
from abm.view.play.output import new_file
from abm.view.play.pack import thinned
from abm.view.play.pack_fields import Scale, scale_for
from abm.view.play.panel import Panel
from abm.view.play.planes import LINEAR, LOG
from abm.view.play.session import Session
from abm.view.play.stage import Layout, Stage, Trace, Words, lay_out
from abm.view.style import arm_styles
from abm.view.symbols import cell_looks

PRESETS = {"talk": (1080, 1920), "paper": (960, 1280), "square": (1080, 1080)}  # (height, width)
GIF_SIDE = 960  # longest side of a GIF
MOST_RUNS = 8
AUTO = "auto"
FRAME = 96  # grey of the line around the tissue


@dataclass(frozen=True)
class MovieOptions:
    """What a film shows.

    Attributes
    ----------
    field : str or None
        Cytokine behind the cells; None for the usual one.
    preset : str
        One of :data:`PRESETS`.
    fps : float
        Frames per second.
    every : int
        Only every k-th recorded frame.
    begin, end : float or None [d]
        Part of the run.
    z : str
        Layer or projection (``max``, ``mean``) of a three-dimensional tissue; the maximum when empty.
    scale : str
        ``linear``, ``log`` or ``auto``.
    colours : str
        Colours of the field.
    cells : bool
        Whether cells are drawn.
    """

    field: str | None = None
    preset: str = "talk"
    fps: float = 24.0
    every: int = 1
    begin: float | None = None
    end: float | None = None
    z: str = ""
    scale: str = AUTO
    colours: str = COLOURS[0]
    cells: bool = True


class Movie:
    """A film of the runs of a session, side by side in step.

    Parameters
    ----------
    session : Session
    options : MovieOptions

    Raises
    ------
    RecordError
        Too many runs, no frames, or an option that is not among those allowed.
    """

    def __init__(self, session: Session, options: MovieOptions) -> None:
        _check(session, options)
        self._options = options
        self._panels = [
            Panel(played, options.field, options.z, cells=options.cells) for played in session.values()
        ]
        _check_shapes(self._panels)
        self.times = _times(self._panels[0].times, options)
        self.shape = PRESETS[options.preset]
        self._scale = self._common_scale()

    def words(self, path: Path) -> str:
        """Size and length of a film, such as ``480 frames of 1920 x 1080, 20 s``."""
        height, width = self._shape_of(path)
        return f"{len(self.times)} frames of {width} x {height}, {len(self.times) / self._options.fps:.3g} s"

    def write(
        self, path: Path, *, force: bool = False, progress: Callable[[int, int], None] | None = None
    ) -> None:
        """Write an MP4 or GIF, frame by frame.

        Raises
        ------
        RecordError
            No ffmpeg, the file exists already or cannot be written, or a run cannot be read.
        """
        find_ffmpeg()
        shape = self._shape_of(path)
        title, origin = self._panels[0].title, "\n".join(panel.origin for panel in self._panels)
        with (
            new_file(path, force) as part,
            video(part, shape, self._options.fps, title, origin) as film,
        ):
            for number, image in enumerate(self.images(shape)):
                film.append(image)
                if progress:
                    progress(number + 1, len(self.times))

    def _shape_of(self, path: Path) -> tuple[int, int]:
        return gif_shape(self.shape) if path.suffix.lower() == ".gif" else self.shape

    def images(self, shape: tuple[int, int] | None = None) -> Iterator[Image]:
        """Every frame, (height, width, 3) uint8; the same array each time."""
        stage = self._stage(shape or self.shape)
        table = colour_table(self._options.colours)
        layout = stage.layout
        views = [
            panel.view(box.height, box.width) for panel, box in zip(self._panels, layout.panels, strict=True)
        ]
        thick = max(1, round(2 * layout.unit))
        outlines = [panel.outline(view, thick) for panel, view in zip(self._panels, views, strict=True)]
        image = stage.image
        for time in self.times:
            for panel, box, view, outline in zip(self._panels, layout.panels, views, outlines, strict=True):
                # Of its own, since one piece of memory is painted faster than a cut of the frame.
                tissue: Image = np.full((box.height, box.width, 3), 255, np.uint8)
                panel.paint(tissue, float(time), view, self._scale, table)
                outline.draw(tissue)
                if panel is self._panels[0]:
                    stage.draw_scale_bar(tissue)
                for edge in (tissue[:1], tissue[-1:], tissue[:, :1], tissue[:, -1:]):
                    edge[:] = FRAME
                box.cut(image)[:] = tissue
            stage.tell_time(image, float(time))
            yield image

    def _common_scale(self) -> Scale | None:
        """One scale for all panels."""
        ends = [panel.ends for panel in self._panels if panel.ends is not None]
        if not ends:
            return None
        low, high = min(one[0] for one in ends), max(one[1] for one in ends)
        found = scale_for(low, high)
        if self._options.scale == LINEAR:
            return Scale(LINEAR, 0.0, high if high > 0 else 1.0)
        if self._options.scale == LOG and found.kind != LOG:
            if low <= 0.0:
                raise RequestError(f"a logarithmic scale needs values above 0; the lowest is {low:g}")
            return Scale(LOG, low, high if high > low else 2 * low)
        return found

    def _stage(self, shape: tuple[int, int]) -> Stage:
        first = self._panels[0]
        traces = self._traces()
        grid = first.grid
        layout = lay_out(
            *shape,
            len(self._panels),
            grid.size[1] / grid.size[0],
            field_shown=self._scale is not None,
            traced=bool(traces),
        )
        words = Words(
            title=first.title,
            panels=[panel.label for panel in self._panels],
            field=first.field_label,
            trace=first.trace_label,
            events=first.doses if len(self._panels) == 1 else (),
        )
        handles = self._handles(layout) if self._options.cells else []
        table = colour_table(self._options.colours)
        return Stage(layout, words, self._scale, table, handles, traces, grid.size[0])

    def _traces(self) -> list[Trace]:
        styles = arm_styles(panel.arm for panel in self._panels)
        return [
            Trace(*panel.pain, styles[panel.arm].colour, styles[panel.arm].dash, styles[panel.arm].label)
            for panel in self._panels
            if panel.pain is not None
        ]

    def _handles(self, layout: Layout) -> list[Line2D]:
        """Legend of the phenotypes that occur at the beginning, in the middle or at the end."""
        looks: dict[str, tuple[Any, Any, float]] = {}
        labels: dict[str, str] = {}
        seen: set[str] = set()
        for panel in self._panels:
            types, phenotypes, occurring = panel.phenotypes()
            looks |= cell_looks(types, phenotypes)
            labels |= panel.experiment.labels
            seen |= occurring
        kinds = [name.partition(":")[0] for name in looks]
        size = 11 * layout.unit
        found = []
        for name, (face, edge, _) in looks.items():
            if name in seen:
                kind = name.partition(":")[0]
                alone = kinds.count(kind) == 1
                text = (
                    name_label(kind, labels)
                    if alone
                    else f"{name_label(kind, labels)}, {name_label(name, labels)}"
                )
                look = {
                    "markerfacecolor": face,
                    "markeredgecolor": edge,
                    "markersize": size,
                    "markeredgewidth": 0.6,
                }
                found.append(Line2D([], [], linestyle="none", marker="o", label=text, **look))
        return found


def gif_shape(shape: tuple[int, int]) -> tuple[int, int]:
    """Height and width of a GIF: smaller than a video, and even."""
    factor = min(1.0, GIF_SIDE / max(shape))
    return 2 * round(0.5 * factor * shape[0]), 2 * round(0.5 * factor * shape[1])


def _check(session: Session, options: MovieOptions) -> None:
    if len(session) > MOST_RUNS:
        raise RequestError(f"{len(session)} runs were given; a film shows at most {MOST_RUNS} side by side")
    for what, given, known in (
        ("preset", options.preset, PRESETS),
        ("scale", options.scale, (AUTO, LINEAR, LOG)),
        ("colours", options.colours, COLOURS),
    ):
        if given not in known:
            raise RequestError(f"no {what} {given!r}; there are {', '.join(known)}")


def _check_shapes(panels: Sequence[Panel]) -> None:
    first = panels[0].grid.size
    for panel in panels:
        if abs(panel.grid.size[1] * first[0] - first[1] * panel.grid.size[0]) > 0.01 * first[0] * first[1]:
            raise RequestError(
                f"the tissues of {panels[0].label} and {panel.label} differ in shape; film them one by one"
            )


def _times(recorded: NDArray[np.float64], options: MovieOptions) -> NDArray[np.float64]:
    low, high = options.begin, options.end
    if low is not None and high is not None and low > high:
        raise RequestError(f"a film cannot be from day {low:g} to day {high:g}")
    kept = recorded[
        (recorded >= (-np.inf if low is None else low)) & (recorded <= (np.inf if high is None else high))
    ]
    if len(kept) == 0:
        span = (
            f"recorded frames are from day {recorded[0]:g} to {recorded[-1]:g}"
            if len(recorded)
            else "none was recorded"
        )
        raise RequestError(f"there are no frames to film: {span}")
    return kept[thinned(len(kept), options.every)]
