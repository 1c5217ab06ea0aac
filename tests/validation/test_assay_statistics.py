"""The up-down estimator against long-run frequencies, published errors, and known thresholds.

All seeds are fixed.  Limits on means are five standard errors wide: each comparison would fail by chance for
one seed in 1.7 million.  Where a limit is a property of the method instead, the test says so.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from abm.analysis.assay_settings import VonFrey
from abm.analysis.assays import von_frey_trials
from abm.analysis.statistics import t_quantile
from abm.analysis.up_down import ABOVE, BELOW, FilamentSet, dixon_k

pytestmark = [pytest.mark.validation]

FORCES = (0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56)
MOUSE = FilamentSet(FORCES, 0.32, 0.01, 2.56)
#: The protocol of the library.
PROTOCOL = VonFrey(MOUSE, 4, 0.15, 0.02, 0.02, 0.08, 8)
EXACT = replace(PROTOCOL, false_responses=0.0, missed_responses=0.0, animal_spread=0.0)
MANY = 20_000


def responses_by_force(protocol: VonFrey, threshold: float) -> dict[float, tuple[int, int]]:
    """Withdrawals and trials at the starting force, which every animal meets first: no selection."""
    counted = {}
    for force in protocol.filaments.forces:
        begun = replace(protocol, filaments=replace(protocol.filaments, start=force))
        found = von_frey_trials(threshold, begun, seed=3, replicate=0, day=force, animals=MANY)
        counted[force] = sum(pattern[0] == "X" for pattern in found.patterns), MANY
    return counted


def test_frequencies_follow_the_psychometric_function() -> None:
    threshold = 0.5
    wide = float(np.hypot(PROTOCOL.trial_spread, PROTOCOL.animal_spread))  # of one trial of a random animal
    for force, (withdrawals, trials) in responses_by_force(PROTOCOL, threshold).items():
        seen = stats.norm.cdf(np.log10(force / threshold) / wide)
        expected = 0.02 + 0.96 * seen
        error = np.sqrt(expected * (1 - expected) / trials)
        assert withdrawals / trials == pytest.approx(expected, abs=5 * error), force


def test_bias_against_the_long_run_estimate() -> None:
    """The 50 % point of long-run frequencies at constant forces, and the up-down estimate."""
    for threshold in (0.1, 0.3, 0.6, 1.2):
        shares = [x / n for x, n in responses_by_force(PROTOCOL, threshold).values()]
        # A probit line through the two forces around one half.
        i = int(np.searchsorted(shares, 0.5))
        (z0, z1), (x0, x1) = stats.norm.ppf(shares[i - 1 : i + 1]), np.log10(FORCES[i - 1 : i + 1])
        long_run = x0 - z0 * (x1 - x0) / (z1 - z0)
        found = np.log10(von_frey_trials(threshold, PROTOCOL, 4, 0, 1.0, MANY).threshold)
        # A property of six trials on a ladder of steps of 0.30: within a sixth of a step.
        assert abs(found.mean() - long_run) < MOUSE.step / 6
        assert long_run == pytest.approx(np.log10(threshold), abs=0.02)


@pytest.mark.parametrize("threshold", [0.05, 0.08, 0.12, 0.2, 0.35, 0.5, 0.8, 1.2, 1.6])
def test_known_thresholds_are_recovered(threshold: float) -> None:
    found = von_frey_trials(threshold, PROTOCOL, 5, 0, 2.0, MANY)
    # Geometric mean within 5 %, arithmetic mean up to 12 % above: the estimates are log-normal, and a mean in
    # g is what laboratories print.  Both are properties of the method, not of this sample (error 0.25 %).
    assert 10 ** np.log10(found.threshold).mean() / threshold == pytest.approx(1.0, abs=0.05)
    assert 0.99 < found.threshold.mean() / threshold < 1.12
    assert np.log10(found.threshold).std() == pytest.approx(0.15, abs=0.02)


@pytest.mark.parametrize(("trials", "published"), [(2, 0.88), (3, 0.76), (4, 0.67), (5, 0.61), (6, 0.56)])
def test_standard_error_of_dixon(trials: int, published: float) -> None:
    """Dixon (1980), table 7: standard error of the estimate in standard deviations, steps of one of them.

    Averaged over where the threshold lies between two levels; the published ones are rounded up and agree
    within a tenth.
    """
    step = 0.2
    ladder = FilamentSet(tuple(10.0 ** (step * np.arange(-25, 26))), 1.0, 1e-9, 1e9)
    protocol = replace(EXACT, filaments=ladder, further_trials=trials - 2, trial_spread=step)
    squares = []
    for number, offset in enumerate(np.linspace(-0.475, 0.475, 20)):
        found = von_frey_trials(10.0 ** (step * offset), protocol, 6, number, 0.0, 2000)
        squares.append((np.log10(found.threshold) / step - offset) ** 2)
    assert np.sqrt(np.mean(squares)) == pytest.approx(published, rel=0.1)


def test_spread_of_a_group_of_naive_mice() -> None:
    """What the library's note says: a standard deviation of a third of the mean, SEM of 0.16 g for eight."""
    found = von_frey_trials(1.2, PROTOCOL, 7, 0, 0.0, MANY).threshold
    assert found.std() / found.mean() == pytest.approx(1 / 3, abs=0.03)
    assert found.std() / np.sqrt(8) == pytest.approx(0.16, abs=0.01)


