"""Writing what a calibration found: best point, tables, figures."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

from abm import __version__
from abm.analysis.targets import target_table
from abm.calibrate.calibration import BEST, FIGURES, PARTICLES, REPORT, RESULT, TABLE, Calibration
from abm.calibrate.figures import write_figures
from abm.calibrate.overlay import overlay
from abm.calibrate.parameters import settings_at
from abm.calibrate.sampling import Posterior
from abm.calibrate.tables import direction_table, parameter_table, summary_lines, verdict_lines
from abm.record.faults import os_fault
from abm.scenario.nodes import dotted


def write_results(calibration: Calibration, folder: Path) -> list[Path]:
    """Write everything into the folder of the calibration; returns the files.

    Raises
    ------
    RecordError
        The folder cannot be written.
    """
    texts = {
        BEST: best_scenario(calibration, folder),
        REPORT: report(calibration),
        RESULT: json.dumps(document(calibration), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        TABLE: evaluation_table(calibration),
    }
    if calibration.posterior is not None:
        texts[PARTICLES] = particle_table(calibration, calibration.posterior)
    written = []
    for name, text in texts.items():
        path = folder / name
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise os_fault(path, "write the file", error) from error
        written.append(path)
    return [*written, *write_figures(calibration, folder)]


def best_scenario(calibration: Calibration, folder: Path) -> str:
    """The best point as a scenario that extends the fitted one."""
    problem = calibration.problem
    comment = "\n".join(
        [
            f"Fitted by abm calibrate {problem.path.name} (abm {__version__}), at the steps of the fit.",
            *summary_lines(calibration)[:3],
        ]
    )
    settings = settings_at(problem.parameters, calibration.best.numbers)
    return overlay(problem, settings, folder, comment)


def report(calibration: Calibration) -> str:
    """The whole result as Markdown."""
    problem = calibration.problem
    figures = FIGURES if calibration.posterior is not None else FIGURES[:3]
    title = problem.file.title or f"Calibration {problem.path.stem}"
    parts = [
        f"# {title}",
        *summary_lines(calibration),
        "## Parameters",
        parameter_table(calibration).as_markdown(),
        "\n".join(f"- {line}" for line in verdict_lines(calibration)),
        "## Combinations",
        direction_table(calibration).as_markdown(),
        "## Targets at the best point",
        target_table(calibration.report).as_markdown(),
        *(["## Targets at the start", target_table(calibration.start_report).as_markdown()]
          if calibration.start_report is not None else []),
        "## Figures",
        *(f"![{Path(name).stem}]({name})" for name in figures),
    ]  # fmt: skip
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def document(calibration: Calibration) -> dict[str, Any]:
    """The result for programs."""
    problem, found = calibration.problem, calibration.identifiability
    return {
        "format": "abm-calibration-result",
        "version": 1,
        "fit": problem.path.name,
        "method": problem.file.method,
        "seed": problem.seed,
        "replicates": problem.replicates,
        "stopped": calibration.stopped,
        "evaluations": len(calibration.evaluations),
        "rms_start": _number(calibration.start.rms),
        "rms_best": _number(calibration.best.rms),
        "parameters": [
            {
                "name": p.name,
                "paths": [dotted(place.path) for place in p.places],
                "factor": p.is_factor,
                "unit": p.unit,
                "scale": "log" if p.is_log else "linear",
                "low": p.low,
                "high": p.high,
                "start": p.start,
                "best": number,
                "interval": list(found.interval(i, p, number)),
                "sd_over_prior": float(found.sd[i] / found.prior_sd[i]),
                "sd_alone_over_prior": float(found.sd_alone[i] / found.prior_sd[i]),
                "verdict": str(found.verdicts[i]),
            }
            for i, (p, number) in enumerate(zip(problem.parameters, calibration.best.numbers, strict=True))
        ],
        "eigenvalues": found.eigenvalues.tolist(),
        "eigenvectors": found.eigenvectors.T.tolist(),
        "correlation": found.correlation.tolist(),
        "noise_share": _number(found.noise_share),
        "targets": [
            {
                "id": comparison.target.id,
                "arm": comparison.target.arm,
                "quantity": comparison.target.quantity,
                "day": comparison.target.day,
                "wanted": comparison.target.mean,
                "tolerance": comparison.target.tolerance,
                "bound": comparison.target.bound,
                "weight": aim.weight,
                "simulated": _number(comparison.mean),
                "low": _number(float(comparison.simulated.low)),
                "high": _number(float(comparison.simulated.high)),
                "z": _number(comparison.z),
                "met": comparison.inside,
            }
            for comparison, aim in zip(calibration.report.comparisons, problem.aims, strict=True)
        ],
    }


def _number(value: float) -> float | None:
    """JSON has neither nan nor infinity."""
    return value if math.isfinite(value) else None


def evaluation_table(calibration: Calibration) -> str:
    """Every evaluation as a row: what for, parameters, distance, mean of every target."""
    problem = calibration.problem
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [f"{p.name} [{p.unit or 1}]" for p in problem.parameters]
    writer.writerow(
        ["number", "stage", *names, "rms z", "objective", *(a.name for a in problem.aims), "failure"]
    )
    for one in calibration.evaluations:
        distance = [_cell(one.rms), _cell(one.objective)]
        means = [_cell(float(mean)) for mean in one.means]
        writer.writerow([one.number, one.stage, *map(_cell, one.numbers), *distance, *means, one.failure])
    return out.getvalue()


def particle_table(calibration: Calibration, posterior: Posterior) -> str:
    """The last population: weight and parameters of every particle."""
    parameters = calibration.problem.parameters
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["weight", *(f"{p.name} [{p.unit or 1}]" for p in parameters)])
    for weight, position in zip(posterior.weights, posterior.positions, strict=True):
        numbers = [p.number(float(u)) for p, u in zip(parameters, position, strict=True)]
        writer.writerow([_cell(float(weight)), *map(_cell, numbers)])
    return out.getvalue()


def _cell(value: float) -> str:
    return f"{value:.9g}"
