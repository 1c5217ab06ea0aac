"""One run as pixels, moment by moment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from abm.analysis.experiment import Experiment, read_experiment
from abm.analysis.groups import origin_text
from abm.errors import RequestError
from abm.record import CellFrame, Run
from abm.view.labels import arm_label, name_label, unit_label
from abm.view.options import Options
from abm.view.play.compose import Image, Outline, View, draw_cells, draw_field
from abm.view.play.describe import Grid
from abm.view.play.frames import in_layer
from abm.view.play.pack_fields import Scale
from abm.view.play.planes import MAXIMUM, PROJECTIONS
from abm.view.play.session import PlayedRun

PAIN_SERIES = (("withdrawal_threshold", "Withdrawal threshold"), ("nociception", "Nociceptive signal"))
CELL_COLUMNS = ("id", "type", "phenotype", "status", "place", "x", "y", "z")


class Panel:
    """Paints the moments of one run.

    Parameters
    ----------
    played : PlayedRun
    field : str or None
        Cytokine behind the cells; None for the usual one, no field where none was recorded.
    z : str
        Layer, ``max`` or ``mean`` of a three-dimensional tissue; the maximum when empty.
    cells : bool
        Whether cells are drawn.

    Attributes
    ----------
    times : (n,) float64 [d]
        Of the frames of fields, else of those of cells.
    ends : (low, high) or None
        Range of the field.

    Raises
    ------
    RecordError
        There is no such field or layer.
    """

    def __init__(
        self, played: PlayedRun, field: str | None = None, z: str = "", *, cells: bool = True
    ) -> None:
        self._played = played
        self._draws_cells = cells
        with played.reading() as run:
            self.experiment = read_experiment(run)
            self.grid = Grid(run)
            self.title, self.arm = run.title, run.arm
            self.label = f"{arm_label(run.arm)}, replicate {run.replicate}"
            self.origin = origin_text([run])
            self._field_times, self._cell_times = run.field_times, run.frame_times
            self._field = _field_name(run, field)
            self.field_label = (
                self._field and f"{name_label(self._field, self.experiment.labels)} ({run.field_unit})"
            )
            self.pain, self.trace_label = _pain(run)
            self._z = _layer(z, self.grid)
            self._regions = {
                name: np.asarray(mask.any(axis=0) if self._z in PROJECTIONS else mask[int(self._z)])
                for name, mask in run.regions.items()
            }
            seen = played.ranges.cytokines(run)[self._field] if self._field else None
        self.ends = (seen.low, seen.high) if seen is not None and np.isfinite(seen.low) else None
        self.times = self._field_times if len(self._field_times) else self._cell_times
        self.doses = _doses(self.experiment)

    def view(self, height: int, width: int) -> View:
        """The tissue in an image of a size."""
        x, y = self.grid.origin[:2], self.grid.size[:2]
        return View((x[0], x[1]), (y[0], y[1]), height, width)

    def outline(self, view: View, width: int) -> Outline:
        """Outlines of its regions."""
        return Outline(self._regions, self.experiment.readout_region, view, width)

    def phenotypes(self) -> tuple[list[str], list[str], set[str]]:
        """Names of all types, of all phenotypes, and of the phenotypes that occur in three frames."""
        with self._played.reading() as run:
            names = run.cell_labels
            last = len(self._cell_times) - 1
            numbers = sorted({0, last // 2, last}) if last >= 0 else []
            codes = [run.cell_values("phenotype", run.frame_rows(n)) for n in numbers]
        phenotypes = [str(name) for name in names["phenotype"]]
        occurring = {phenotypes[code] for frame in codes for code in np.unique(frame)}
        return [str(name) for name in names["type"]], phenotypes, occurring

    def paint(
        self, image: Image, time: float, view: View, scale: Scale | None, table: NDArray[np.uint8]
    ) -> None:
        """Field and cells nearest to a time."""
        if scale is not None and self._field and len(self._field_times):
            frame = int(np.argmin(np.abs(self._field_times - time)))
            draw_field(image, self._played.plane(self._field, frame, self._z), scale, table)
        if self._draws_cells and len(self._cell_times):
            draw_cells(image, self._cells(time), view)

    def _cells(self, time: float) -> CellFrame:
        with self._played.reading() as run:
            cells = run.frame(time=time, columns=list(CELL_COLUMNS))
        cells = cells.where(place="tissue", status="alive")
        return cells if self._z in PROJECTIONS else in_layer(cells, self.grid, int(self._z))


def _layer(given: str, grid: Grid) -> str:
    if grid.shape[0] == 1 and given in ("", *PROJECTIONS):
        return "0"
    if given in PROJECTIONS:
        return given
    if not given:
        return MAXIMUM
    if not (given.isascii() and given.isdigit() and int(given) < grid.shape[0]):
        raise RequestError(f"no layer {given!r}; there are 0 to {grid.shape[0] - 1}, max and mean")
    return given


def _field_name(run: Run, wanted: str | None) -> str:
    """The field shown; empty when none was recorded."""
    if wanted is not None and wanted not in run.cytokines:
        raise RequestError(f"{run.path.name}: no field {wanted!r}; there are {', '.join(run.cytokines)}")
    if len(run.field_times) == 0 or not run.cytokines:
        return ""
    usual = Options().field
    return wanted or (usual if usual in run.cytokines else run.cytokines[0])


def _pain(run: Run) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]] | None, str]:
    for name, text in PAIN_SERIES:
        if name in run.series_names:
            series = run.series(name)
            if len(series.time):
                unit = unit_label(series.unit)
                return (series.time, series.values), f"{text} ({unit})" if unit else text
    return None, ""


def _doses(experiment: Experiment) -> Sequence[tuple[float, str]]:
    """Marks of the trace, one for each day."""
    marks: dict[float, str] = {}
    for injury in experiment.injuries:
        if np.isfinite(injury.day):
            marks.setdefault(injury.day, injury.label if len(injury.label) < 12 else injury.kind)
    for dose in experiment.doses:
        marks.setdefault(dose.day, "dose")
    return tuple(marks.items())