def test_cut_offs_are_met_as_often_as_they_must_be() -> None:
    inside = von_frey_trials(0.3, PROTOCOL, 8, 0, 0.0, MANY)
    assert (inside.censored != 0).mean() < 1e-3
    strong = von_frey_trials(20.0, EXACT, 8, 0, 0.0, MANY)
    assert (strong.censored == ABOVE).all() and (strong.threshold == 2.56).all()
    weak = von_frey_trials(0.001, EXACT, 8, 0, 0.0, MANY)
    assert (weak.censored == BELOW).all() and (weak.threshold == 0.01).all()
    naive = von_frey_trials(1.2, PROTOCOL, 8, 0, 0.0, MANY)
    assert 0.03 < (naive.censored == ABOVE).mean() < 0.06


def test_false_alarms_between_groups_without_a_difference() -> None:
    """Student's t on two groups of eight naive animals finds a difference at 5 % in about 5 % of experiments.

    4000 experiments: the limits are 5 % plus and minus five binomial standard errors, and half a percent for
    thresholds not being normal.
    """
    groups = [von_frey_trials(1.2, PROTOCOL, 9, i, 0.0, 8).threshold for i in range(8000)]
    a, b = np.array(groups[0::2]), np.array(groups[1::2])
    error = np.sqrt((a.var(axis=1, ddof=1) + b.var(axis=1, ddof=1)) / 8)
    alarms = (np.abs(a.mean(axis=1) - b.mean(axis=1)) > t_quantile(0.95, 14) * error).mean()
    assert alarms == pytest.approx(0.05, abs=5 * np.sqrt(0.05 * 0.95 / 4000) + 0.005)


def test_pairing_cancels_most_of_the_noise() -> None:
    """The same animals in two arms: the difference of the logarithms varies less than that of strangers."""
    a = np.log10(von_frey_trials(0.30, PROTOCOL, 10, 0, 0.0, MANY).threshold)
    b = np.log10(von_frey_trials(0.33, PROTOCOL, 10, 0, 0.0, MANY).threshold)
    c = np.log10(von_frey_trials(0.33, PROTOCOL, 10, 1, 0.0, MANY).threshold)
    assert (b - a).std() < 0.6 * (c - a).std()
    assert (b - a).mean() == pytest.approx(np.log10(1.1), abs=0.02)


def test_k_maximises_the_likelihood_of_the_series() -> None:
    """A random look at the likelihood around the estimate; no pattern has a better one."""
    rng = np.random.default_rng(12)
    for _ in range(200):
        pattern = "".join(rng.choice(["O", "X"], size=rng.integers(2, 10)))
        if len(set(pattern)) < 2:
            continue
        levels = np.concatenate([[0], np.cumsum(np.where(np.array(list(pattern)) == "O", 1, -1))])[:-1]
        best = levels[-1] + dixon_k(pattern)

        def loss(mean: float, pattern: str = pattern, levels: np.ndarray = levels) -> float:
            signs = [1 if letter == "X" else -1 for letter in pattern]
            return -sum(
                np.log(stats.norm.cdf(sign * (level - mean)))
                for sign, level in zip(signs, levels, strict=True)
            )

        assert all(loss(best) <= loss(best + step) + 1e-12 for step in (-0.5, -0.01, 0.01, 0.5))
