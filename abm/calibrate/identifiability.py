"""Which parameters the targets hold, which only in combination, and which not at all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from abm.calibrate.jacobian import Jacobian
from abm.calibrate.parameters import Parameter

#: A standard deviation below this share of the prior's counts as held by the data.
HELD = 0.5
#: Members of a combination: loadings above this.
LOADING = 0.3
_NORMAL_95 = 1.959963984540054


class Verdict(StrEnum):
    """What the targets say about a parameter."""

    HELD = "held by the data"
    COMBINED = "held only in combination"
    FREE = "not held"


@dataclass(frozen=True)
class Identifiability:
    """What the targets say about the parameters around a point.

    All in shares of the ranges.  The deviations of the targets are taken as normal with their tolerances as
    standard deviations, the model as linear, and each prior as normal with its standard deviation.

    Attributes
    ----------
    information : (n, n) float64
        JᵀJ of the targets, noise of the slopes removed.
    eigenvalues : (n,) float64
        Of `information`, falling.
    eigenvectors : (n, n) float64
        One per column.
    prior_sd : (n,) float64
    sd : (n,) float64
        With all other parameters free.
    sd_alone : (n,) float64
        With all other parameters known.
    correlation : (n, n) float64
    noise_share : float
        Share of the trace of JᵀJ that was noise; nan with one replicate, when it is not known.
    """

    information: NDArray[np.float64]
    eigenvalues: NDArray[np.float64]
    eigenvectors: NDArray[np.float64]
    prior_sd: NDArray[np.float64]
    sd: NDArray[np.float64]
    sd_alone: NDArray[np.float64]
    correlation: NDArray[np.float64]
    noise_share: float

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """One for each parameter."""
        found = []
        for sd, alone, prior in zip(self.sd, self.sd_alone, self.prior_sd, strict=True):
            if sd <= HELD * prior:
                found.append(Verdict.HELD)
            else:
                found.append(Verdict.COMBINED if alone <= HELD * prior else Verdict.FREE)
        return tuple(found)

    @property
    def direction_sd(self) -> NDArray[np.float64]:
        """Standard deviation along every eigenvector as a share of that of the priors, (n,)."""
        prior = 1.0 / np.sqrt(np.sum((self.eigenvectors / self.prior_sd[:, None]) ** 2, axis=0))
        return np.asarray(1.0 / np.sqrt(self.eigenvalues + prior**-2) / prior)

    @property
    def n_held(self) -> int:
        """Number of directions that the data hold: effective number of parameters."""
        return int(np.sum(self.direction_sd <= HELD))

    def combination(self, direction: int, names: Sequence[str]) -> str:
        """Members of an eigenvector in words, e.g. ``+0.71 source  −0.70 half-max``."""
        vector = self.eigenvectors[:, direction]
        order = [int(i) for i in np.argsort(-np.abs(vector), kind="stable") if abs(vector[i]) >= LOADING]
        # The sign of an eigenvector means nothing: the largest member is positive.
        sign = math.copysign(1.0, vector[order[0]])
        return "  ".join(f"{sign * vector[i]:+.2f} {names[i]}".replace("-", "−") for i in order)

    def interval(self, index: int, parameter: Parameter, number: float) -> tuple[float, float]:
        """95 % interval of a parameter around a number, cut at its range."""
        u, half = parameter.position(number), _NORMAL_95 * float(self.sd[index])
        return parameter.number(max(0.0, u - half)), parameter.number(min(1.0, u + half))


def identify(jacobian: Jacobian, prior_sd: NDArray[np.float64]) -> Identifiability:
    """Information, standard deviations and correlations from the slopes of the targets.

    Chance adds its square to every diagonal entry of JᵀJ and makes parameters seem held.  What it adds in the
    mean and twice the standard deviation of that are subtracted, so that a parameter whose slopes are chance
    alone counts as held once in forty times; what becomes negative is set to zero.

    Parameters
    ----------
    prior_sd : (n_parameter,) float64
        Of the priors, as shares of the ranges.
    """
    n_target = len(jacobian.noise)
    slopes = jacobian.slopes[:n_target]
    information = slopes.T @ slopes
    trace = float(np.trace(information))
    noise_share = math.nan
    if np.isfinite(jacobian.noise).all():
        noise = np.sum(jacobian.noise**2, axis=0)
        noise_share = min(1.0, float(noise.sum()) / trace) if trace > 0 else 0.0
        # Squares of normal numbers: variance 2 σ⁴ each.
        scatter = np.sqrt(2.0 * np.sum(jacobian.noise**4, axis=0))
        information = information - np.diag(noise + 2.0 * scatter)
    values, vectors = np.linalg.eigh(information)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    information = (vectors * values) @ vectors.T
    covariance = np.linalg.inv(information + np.diag(prior_sd**-2.0))
    sd = np.sqrt(np.diag(covariance))
    alone = 1.0 / np.sqrt(np.diag(information) + prior_sd**-2.0)
    return Identifiability(
        information=information,
        eigenvalues=values,
        eigenvectors=vectors,
        prior_sd=np.asarray(prior_sd, dtype=np.float64),
        sd=sd,
        sd_alone=alone,
        correlation=covariance / np.outer(sd, sd),
        noise_share=noise_share,
    )
