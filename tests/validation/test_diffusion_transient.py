"""Time-dependent solutions: spreading, decay, boluses; errors and orders found are in the docstrings."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.fft import dctn, idctn

from abm.kernels.diffusion import REDONE, START_UPS
from tests.validation.diffusion_case import Case, Floats, centres, observed_order

pytestmark = pytest.mark.validation

D, LOSS = 1800.0, 0.02
SPREAD, TIME = 3600.0, 2.0


def gaussian(shape: tuple[int, int, int], h: float, spread: float) -> Floats:
    """Gaussian in the middle of the grid with variance ``spread`` [um^2] per axis, integral 1."""
    c = np.ones(shape)
    for axis, n in enumerate(shape):
        if n > 1:
            g = np.exp(-0.5 * centres(n, h) ** 2 / spread) / np.sqrt(2 * np.pi * spread)
            c = c * g.reshape([-1 if a == axis else 1 for a in range(3)])
    return c


def mode_rates(shape: tuple[int, int, int], h: float, d: float, loss: float) -> Floats:
    """Decay rate [1/min] of every cosine mode of the discrete equations."""
    rate = np.full(shape, loss)
    for axis, n in enumerate(shape):
        k = 4 * d / h**2 * np.sin(0.5 * np.pi * np.arange(n) / n) ** 2
        rate = rate + k.reshape([-1 if a == axis else 1 for a in range(3)])
    return rate


def semi_discrete(c: Floats, h: float, d: float, loss: float, time: float) -> Floats:
    """Solution of the equations that are discrete in space and exact in time."""
    decay = np.exp(-mode_rates(c.shape, h, d, loss) * time)
    return np.asarray(idctn(dctn(c, norm="ortho") * decay, norm="ortho"))


def cloud_errors(h: float, dt: float, ndim: int) -> tuple[float, float]:
    """Error of a spreading cloud relative to its peak: against the analytic and the semi-discrete one."""
    n = 2 * round(720.0 / h) + 1
    shape = (n if ndim == 3 else 1, n, n)
    case = Case(D, LOSS, shape, h)
    case.c[0] = start = gaussian(shape, h, SPREAD)
    case.run(dt, round(TIME / dt))
    exact = np.exp(-LOSS * TIME) * gaussian(shape, h, SPREAD + 2 * D * TIME)
    in_time = np.abs(case.c[0] - semi_discrete(start, h, D, LOSS, TIME)).max()
    return float(np.abs(case.c[0] - exact).max() / exact.max()), float(in_time / exact.max())


def test_spreading_cloud_is_second_order_in_space_and_time() -> None:
    """2-D, (h, dt) = (40, 0.4), (20, 0.2), (10, 0.1): errors 2.2, 0.53, 0.13 %, orders 2.07, 2.02."""
    errors = [cloud_errors(h, dt, 2)[0] for h, dt in ((40.0, 0.4), (20.0, 0.2), (10.0, 0.1))]
    assert errors[0] < 0.025
    assert min(observed_order(errors)) > 1.95


@pytest.mark.parametrize("ndim", [2, 3])
def test_spreading_cloud_is_second_order_in_time(ndim: int) -> None:
    """h = 40 um, dt = 0.4, 0.2, 0.1: errors 0.39, 0.10, 0.024 %, in 3-D 0.52, 0.13, 0.033 %."""
    errors = [cloud_errors(40.0, dt, ndim)[1] for dt in (0.4, 0.2, 0.1)]
    assert errors[0] < 0.006
    assert min(observed_order(errors)) > 1.95


def test_spreading_cloud_is_second_order_in_space() -> None:
    """2-D, dt = 0.02, h = 80, 40, 20: errors 13, 2.6, 0.62 %, orders 2.3, 2.06."""
    errors = [cloud_errors(h, 0.02, 2)[0] for h in (80.0, 40.0, 20.0)]
    assert errors[2] < 0.007
    assert min(observed_order(errors)) > 1.95


@pytest.mark.parametrize("shape", [(1, 12, 20), (6, 12, 20)])
@pytest.mark.parametrize("mode", [(0, 0, 0), (0, 0, 1), (0, 3, 7), (2, 1, 5)])
def test_cosine_modes_decay_at_the_rate_of_the_scheme(
    shape: tuple[int, int, int], mode: tuple[int, int, int]
) -> None:
    """Each mode is multiplied by exactly 1 - dt * rate / prod(1 + dt/2 * rate_d), to 1e-13.

    That factor differs from exp(-rate dt) by O((rate dt)^3): with rate dt < 0.1 by less than 2e-4.
    """
    if shape[0] == 1 and mode[0] > 0:
        mode = (0, *mode[1:])
    h, dt = 20.0, 0.5
    ndim = 2 if shape[0] == 1 else 3
    case = Case(D, LOSS, shape, h)
    c = np.ones(shape)
    factor, rate = 1.0, LOSS
    for axis, (n, m) in enumerate(zip(shape, mode, strict=True)):
        if n == 1:
            continue
        wave = np.cos(np.pi * m * (np.arange(n) + 0.5) / n)
        c = c * wave.reshape([-1 if a == axis else 1 for a in range(3)])
        k = 4 * D / h**2 * np.sin(0.5 * np.pi * m / n) ** 2
        factor *= 1.0 + 0.5 * dt * (k + LOSS / ndim)
        rate += k
    expected = 1.0 - dt * rate / factor
    # A constant keeps everything positive; it has its own factor.
    level = 1.0 - dt * LOSS / (1.0 + 0.5 * dt * LOSS / ndim) ** ndim
    case.c[0] = 3.0 + c
    case.run(dt, 1)
    np.testing.assert_allclose(case.c[0], 3.0 * level + expected * c, rtol=0, atol=1e-13)
    assert case.counters.sum() == 0
    if rate * dt < 0.1:
        assert abs(expected - np.exp(-rate * dt)) < 2e-4


def test_closed_box_becomes_uniform() -> None:
    """Without losses only the mean is left (to 1e-12), and the amount is kept to 1e-13."""
    rng = np.random.default_rng(0)
    tissue = rng.random((5, 9, 11)) < 0.95
    tissue[2] = True
    case = Case(D, 0.0, tissue.shape, 20.0, tissue=tissue)
    case.c[0] = rng.exponential(size=tissue.shape) * tissue
    start = case.c[0].copy()
    case.open_budget()
    case.settle(D / 220.0**2, 4 * D / 20.0**2, cycles=20)
    amount = case.budget.initial[0]
    assert abs(case.budget.residual()[0]) < 1e-13 * amount
    # Voxels whose six neighbours are all outside keep what they had.
    padded = np.pad(tissue, 1)
    open_faces = sum(np.roll(padded, s, a)[1:-1, 1:-1, 1:-1] for s in (1, -1) for a in (0, 1, 2))
    connected = tissue & (open_faces > 0)
    mean = start[connected].mean()
    np.testing.assert_allclose(case.c[0][connected], mean, rtol=1e-12)
    assert not case.c[0][~tissue].any()


def bolus_errors(k_dt: float, substep_counts: int, restart: bool = True) -> tuple[list[float], Case]:
    """Error relative to the peak after each of the first steps from a single full voxel."""
    n, h, dt = 65, 20.0, 1.0 / 3.0
    d = k_dt * h**2 / dt
    case = Case(d, 0.0, (1, n, n), h)
    case.c[0, 0, n // 2, n // 2] = 1e4
    case.open_budget()
    start = case.c[0].copy()
    errors = []
    for step in range(substep_counts):
        case.run(dt, 1, restart and step == 0)
        assert case.c.min() >= 0.0
        exact = semi_discrete(start, h, d, 0.0, (step + 1) * dt)
        errors.append(float(np.abs(case.c[0] - exact).max() / exact.max()))
    return errors, case


@pytest.mark.parametrize("k_dt", [0.25, 1.0, 2.0, 5.0, 10.0])
def test_bolus_stays_positive_and_converges(k_dt: float) -> None:
    """One full voxel, D dt / h^2 from 0.25 to 10, never negative, against the exact time evolution.

    Largest error over the peak, in %, after 1, 2, 3, 5 and 10 steps at D dt / h^2 =
    0.25: 3.1, 0.4, 1.3, 1.0, 0.25; 1: 13, 9.7, 1.9, 0.6, 0.20; 2: 13, 9.2, 1.9, 0.9, 0.24;
    5: 11, 7.6, 1.7, 0.8, 0.26; 10: 8, 6.8, 1.5, 0.7, 0.24.
    """
    errors, case = bolus_errors(k_dt, 10)
    assert case.counters[0].tolist() == [0, 1]
    assert errors[0] < 0.14
    assert errors[2] < 0.02
    assert errors[9] < 0.004
    assert abs(case.budget.residual()[0]) < 1e-13 * case.budget.initial[0]


@pytest.mark.parametrize("k_dt", [2.0, 10.0])
def test_unannounced_bolus_is_caught_and_counted(k_dt: float) -> None:
    """Without the flag the Douglas step undershoots; it is redone and the result is the same."""
    told, with_flag = bolus_errors(k_dt, 5)
    untold, without = bolus_errors(k_dt, 5, restart=False)
    assert with_flag.counters[0, START_UPS] == 1
    assert without.counters[0, START_UPS] == 0
    assert without.counters[0, REDONE] == 1
    assert untold == told
    np.testing.assert_array_equal(with_flag.c, without.c)


def test_source_in_empty_tissue_is_redone_once() -> None:
    """A cell that starts to secrete where there was nothing, 3-D, D dt / h^2 = 7.5, loss dt = 1/3.

    The second Douglas step undershoots by 3e-4 of the peak and is redone; the state it leaves is smooth
    enough for all later ones, which go on to the steady state of the discrete equations.
    """
    shape, h = (31, 31, 31), 20.0
    case = Case(9000.0, 1.0, shape, h)
    case.source[0, 15, 15, 15] = 1.0
    for _ in range(80):
        case.run(1 / 3, 3)
        assert case.c.min() >= 0.0
    assert case.counters[0].tolist() == [1, 0]
    source = case.source[0]
    steady = idctn(dctn(source, norm="ortho") / mode_rates(shape, h, 9000.0, 1.0), norm="ortho")
    np.testing.assert_allclose(case.c[0], steady, rtol=1e-4)


def test_bolus_approaches_the_analytic_cloud() -> None:
    """A full voxel after 20, 40, 80 min against N exp(-r^2/4Dt) / (4 pi D t): 0.41, 0.21, 0.10 % of peak."""
    n, h = 161, 20.0
    case = Case(600.0, LOSS, (1, n, n), h)
    case.c[0, 0, n // 2, n // 2] = 1e6
    x = centres(n, h)
    r2 = x[:, None] ** 2 + x**2
    errors = []
    time = 0.0
    for until in (20.0, 40.0, 80.0):
        case.run(1.0 / 3.0, round((until - time) * 3), restart=time == 0.0)
        time = until
        spread = 4 * 600.0 * time
        exact = 1e6 * h**2 * np.exp(-LOSS * time - r2 / spread) / (np.pi * spread)
        errors.append(float(np.abs(case.c[0, 0] - exact).max() / exact.max()))
    assert errors[0] < 0.005
    assert errors[1] < 0.55 * errors[0] and errors[2] < 0.55 * errors[1]
    assert case.counters[0, REDONE] == 0
