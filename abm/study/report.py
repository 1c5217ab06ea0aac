"""The report of a study: one HTML page that needs nothing else, beside the tables and figures."""

from __future__ import annotations

import base64
import os
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from os.path import lexists
from pathlib import Path
from typing import Any

from abm import __version__
from abm.analysis.bootstrap import least_replicates
from abm.analysis.groups import RunGroups, origin, provenance
from abm.errors import RecordError
from abm.record.faults import os_fault
from abm.scenario.emit import emit
from abm.scenario.load import Experiment
from abm.scenario.nodes import MapNode
from abm.study.claim_figures import comparison_plots, effect_rows
from abm.study.claim_tables import (
    CLAIMS_FIGURE,
    CLAIMS_FILE,
    FIGURES,
    as_csv,
    as_document,
    count_text,
    d_text,
    effect_text,
    p_text,
    to_json,
    value_text,
)
from abm.study.verdicts import ClaimResult, ComparisonResult
from abm.units import readable
from abm.view.canvas import NothingToShowError, house_style, save
from abm.view.figures import KINDS
from abm.view.labels import dose_label
from abm.view.options import Options
from abm.view.study_claim import draw_claim
from abm.view.study_effects import draw_effects

CSV, REPORT = "claims.csv", "report.html"
OUTPUTS = (CSV, CLAIMS_FILE, REPORT)
DPI = 120
PICTURES = {
    "pain": "Paw-withdrawal threshold of all arms.",
    "cells": "Cells of the readout's region.",
    "cytokines": "Cytokines of the readout's region.",
}
_DOI = re.compile(r"doi:(10\.\d{4,9}/[A-Za-z0-9._;()/:+-]+)")


@dataclass(frozen=True)
class Picture:
    """One figure inside the page."""

    caption: str
    data: str
    width: int
    height: int


@dataclass(frozen=True)
class Study:
    """What a report is about.

    Attributes
    ----------
    experiment : Experiment
    results : sequence of ClaimResult
    groups : RunGroups
        The runs the claims were evaluated on.
    level : float
        Coverage of the intervals.
    commands : sequence of str
        How to repeat it, a line each.
    warnings : sequence of str
        What a reader must know beside the notices of the runs.
    """

    experiment: Experiment
    results: Sequence[ClaimResult]
    groups: RunGroups
    level: float
    commands: Sequence[str] = ()
    warnings: Sequence[str] = field(default=())


def check_outputs(folder: Path, replace: bool, resumable: bool = True) -> None:
    """Refuse to write over an earlier report unless that is wanted.

    Parameters
    ----------
    folder : Path
    replace : bool
        It is wanted.
    resumable : bool
        Whether runs are made, so that they can be kept and the report made anew.

    Raises
    ------
    RecordError
        Files are in the way.
    """
    standing = [name for name in OUTPUTS if lexists(folder / name)]
    if standing and not replace:
        kept = "keep complete runs and make the report anew with --resume, " if resumable else ""
        raise RecordError(
            f"{folder}: {', '.join(standing)} exist already; nothing was done. Replace them with --force, "
            f"{kept}or choose another folder with -o"
        )


def write_study(study: Study, folder: Path, report: Callable[[str], None]) -> list[Path]:
    """Write ``claims.csv``, ``claims.json``, the figures and ``report.html`` into a folder.

    Parameters
    ----------
    report : callable
        Told, a sentence each, which figures could not be drawn.

    Returns
    -------
    list of Path
        The files written, the report last.
    """
    groups, results = study.groups, study.results
    figures = folder / FIGURES
    try:
        figures.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise os_fault(figures, "make the folder", error) from error
    document = as_document(results, study.experiment, groups, study.level)
    written = [_write(folder / CSV, as_csv(results)), _write(folder / CLAIMS_FILE, to_json(document))]
    pictures = []
    for kind, caption in PICTURES.items():
        try:
            with house_style():
                paths = save(KINDS[kind](groups, Options(dpi=DPI)), figures, kind, ("png",), groups, DPI)
        except NothingToShowError as error:
            report(f"no figure {kind!r}: {error}")
            continue
        written += paths
        pictures.append(_picture(paths[0], caption))
    effects, claims = None, []
    if results:
        with house_style():
            paths = save(
                draw_effects(effect_rows(results), study.level), figures, CLAIMS_FIGURE, ("png",), groups, DPI
            )
        written += paths
        effects = _picture(paths[0], _EFFECTS)
    for result in results:
        with house_style():
            figure = draw_claim(comparison_plots(result, groups), list(groups))
            paths = save(figure, figures, f"claim_{result.id}", ("png",), groups, DPI)
        written += paths
        claims.append({**_claim(result), "picture": _picture(paths[0], _CLAIM)})
    page = _page(study, pictures, effects, claims)
    return [*written, _write(folder / REPORT, page)]


_EFFECTS = (
    "Differences in favour of the claim are right of the line, in percent of the larger of the two sides; "
    "their own units are at the right."
)
_CLAIM = (
    "Left: the courses that the claim reads, mean and 95 % interval; dotted lines and grey areas are the "
    "times asked about, the black line the level compared with. Right: both sides of the comparison, a line "
    "for each replicate, the mean in colour."
)


