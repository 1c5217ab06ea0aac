"""Global search by covariance matrix adaptation: generations of points, told which were better."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import numpy as np

from abm.calibrate.evaluator import BudgetSpent, Evaluator
from abm.calibrate.parameters import positions_of

_SEEDS = 2**32


def cma(evaluate: Evaluator) -> str:
    """Search with the package `cmaes`; returns why it stopped.

    The package proposes and is told; every draw follows from the seed of the calibration, so that a
    repetition proposes the same points.

    References
    ----------
    Hansen N. The CMA evolution strategy: a tutorial. doi:10.48550/arXiv.1604.00772; Nomura M, Shibata M.
    cmaes, doi:10.48550/arXiv.2402.01373.
    """
    package: Any = import_module("cmaes")
    problem = evaluate.problem
    options, n = problem.file.cma, len(problem.parameters)
    population = options.population or 4 + math.floor(3.0 * math.log(n))
    # The package asks for two dimensions at least; a second one without effect does no harm.
    width = max(n, 2)
    start = np.full(width, 0.5)
    start[:n] = positions_of(problem.parameters, problem.start)
    search = package.CMA(
        mean=start,
        sigma=float(options.sigma),
        bounds=np.array([[0.0, 1.0]] * width),
        seed=problem.seed % _SEEDS,
        population_size=population,
    )
    generation = 0
    try:
        evaluate([start[:n]], "start")
        while not search.should_stop():
            asked = [np.asarray(search.ask()) for _ in range(population)]
            made = evaluate([point[:n] for point in asked], f"generation {generation}")
            search.tell([(point, one.objective) for point, one in zip(asked, made, strict=True)])
            generation += 1
            if np.ptp(np.array([point[:n] for point in asked]), axis=0).max() < float(options.tolerance):
                return "the points of a generation lie closer together than the tolerance"
    except BudgetSpent:
        return "the budget is spent"
    return "the search has converged"
