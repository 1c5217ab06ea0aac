"""How the targets answer to the parameters: finite differences with paired noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abm.calibrate.evaluator import Evaluator
from abm.calibrate.workers import CalibrationError


@dataclass(frozen=True)
class Jacobian:
    """Slope of every residual along every parameter.

    Attributes
    ----------
    slopes : (n_residual, n_parameter) float64
        Change of √weight · z (and of the priors' terms) per length of the parameter's range.
    noise : (n_target, n_parameter) float64
        Standard error of the slopes of the targets, from the scatter between replicates; nan with one
        replicate, 0 where the slope is 0 because a bound is met.
    """

    slopes: NDArray[np.float64]
    noise: NDArray[np.float64]


def jacobian(evaluate: Evaluator, position: NDArray[np.float64], step: float, stage: str) -> Jacobian:
    """Two-sided finite differences around a point, all evaluated together.

    All points share the noise of their replicates, so that most of it cancels in a difference.  Near an end
    of a range the point beyond it is replaced by the end itself.

    Parameters
    ----------
    position : (n_parameter,) float64
        In the unit cube.
    step : float
        Half the distance of the two points, as a share of the range: large against what chance moves, small
        against the bends of the model.

    Raises
    ------
    CalibrationError
        A point cannot be simulated.
    """
    n = len(position)
    points = []
    for i in range(n):
        for end in (max(position[i] - step, 0.0), min(position[i] + step, 1.0)):
            point = np.array(position, dtype=np.float64)
            point[i] = end
            points.append(point)
    found = evaluate(points, stage)
    problem = evaluate.problem
    slopes, noise = [], []
    for i in range(n):
        low, high = found[2 * i], found[2 * i + 1]
        for one in (low, high):
            if one.failure:
                raise CalibrationError(f"no slope along '{problem.parameters[i].name}': {one.failure}")
        width = float(points[2 * i + 1][i] - points[2 * i][i])
        slopes.append((high.residuals - low.residuals) / width)
        # Per replicate and then averaged: what differs between replicates is chance.
        each = np.sqrt(problem.weights)[:, None] * (high.values - low.values) / width
        each /= np.array([aim.target.tolerance for aim in problem.aims])[:, None]
        count = each.shape[1]
        error = each.std(axis=1, ddof=1) / np.sqrt(count) if count > 1 else np.full(len(each), np.nan)
        noise.append(np.where(slopes[-1][: len(each)] == 0.0, 0.0, error))
    return Jacobian(np.array(slopes).T, np.array(noise).T)
