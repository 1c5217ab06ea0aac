"""Approximate Bayesian computation: populations of points that come ever closer to the targets."""

from __future__ import annotations

import logging
import math
import tempfile
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abm.calibrate.evaluator import BudgetSpent, Evaluator
from abm.calibrate.schema import AbcOptions

_DISTANCE = "rms"
_FAR = 1e12  # distance of a point that cannot be simulated


@dataclass(frozen=True)
class Generation:
    """One population.

    Attributes
    ----------
    threshold : float
        Largest root mean square of z that was accepted.
    evaluated : int
        Points evaluated when it was complete.
    """

    threshold: float
    evaluated: int


@dataclass(frozen=True)
class Posterior:
    """The last complete population.

    Attributes
    ----------
    positions : (n_particle, n_parameter) float64
        In the unit cube.
    weights : (n_particle,) float64
        Their sum is 1.
    generations : tuple of Generation
    stopped : str
        Why no further population was drawn.
    """

    positions: NDArray[np.float64]
    weights: NDArray[np.float64]
    generations: tuple[Generation, ...]
    stopped: str

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean position, (n_parameter,)."""
        return np.asarray(self.weights @ self.positions)

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Covariance of the positions, (n_parameter, n_parameter)."""
        centred = self.positions - self.mean
        return np.asarray((self.weights[:, None] * centred).T @ centred)

    @property
    def effective(self) -> float:
        """Number of equally weighted particles that would scatter as much."""
        return float(1.0 / np.sum(self.weights**2))

    def quantile(self, share: float) -> NDArray[np.float64]:
        """Weighted quantile of every parameter's position, (n_parameter,)."""
        found = []
        for column in self.positions.T:
            order = np.argsort(column, kind="stable")
            below = np.cumsum(self.weights[order])
            index = int(np.searchsorted(below, share * below[-1]))
            found.append(column[order][min(index, len(column) - 1)])
        return np.array(found)


class _Pending(Exception):  # noqa: N818 - no error
    """A particle needs a point that is not evaluated yet."""

    def __init__(self, position: NDArray[np.float64]) -> None:
        self.position = position
        super().__init__()


class _Simulator:
    """The model as pyABC sees it: looks points up, and asks for those that are missing."""

    def __init__(self, evaluate: Evaluator, n: int) -> None:
        self.evaluate = evaluate
        self.keys = [f"p{i}" for i in range(n)]
        self.known: dict[tuple[float, ...], float] = {}

    def __call__(self, parameter: Any) -> dict[str, float]:
        position = np.array([float(parameter[key]) for key in self.keys])
        found = self.known.get(tuple(position.tolist()))
        if found is None:
            raise _Pending(position)
        return {_DISTANCE: found}

    def fetch(self, positions: list[NDArray[np.float64]], stage: str) -> None:
        """Evaluate points together."""
        made = self.evaluate(positions, stage)
        for position, one in zip(positions, made, strict=True):
            self.known[tuple(position.tolist())] = one.rms if math.isfinite(one.rms) else _FAR


def sample(evaluate: Evaluator) -> Posterior:
    """Draw from the posterior with ABC-SMC of pyABC.

    A point is accepted when the root mean square of z of its targets is below the threshold of the
    generation; thresholds fall by a quantile from generation to generation down to the last one.

    pyABC proposes, weighs and perturbs the particles.  It evaluates one at a time, so it is made to propose a
    batch first: every candidate of a generation has its own seed, its proposal is drawn, and the drawing is
    repeated once its point is evaluated.  Candidates count in their order, never in that of their completion,
    which would prefer points that are quick to simulate.  So the result is the same for any number of
    processes and after a restart.

    Raises
    ------
    BudgetSpent
        The budget does not suffice for one population.

    References
    ----------
    Toni T et al. J R Soc Interface 2009;6:187-202, doi:10.1098/rsif.2008.0172; Schälte Y et al. pyABC, J Open
    Source Softw 2022;7:4304, doi:10.21105/joss.04304.
    """
    pyabc: Any = import_module("pyabc")
    logging.getLogger("ABC").setLevel(logging.ERROR)
    problem = evaluate.problem
    options, n = problem.file.abc, len(problem.parameters)
    model = _Simulator(evaluate, n)
    sampler = _sampler(pyabc, model, problem.seed, options.batch)
    priors = {key: _prior(pyabc, p.prior) for key, p in zip(model.keys, problem.parameters, strict=True)}
    state = np.random.get_state()  # noqa: NPY002 - pyABC draws from numpy's global generator
    # In memory pyABC never closes its database; nothing of it is needed afterwards.
    with tempfile.TemporaryDirectory(prefix="abm-calibrate-") as scratch:
        try:
            search = pyabc.ABCSMC(
                models=model,
                parameter_priors=pyabc.Distribution(**priors),
                distance_function=lambda simulated, _observed: simulated[_DISTANCE],
                population_size=options.population,
                eps=_threshold(pyabc, float(options.quantile), float(options.final)),
                sampler=sampler,
            )
            history = search.new(f"sqlite:///{scratch}/history.db", {_DISTANCE: 0.0})
            stopped = _run(search, history, options)
            return _posterior(history, model, sampler, stopped)
        finally:
            np.random.set_state(state)  # noqa: NPY002


