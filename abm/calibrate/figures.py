"""What the figures of a calibration show."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from abm.calibrate.calibration import FIGURES, Calibration
from abm.calibrate.identifiability import HELD
from abm.calibrate.sampling import Posterior

_GRID = 101


def write_figures(calibration: Calibration, folder: Path) -> list[Path]:
    """Draw all figures into a folder; returns the files.

    Raises
    ------
    RecordError
        The folder cannot be written.
    """
    # Late, because matplotlib takes long to import.
    from abm.view.calibration import draw_deviations, draw_history, draw_identifiability, save_figure
    from abm.view.canvas import house_style

    title = calibration.problem.file.title or calibration.problem.path.stem
    made: dict[str, Callable[[], Any]] = {
        FIGURES[0]: lambda: draw_history(_history(calibration)),
        FIGURES[1]: lambda: draw_deviations(_deviations(calibration)),
        FIGURES[2]: lambda: draw_identifiability(_held(calibration)),
    }
    if calibration.posterior is not None:
        posterior = calibration.posterior
        made[FIGURES[3]] = lambda: _posterior_figure(calibration, posterior)
    with house_style():
        return [save_figure(draw(), folder / name, f"{title}: {name}") for name, draw in made.items()]


def _history(calibration: Calibration) -> Any:
    from abm.view.calibration import History

    stages = np.array([one.stage.split()[0] for one in calibration.evaluations])
    names = {
        "step": "step",
        "generation": "generation",
        "slope": "slope",
        "identifiability": "slope at the end",
    }
    marks = {text: np.flatnonzero(stages == stage) for stage, text in names.items()}
    posterior = calibration.posterior
    steps = [] if posterior is None else [(g.evaluated, g.threshold) for g in posterior.generations]
    return History(
        rms=np.array([one.rms for one in calibration.evaluations]),
        marks={text: rows for text, rows in marks.items() if len(rows)},
        thresholds=steps,
    )


def _deviations(calibration: Calibration) -> Any:
    from abm.view.calibration import Deviation
    from abm.view.labels import arm_label

    start = calibration.start_report
    before = [math.nan] * len(calibration.report.comparisons)
    if start is not None:
        before = [comparison.z for comparison in start.comparisons]
    found = []
    for comparison, z in zip(calibration.report.comparisons, before, strict=True):
        target = comparison.target
        quantity = calibration.report.targets.quantities[target.quantity]
        found.append(
            Deviation(
                group=f"{arm_label(target.arm)}: {quantity.label}",
                label=f"day {target.day:.3g}",
                before=z,
                after=comparison.z,
                half=(float(comparison.simulated.high) - comparison.mean) / target.tolerance,
                bound=target.bound,
            )
        )
    return found


def _held(calibration: Calibration) -> Any:
    from abm.view.calibration import Held

    found, posterior = calibration.identifiability, calibration.posterior
    sampled = None
    if posterior is not None:
        sampled = np.sqrt(posterior.covariance.diagonal()) / found.prior_sd
    return Held(
        labels=[parameter.label for parameter in calibration.problem.parameters],
        sd=found.sd / found.prior_sd,
        sd_alone=found.sd_alone / found.prior_sd,
        limit=HELD,
        directions=found.direction_sd,
        correlation=found.correlation,
        sampled=sampled,
    )


def _posterior_figure(calibration: Calibration, posterior: Posterior) -> Any:
    from abm.view.calibration_posterior import Sampled, draw_posterior

    covariance, prior_sd = posterior.covariance, calibration.identifiability.prior_sd
    spread = np.sqrt(np.diag(covariance))
    order = np.argsort(spread / prior_sd, kind="stable")
    shown = []
    for i in order:
        p = calibration.problem.parameters[int(i)]
        numbers = [p.number(float(u)) for u in posterior.positions[:, i]]
        shown.append(
            Sampled(
                label=f"{p.label} [{p.unit}]" if p.unit else p.label,
                values=np.array(numbers),
                low=p.low,
                high=p.high,
                is_log=p.is_log,
                prior=p.prior.density(np.linspace(0.0, 1.0, _GRID)),
                best=calibration.best.numbers[int(i)],
                start=p.start,
            )
        )
    correlation = (covariance / np.outer(spread, spread))[np.ix_(order, order)]
    return draw_posterior(shown, posterior.weights, correlation)
