"""What slopes say about parameters, on models whose answer is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from abm.calibrate.identifiability import HELD, Verdict, identify
from abm.calibrate.jacobian import Jacobian
from abm.calibrate.parameters import FLAT_SD

H, C, N = Verdict.HELD, Verdict.COMBINED, Verdict.FREE


def known(slopes: list[list[float]], noise: float = 0.0) -> Jacobian:
    array = np.array(slopes, dtype=float)
    return Jacobian(array, np.full(array.shape, noise))


def flat(n: int) -> np.ndarray:
    return np.full(n, FLAT_SD)


def test_each_target_holds_its_parameter() -> None:
    found = identify(known([[10.0, 0.0], [0.0, 20.0]]), flat(2))
    assert found.eigenvalues == pytest.approx([400.0, 100.0])
    assert found.sd == pytest.approx([1 / math.sqrt(100 + 12), 1 / math.sqrt(400 + 12)])
    assert found.sd_alone == pytest.approx(found.sd)
    assert found.verdicts == (H, H)
    assert found.correlation == pytest.approx(np.eye(2))
    assert found.n_held == 2


def test_a_pair_of_which_only_the_sum_matters() -> None:
    found = identify(known([[10.0, 10.0, 0.0], [0.0, 0.0, 10.0]]), flat(3))
    assert found.verdicts == (C, C, H)
    assert found.correlation[0, 1] < -0.85
    # Along the difference the prior is all there is.
    assert sorted(found.direction_sd)[-1] == pytest.approx(1.0)
    assert found.n_held == 2
    assert found.combination(0, ["a", "b", "c"]) == "+0.71 a  +0.71 b"
    assert found.combination(2, ["a", "b", "c"]) in ("+0.71 a  −0.71 b", "+0.71 b  −0.71 a")


def test_a_parameter_without_effect() -> None:
    found = identify(known([[10.0, 0.0]]), flat(2))
    assert found.verdicts == (H, N)
    assert found.sd[1] == pytest.approx(FLAT_SD)


def test_a_weak_parameter_is_not_held() -> None:
    """Slope of one tolerance over the whole range: less is known than from the range itself."""
    found = identify(known([[1.0]]), flat(1))
    assert found.verdicts == (N,)
    assert found.sd[0] / FLAT_SD == pytest.approx(math.sqrt(12 / 13))


def test_chance_does_not_hold_a_parameter() -> None:
    """Slopes that are noise alone: JᵀJ is what the noise makes, and nothing is left of it.

    Without the correction every parameter counts as held: 40 targets with a noise of 3 add 360 ± 80 to the
    diagonal, where 36 suffice.  With it one in forty does; more than 8 of 120 has a probability of 0.01.
    """
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(40):
        slopes = rng.normal(0.0, 3.0, (40, 3))
        assert identify(Jacobian(slopes, np.zeros((40, 3))), flat(3)).verdicts == (H, H, H)
        found = identify(Jacobian(slopes, np.full((40, 3), 3.0)), flat(3))
        held += found.verdicts.count(H)
        assert found.noise_share > 0.7
    assert held <= 8


def test_with_one_replicate_the_noise_is_not_known() -> None:
    slopes = np.array([[10.0]])
    found = identify(Jacobian(slopes, np.full((1, 1), np.nan)), flat(1))
    assert math.isnan(found.noise_share) and found.verdicts == (H,)


def test_rows_of_priors_are_not_data() -> None:
    """The terms of priors follow the targets' rows in the residuals; the prior enters by its spread only."""
    slopes = np.array([[0.0], [50.0]])
    found = identify(Jacobian(slopes, np.zeros((1, 1))), np.array([0.02]))
    assert found.information[0, 0] == 0.0 and found.verdicts == (N,)


def test_a_narrow_prior_must_be_narrowed_further() -> None:
    assert identify(known([[20.0]]), flat(1)).verdicts == (H,)
    assert identify(known([[20.0]]), np.array([0.05])).verdicts == (N,)


def test_the_limit() -> None:
    """sd/prior = HELD where the data know HELD⁻² − 1 times what the prior knows."""
    enough = math.sqrt((HELD**-2 - 1) * 12)
    assert identify(known([[enough * 1.001]]), flat(1)).verdicts == (H,)
    assert identify(known([[enough * 0.999]]), flat(1)).verdicts == (N,)
