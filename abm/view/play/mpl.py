"""A player in a matplotlib figure, for notebooks and for people without a browser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backend_bases import Event, KeyEvent
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.widgets import Button, Slider

from abm.errors import RecordError, RequestError
from abm.view.play.compose import Image, colour_table
from abm.view.play.pack_fields import scale_for
from abm.view.play.panel import Panel
from abm.view.play.planes import LOG
from abm.view.play.session import Session

SIDE = 700  # longest side of the tissue [pixels]
INTERVAL = 40  # between frames [ms]
# Ends of the names of the backends that open windows.
WINDOWS = ("qtagg", "tkagg", "gtk3agg", "gtk4agg", "wxagg", "webagg", "macosx")
STEPS = {"left": -1, "right": 1, "pagedown": 10, "pageup": -10}


class Player:
    """Plays one run: a slider, a button, and keys (space, arrows, page up and down, home, end).

    Parameters
    ----------
    path : path
        Result file.
    field : str, optional
        Cytokine behind the cells; the usual one when omitted.

    Attributes
    ----------
    figure : matplotlib figure
    frame : int
        Number of the frame shown.
    playing : bool

    Raises
    ------
    RecordError
        The file is none, has no frames, or no such field.
    """

    def __init__(self, path: str | Path, field: str | None = None) -> None:
        self._session = Session([path])
        self._panel = Panel(self._session["0"], field)
        if len(self._panel.times) == 0:
            raise RecordError(f"{path}: no frames were recorded; there is nothing to play")
        width, height = self._panel.grid.size[:2]
        factor = SIDE / max(width, height)
        self._view = self._panel.view(round(height * factor), round(width * factor))
        self._outline = self._panel.outline(self._view, 2)
        self._scale = None if self._panel.ends is None else scale_for(*self._panel.ends)
        self._colours = colour_table("grey")
        self.frame = 0
        self.playing = False
        self._still: Any = None
        self.figure: Figure = plt.figure(figsize=(8.6, 8.0))
        self._build()
        self.show(0)

    def show(self, frame: int) -> None:
        """Show a frame; numbers beyond the ends mean the ends."""
        self.frame = int(np.clip(frame, 0, len(self._panel.times) - 1))
        day = float(self._panel.times[self.frame])
        self._image.set_data(self._paint(day))
        self._title.set_text(f"{self._panel.label}, day {day:g}")
        if self._now is not None:
            self._now.set_xdata([day, day])
        self._slider.eventson = False
        self._slider.set_val(self.frame)
        self._slider.eventson = True
        self._redraw()

    def toggle(self, _event: Event | None = None) -> None:
        """Play or pause; from the beginning when at the end."""
        self.playing = not self.playing
        self._button.label.set_text("Pause" if self.playing else "Play")
        if self.playing and self.frame == len(self._panel.times) - 1:
            self.show(0)
        (self._timer.start if self.playing else self._timer.stop)()
        self.figure.canvas.draw_idle()

    def advance(self) -> None:
        """One frame further; stops at the end."""
        if self.frame == len(self._panel.times) - 1:
            if self.playing:
                self.toggle()
            return
        self.show(self.frame + 1)

    def press(self, event: KeyEvent) -> None:
        """Answer a key."""
        if event.key == " ":
            self.toggle()
        elif event.key in STEPS:
            self.show(self.frame + STEPS[event.key])
        elif event.key in ("home", "end"):
            self.show(0 if event.key == "home" else len(self._panel.times))

    def close(self) -> None:
        """Close the figure and the file."""
        self._timer.stop()
        plt.close(self.figure)
        self._session.close()

    def _redraw(self) -> None:
        """Draw what changed only, where the canvas can: a whole figure takes long."""
        canvas: Any = self.figure.canvas
        if self._still is None or not canvas.supports_blit:
            canvas.draw_idle()
            return
        canvas.restore_region(self._still)
        self._draw_moving()
        canvas.blit(self.figure.bbox)

    def _drawn(self, _event: Event) -> None:
        """Remember the figure without what moves, after it was drawn as a whole."""
        canvas: Any = self.figure.canvas
        if canvas.supports_blit:
            self._still = canvas.copy_from_bbox(self.figure.bbox)
        self._draw_moving()

    def _draw_moving(self) -> None:
        for artist in (self._image, self._title, self._now, self._slider.ax):
            if artist is not None:
                self.figure.draw_artist(artist)

    def _paint(self, day: float) -> Image:
        image: Image = np.full((self._view.height, self._view.width, 3), 255, np.uint8)
        self._panel.paint(image, day, self._view, self._scale, self._colours)
        self._outline.draw(image)
        return image

    def _build(self) -> None:
        pain = self._panel.pain
        self._axes = self.figure.add_axes((0.04, 0.31 if pain else 0.14, 0.78, 0.64 if pain else 0.8))
        left, bottom = self._view.origin
        extent = (left, left + self._view.size[0], bottom, bottom + self._view.size[1])
        first = self._paint(float(self._panel.times[0]))
        self._image = self._axes.imshow(first, extent=extent, interpolation="nearest", animated=True)
        self._title = self._axes.set_title("", loc="left", animated=True)
        self._axes.set_xticks([])
        self._axes.set_yticks([])
        if self._scale is not None:
            kind = LogNorm if self._scale.kind == LOG else Normalize
            painted = ScalarMappable(
                kind(self._scale.low, self._scale.high), ListedColormap(self._colours[:255] / 255.0)
            )
            bar = self.figure.colorbar(painted, cax=self._axes.inset_axes((1.02, 0.0, 0.03, 1.0)))
            bar.set_label(self._panel.field_label)
        self._now: Any = None
        if pain is not None:
            trace = self.figure.add_axes((0.11, 0.13, 0.71, 0.13))
            trace.plot(*pain, color="black", linewidth=1.2)
            trace.set_ylim(bottom=0.0)
            trace.set_ylabel(self._panel.trace_label.replace(" ", "\n", 1))
            trace.set_xlabel("Time (d)")
            self._now = trace.axvline(0.0, color="tab:red", animated=True)
        last = len(self._panel.times) - 1
        place = self.figure.add_axes((0.2, 0.02, 0.6, 0.03))
        place.set_animated(True)
        self._slider = Slider(place, "Frame", 0, max(last, 1), valinit=0, valstep=1, valfmt="%d")
        self._slider.drawon = False
        self._slider.on_changed(lambda value: self.show(int(value)))
        self._button = Button(self.figure.add_axes((0.03, 0.015, 0.09, 0.04)), "Play")
        self._button.on_clicked(self.toggle)
        self.figure.canvas.mpl_connect("key_press_event", self.press)
        self.figure.canvas.mpl_connect("draw_event", self._drawn)
        self._timer = self.figure.canvas.new_timer(interval=INTERVAL)
        self._timer.add_callback(self.advance)


def show(paths: Sequence[str | Path], field: str | None = None) -> None:
    """Open a window with a player for one file, and wait until it is closed.

    Raises
    ------
    RecordError
        More than one file, or matplotlib has no windows here.
    """
    if len(paths) != 1 or Path(paths[0]).is_dir():
        raise RequestError("the matplotlib player shows one file; the browser's shows several: without --mpl")
    plt.switch_backend(mpl.rcParams["backend"])
    if not plt.get_backend().lower().endswith(WINDOWS):
        raise RecordError(
            f"matplotlib has no window here (its backend is {plt.get_backend()!r}); use the browser "
            "(abm play without --mpl), or in a notebook `%matplotlib widget` and abm.open_run(path).play()"
        )
    player = Player(paths[0], field)
    plt.show(block=True)
    player.close()
