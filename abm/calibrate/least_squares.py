"""Least squares: a trust-region search from the start, downhill along slopes from finite differences."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.calibrate.evaluator import BudgetSpent, Evaluator
from abm.calibrate.jacobian import jacobian
from abm.calibrate.parameters import positions_of


def least_squares(evaluate: Evaluator) -> str:
    """Search with `scipy.optimize.least_squares` (trust-region reflective); returns why it stopped.

    The residuals are √weight · z of the targets and the terms of the priors; the slopes come from
    :func:`abm.calibrate.jacobian.jacobian`: the differences that scipy would take are far below the noise.

    References
    ----------
    Branch MA, Coleman TF, Li Y. SIAM J Sci Comput 1999;21:1-23, doi:10.1137/S1064827595289108.
    """
    optimize: Any = import_module("scipy.optimize")
    problem = evaluate.problem
    options, step = problem.file.least_squares, float(problem.file.step)
    start = positions_of(problem.parameters, problem.start)

    def residuals(position: NDArray[np.float64]) -> NDArray[np.float64]:
        return evaluate([position], "step")[0].residuals

    def slopes(position: NDArray[np.float64]) -> NDArray[np.float64]:
        return jacobian(evaluate, position, step, "slope").slopes

    tolerance = float(options.tolerance)
    try:
        found = optimize.least_squares(
            residuals,
            np.clip(start, 0.0, 1.0),
            jac=slopes,
            bounds=(0.0, 1.0),
            method="trf",
            xtol=tolerance,
            ftol=tolerance,
            gtol=None,
        )
    except BudgetSpent:
        return "the budget is spent"
    reasons = {
        2: "the last step gained less than the tolerance",
        3: "the last step was shorter than the tolerance",
        4: "the last step gained and moved less than the tolerance",
    }
    return reasons.get(int(found.status), str(found.message))
