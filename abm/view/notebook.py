"""Runs and frames in a notebook: axes of matplotlib, and what stands for a run."""

from __future__ import annotations

import base64
import html
import io
from dataclasses import replace
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from PIL import Image as Pictures

from abm.analysis.experiment import read_experiment
from abm.errors import RecordError, RequestError
from abm.record import CellFrame, Run
from abm.view.canvas import house_style
from abm.view.labels import arm_label
from abm.view.options import PROJECTIONS, SECTION, Options
from abm.view.play.compose import colour_table
from abm.view.play.pack_fields import scale_for
from abm.view.play.panel import CELL_COLUMNS, Panel
from abm.view.play.session import Session
from abm.view.snapshot import Snapshot, box_of, near, snapshot
from abm.view.tissue import add_colour_bar, colour_scale, draw_snapshot, scale_bar

if TYPE_CHECKING:
    from abm.view.run_view import FrameView

PICTURE = 280  # width [pixels] of the picture of a run


def plot_frame(frame: FrameView, field: str | None, axes: Axes | None, projection: str) -> Axes:
    """Draw a frame of cells over a field; see :meth:`abm.view.run_view.FrameView.plot`."""
    if frame.run is None:
        raise RecordError(
            "this frame does not know its run; get it from a run: abm.open_run(path).frame(...)"
        )
    missing = [name for name in CELL_COLUMNS if name not in frame.columns]
    if missing:
        raise RecordError(f"the frame was read without {', '.join(missing)}; read it with all columns")
    run = frame.run
    shot = _snapshot(run, frame, field, projection)
    with house_style():
        if axes is None:
            # Of pyplot, so that a notebook or window shows them.
            axes = plt.figure(figsize=(5.8, 4.7)).add_axes((0.02, 0.03, 0.78, 0.9), anchor="W")
        known = np.isfinite(shot.field).any()
        norm = colour_scale([shot]) if known else Normalize(0.0, 1.0)
        experiment = read_experiment(run)
        draw_snapshot(axes, shot, norm, experiment.readout_region, names=True)
        scale_bar(axes, box_of(run))
        if known:
            add_colour_bar(axes, norm, _field(run, field), shot.unit, experiment.labels)
        axes.set_title(f"{arm_label(run.arm)}, day {frame.time:g}")
    return axes


def _snapshot(run: Run, frame: CellFrame, field: str | None, projection: str) -> Snapshot:
    """The moment of a frame, with exactly its cells."""
    if projection not in PROJECTIONS:
        raise RequestError(f"projection {projection!r}; there are {', '.join(PROJECTIONS)}")
    cells = frame.where(place="tissue", status="alive")
    layers = run.coordinate("z")
    if projection == SECTION and len(layers) > 1:
        cells = near(cells, float(layers[len(layers) // 2]))
    if len(run.field_times):
        options = Options(field=_field(run, field), projection=projection)
        return replace(snapshot(run, frame.time, options), cells=cells)
    empty = np.full(run.tissue.shape[1:], np.nan)
    flat = {name: np.asarray(mask.any(axis=0)) for name, mask in run.regions.items()}
    return Snapshot(run, frame.time, empty, flat, cells, "")


def _field(run: Run, wanted: str | None) -> str:
    usual = Options().field
    return wanted or (usual if usual in run.cytokines else run.cytokines[0])


def run_html(run: Run) -> str:
    """A table of what a run was, beside a picture of its last frame."""
    rows = {
        "title": run.title,
        "arm": f"{run.arm}, replicate {run.replicate}, seed {run.seed}",
        "status": f"{run.status}: {run.status_message}" if run.status_message else run.status,
        "length": f"{run.time[-1]:g} d" if len(run.time) else "empty",
        "frames": f"{len(run.field_times)} of {len(run.cytokines)} fields, {len(run.frame_times)} of cells",
        "series": f"{len(run.series_names)}, such as {', '.join(run.series_names[:4])}",
    }
    left = "style='text-align:left'"
    lines = "".join(
        f"<tr><th {left}>{name}</th><td {left}>{html.escape(text)}</td></tr>" for name, text in rows.items()
    )
    name, beside = html.escape(run.path.name), "style='display:flex;gap:1em'"
    return f"<div><b>{name}</b><div {beside}><table>{lines}</table>{_picture(run)}</div></div>"


def _picture(run: Run) -> str:
    """The last frame as an image element; nothing where no frames were recorded."""
    with Session([run.path]) as session:
        panel = Panel(session["0"])
        if len(panel.times) == 0:
            return ""
        height = round(PICTURE * panel.grid.size[1] / panel.grid.size[0])
        image = np.full((height, PICTURE, 3), 255, np.uint8)
        view = panel.view(height, PICTURE)
        scale = None if panel.ends is None else scale_for(*panel.ends)
        panel.paint(image, float(panel.times[-1]), view, scale, colour_table("grey"))
        panel.outline(view, 1).draw(image)
    data = io.BytesIO()
    Pictures.fromarray(image).save(data, "png")
    source = f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"
    return f"<img alt='cells on day {panel.times[-1]:g}' src='{source}'>"
