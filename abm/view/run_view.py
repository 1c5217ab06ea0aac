"""Runs that can show themselves: what ``abm.open_run`` opens.

The record knows nothing of pictures.  These classes stand above it: they are its run and its frames, and draw
themselves when asked; matplotlib is loaded then, not before.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.record import CellFrame, Run
from abm.record.opening import open_checked

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def open_run(path: str | Path) -> RunView:
    """Open a result file for reading; data are read when asked for.

    Raises
    ------
    RecordError
        See :func:`abm.record.opening.open_checked`.
    """
    path = Path(path)
    return RunView(path, open_checked(path))


class RunView(Run):
    """One open result file, which can be drawn; see :class:`abm.record.Run` for its data."""

    def frame(
        self, index: int | None = None, *, time: float | None = None, columns: list[str] | None = None
    ) -> FrameView:
        """One frame of the cell table; see :meth:`abm.record.Run.frame`."""
        found = super().frame(index, time=time, columns=columns)
        return FrameView(**{one.name: getattr(found, one.name) for one in fields(found)}, run=self)

    def play(self, field: str | None = None) -> Any:
        """A player in a matplotlib figure; keep what is returned.

        Parameters
        ----------
        field : str, optional
            Cytokine behind the cells.

        Returns
        -------
        abm.view.play.mpl.Player
        """
        from abm.view.play.mpl import Player

        return Player(self.path, field)

    def _repr_html_(self) -> str:
        """What a notebook shows: what the run was, and its last frame."""
        from abm.view.notebook import run_html

        return run_html(self)


@dataclass(frozen=True)
class FrameView(CellFrame):
    """All cells at one moment, which can be drawn; ``run`` is where they come from."""

    run: RunView | None = field(default=None, repr=False, compare=False)

    def plot(self, field: str | None = None, axes: Axes | None = None, projection: str = "section") -> Axes:
        """Draw these cells over the field nearest in time, as ``abm plot --kind tissue`` does.

        Parameters
        ----------
        field : str, optional
            Cytokine behind the cells; the usual one when omitted.
        axes : matplotlib axes, optional
            Where to draw; new ones of pyplot when omitted.
        projection : str
            Of three-dimensional tissue: ``section`` (the middle plane) or ``maximum``.

        Returns
        -------
        matplotlib axes

        Raises
        ------
        RecordError
            There is no such field or projection, or the frame lacks the columns of
            :data:`abm.record.layout.STANDARD_COLUMNS`.
        """
        from abm.view.notebook import plot_frame

        return plot_frame(self, field, axes, projection)

    def where(self, **names: str) -> FrameView:
        """Cells whose codes have the given names; see :meth:`abm.record.CellFrame.where`."""
        found = super().where(**names)
        return replace(self, columns=found.columns)