def _write(path: Path, text: str) -> Path:
    """Write a file as a whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise os_fault(path, "write the file", error) from error
    return path


def _picture(path: Path, caption: str) -> Picture:
    """A PNG file as it goes into the page, with the size that its head states."""
    content = path.read_bytes()
    width, height = struct.unpack(">II", content[16:24])
    return Picture(caption, base64.b64encode(content).decode("ascii"), width, height)


def _page(
    study: Study, pictures: Sequence[Picture], effects: Picture | None, claims: Sequence[Mapping[str, Any]]
) -> str:
    # Loading it takes longer than anything else a check needs.
    from jinja2 import Environment, StrictUndefined

    template = files("abm.study").joinpath("report.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    title = study.experiment.base.title or "Study"
    return environment.from_string(template).render(
        title=title,
        version=__version__,
        summary=count_text(study.results),
        warnings=[*study.warnings, *study.groups.notices],
        level=f"{100 * study.level:.4g}",
        least=least_replicates(study.level),
        effects=effects,
        claims=claims,
        facts=_facts(study),
        arms=_arms(study.groups),
        differences=_differences(study.experiment),
        pictures=pictures,
        provenance=_provenance(study),
        runs=_runs(study.groups),
        commands=study.commands,
    )


def _claim(result: ClaimResult) -> dict[str, Any]:
    claim = result.checked.claim
    texts = result.checked.references or claim.source
    return {
        "id": claim.id,
        "says": claim.says,
        "test": claim.test.strip(),
        "verdict": str(result.verdict),
        "reason": result.reason,
        "sources": [{"text": text, "link": _link(text)} for text in texts],
        "evidence": claim.evidence,
        "contradicts": claim.contradicts,
        "contradicted_by": claim.contradicted_by,
        "remark": claim.remark,
        "comparisons": [_comparison(c) for c in result.comparisons],
    }


def _link(text: str) -> str:
    found = _DOI.search(text)
    return f"https://doi.org/{found[1].rstrip('.;)')}" if found else ""


def _comparison(result: ComparisonResult) -> dict[str, str]:
    effect = result.effect
    return {
        "text": " ".join(result.text.split()),
        "verdict": str(result.verdict),
        "left": value_text(result.left, result.unit),
        "right": value_text(result.right, result.unit),
        "difference": "–" if effect is None else effect_text(effect, result.unit),
        "d_z": "–" if effect is None else d_text(effect),
        "p": "–" if effect is None else p_text(effect),
        "n": str(len(result.replicates) or "–"),
    }


def _facts(study: Study) -> list[tuple[str, str]]:
    base = study.experiment.base
    shape = " x ".join(str(length) for length in base.domain.size)
    return [
        ("duration", readable(float(base.time.duration), "min")),
        ("tissue", f"{shape}, voxels of {' x '.join(str(length) for length in base.domain.spacing)}"),
        ("cell types", ", ".join(cell.label or name for name, cell in base.cell_types.items())),
        ("cytokines", ", ".join(c.label or name for name, c in base.cytokines.items())),
        ("readouts", f"every {readable(float(base.record.readout), 'min')}"),
        ("times", "count from the start of the run"),
    ]


def _arms(groups: RunGroups) -> list[dict[str, str]]:
    found = []
    for arm, runs in groups.items():
        made = groups.experiments[arm]
        injuries = [
            f"{i.label} on day {i.day:g}" + (f" at {i.site}" if i.site else "") for i in made.injuries
        ]
        doses = [f"{dose_label(dose.text, made.labels)} on day {dose.day:.4g}" for dose in made.doses]
        end = min((float(run.time[-1]) for run in runs if len(run.time)), default=0.0)
        found.append(
            {
                "name": arm,
                "injuries": "; ".join(injuries) or "none",
                "doses": "; ".join(dict.fromkeys(doses)) or "none",
                "replicates": str(len(runs)),
                "end": f"day {end:.4g}",
            }
        )
    return found


def _differences(experiment: Experiment) -> str:
    arms = experiment.document.entries.get("arms")
    return emit(arms) if isinstance(arms, MapNode) and arms.entries else ""


def _provenance(study: Study) -> list[tuple[str, str]]:
    runs = study.groups.runs
    records = [provenance(run) for run in runs]
    machines = {_part(record, "machine", "platform") for record in records}
    libraries = {str(record.get("library_sha256", ""))[:16] for record in records}
    return [
        ("title", study.experiment.base.title or "–"),
        ("seed", ", ".join(sorted({str(run.seed) for run in runs}))),
        ("made by", "; ".join(sorted({origin(run) for run in runs}))),
        ("library (SHA-256)", ", ".join(sorted(filter(None, libraries))) or "–"),
        ("machine", "; ".join(sorted(filter(None, machines))) or "–"),
        ("first run started", min(filter(None, (_part(r, "run", "started") for r in records)), default="–")),
    ]


def _part(record: Mapping[str, object], group: str, name: str) -> str:
    part = record.get(group)
    return str(part.get(name, "")) if isinstance(part, Mapping) else ""


def _runs(groups: RunGroups) -> list[dict[str, str]]:
    return [
        {
            "file": run.path.name,
            "arm": run.arm,
            "replicate": str(run.replicate),
            "status": run.status,
            "scenario": str(provenance(run).get("scenario_sha256", ""))[:16],
        }
        for run in groups.runs
    ]