def _run(search: Any, history: Any, options: AbcOptions) -> str:
    """Draw populations; returns why the last one was the last."""
    try:
        # The tolerance lets a threshold that equals the last one count as it.
        final = float(options.final) * (1.0 + 1e-9)
        search.run(minimum_epsilon=final, max_nr_populations=options.generations)
    except BudgetSpent:
        if history.max_t < 0:
            raise
        return "the budget is spent"
    if history.max_t + 1 < options.generations:
        return "the last threshold is reached"
    return "all generations are drawn"


def _posterior(history: Any, model: _Simulator, sampler: Any, stopped: str) -> Posterior:
    frame, weights = history.get_distribution(m=0, t=history.max_t)
    populations = history.get_all_populations()
    thresholds = {int(t): float(eps) for t, eps in zip(populations.t, populations.epsilon, strict=True)}
    generations = tuple(Generation(thresholds[t], sampler.counts[t]) for t in range(history.max_t + 1))
    positions = np.array([frame[key].to_numpy(dtype=np.float64) for key in model.keys]).T
    weights = np.asarray(weights, dtype=np.float64)
    # The database does not keep an order.
    order = np.lexsort(positions.T[::-1])
    return Posterior(positions[order], weights[order] / weights.sum(), generations, stopped)


def _prior(pyabc: Any, prior: Any) -> Any:
    if prior.is_flat:
        return pyabc.RV("uniform", 0.0, 1.0)
    ends = (0.0 - prior.centre) / prior.spread, (1.0 - prior.centre) / prior.spread
    return pyabc.RV("truncnorm", *ends, loc=prior.centre, scale=prior.spread)


def _threshold(pyabc: Any, quantile: float, final: float) -> Any:
    """Thresholds that fall by a quantile, but not below the last one."""

    class Threshold(pyabc.QuantileEpsilon):  # type: ignore[misc]
        def __call__(self, t: int) -> float:
            return max(float(super().__call__(t)), final)

    return Threshold(initial_epsilon="from_sample", alpha=quantile)


def _sampler(pyabc: Any, model: _Simulator, seed: int, batch: int) -> Any:
    """A sampler that evaluates candidates in batches and counts them in their order."""

    class BatchSampler(pyabc.sampler.Sampler):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.counts: dict[int, int] = {}

        def sample_until_n_accepted(self, n: int, simulate_one: Any, t: int, **_options: Any) -> Any:
            """Candidates in batches until `n` are accepted; called by pyABC for generation `t`."""
            # The sample that sets the first threshold and the first generation are both drawn from the prior:
            # with the same seeds they are the same points, evaluated once.
            generation = max(t, 0)
            sample = self._create_empty_sample()
            candidate = 0
            while sample.n_accepted < n:
                numbers = range(candidate, candidate + batch)
                self._prepare(simulate_one, generation, numbers)
                for number in numbers:
                    particle = _seeded(simulate_one, seed, generation, number)
                    sample.append(particle)
                    candidate = number + 1
                    if sample.n_accepted == n:
                        break
            self.nr_evaluations_ = candidate
            self.counts[generation] = len(model.evaluate.evaluations)
            return sample

        def _prepare(self, simulate_one: Any, generation: int, numbers: range) -> None:
            missing = []
            for number in numbers:
                try:
                    _seeded(simulate_one, seed, generation, number)
                except _Pending as pending:
                    missing.append(pending.position)
            if missing:
                model.fetch(missing, f"generation {generation}")

    return BatchSampler()


def _seeded(simulate_one: Any, seed: int, generation: int, number: int) -> Any:
    """One particle whose draws depend on its generation and number only."""
    key = np.random.SeedSequence([seed, generation, number]).generate_state(4)
    np.random.seed(key)  # noqa: NPY002 - pyABC draws from numpy's global generator
    return simulate_one()
