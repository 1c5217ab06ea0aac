"""Figures of recorded runs, by kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from abm.analysis.groups import RunGroups, group_runs
from abm.errors import RequestError
from abm.record.faults import os_fault
from abm.view.arms import draw_arms
from abm.view.canvas import FORMATS, NothingToShowError, house_style, save
from abm.view.cells import draw_cells
from abm.view.cytokines import draw_cytokines
from abm.view.dose import draw_dose
from abm.view.homing import draw_homing
from abm.view.msc import draw_msc
from abm.view.options import Options
from abm.view.overview import draw_overview
from abm.view.pain import draw_nociception, draw_pain
from abm.view.pairs import draw_pairs
from abm.view.phase import draw_phase
from abm.view.space import draw_kymograph, draw_radial
from abm.view.targets import draw_targets
from abm.view.tissue import draw_tissue

Draw = Callable[[RunGroups, Options], Figure]

KINDS: dict[str, Draw] = {
    "pain": draw_pain,
    "nociception": draw_nociception,
    "cells": draw_cells,
    "cytokines": draw_cytokines,
    "tissue": draw_tissue,
    "msc": draw_msc,
    "targets": draw_targets,
    "overview": draw_overview,
    "kymograph": draw_kymograph,
    "radial": draw_radial,
    "pairs": draw_pairs,
    "homing": draw_homing,
    "phase": draw_phase,
    "dose": draw_dose,
    "arms": draw_arms,
}
# What is drawn unless kinds are named; the others answer questions that not everybody has.
USUAL = ("pain", "nociception", "cells", "cytokines", "tissue", "msc", "targets", "overview")


def plot_files(
    paths: str | Path | Iterable[str | Path],
    output: str | Path,
    kinds: Iterable[str] | None = None,
    formats: Sequence[str] = ("png",),
    options: Options | None = None,
    report: Callable[[str], None] | None = None,
) -> list[Path]:
    """Make figures of result files: ``<kind>.<format>`` in a folder.

    Figures of the same name are replaced without asking: they are derived from the result files, which are
    only read, and can be made again.

    Parameters
    ----------
    paths : path or iterable of paths
        Result files, or folders of them.
    output : path
        Folder for the figures, made when missing.
    kinds : iterable of str, optional
        Some of :data:`KINDS`; when omitted, those of :data:`USUAL` that the runs have the data for.
    formats : sequence of str
        Some of ``png``, ``svg``, ``pdf``.
    options : Options, optional
        Field, days, replicate and projection of the tissue panels, bands or single curves, resolution.
    report : callable, optional
        Told, a sentence each, what of the runs is unusual and which figures were left out and why.

    Returns
    -------
    list of Path
        The files written, in the order of the kinds.

    Raises
    ------
    RecordError
        No result files, two of the same arm and replicate, an unknown kind or format, a kind asked for by
        name that the runs have no data for, or a folder that cannot be written.
    """
    with group_runs(paths, finished_only=True) as groups:
        for notice in groups.notices if report is not None else ():
            report(notice)  # type: ignore[misc]
        return plot_groups(groups, output, kinds, formats, options, report)


def plot_groups(
    groups: RunGroups,
    output: str | Path,
    kinds: Iterable[str] | None = None,
    formats: Sequence[str] = ("png",),
    options: Options | None = None,
    report: Callable[[str], None] | None = None,
) -> list[Path]:
    """The same for runs that are open already; see :func:`plot_files`."""
    wanted = list(USUAL) if kinds is None else list(dict.fromkeys(kinds))
    _check(wanted, KINDS, "figure")
    _check(formats, FORMATS, "format")
    chosen = options or Options()
    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise os_fault(folder, "make the folder", error) from error
    written: list[Path] = []
    for kind in wanted:
        try:
            with house_style():
                figure = KINDS[kind](groups, chosen)
                written += save(figure, folder, kind, formats, groups, chosen.dpi)
        except NothingToShowError as error:
            if kinds is not None:
                raise RequestError(f"no figure {kind!r}: {error}") from error
            if report is not None:
                report(f"no figure {kind!r}: {error}")
    return written


def _check(given: Iterable[str], known: Iterable[str], what: str) -> None:
    unknown = [name for name in given if name not in known]
    if unknown:
        raise RequestError(f"no {what} {', '.join(map(repr, unknown))}; there are {', '.join(known)}")
