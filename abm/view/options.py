"""What may be chosen about figures."""

from __future__ import annotations

from dataclasses import dataclass

SECTION, MAXIMUM = "section", "maximum"
PROJECTIONS = (SECTION, MAXIMUM)


@dataclass(frozen=True)
class Options:
    """Choices that hold for all figures of one call.

    Attributes
    ----------
    field : str
        Cytokine behind the cells of the tissue panels.
    days : tuple of float [d]
        Days of the tissue panels, the nearest recorded frames are shown; chosen from the length of the runs
        when empty.
    replicate : int or None
        Replicate shown in the tissue panels; the first one when None.
    projection : str
        Of three-dimensional tissue: ``section`` (the middle plane of the field, and the cells within 10 um of
        it) or ``maximum`` (the highest concentration along z, and all cells).
    individual : bool
        Thin lines of the single replicates in place of the bands of the interval.
    dpi : int
        Resolution of PNG, and of the images inside SVG and PDF.
    """

    field: str = "TGF-b1"
    days: tuple[float, ...] = ()
    replicate: int | None = None
    projection: str = SECTION
    individual: bool = False
    dpi: int = 300
