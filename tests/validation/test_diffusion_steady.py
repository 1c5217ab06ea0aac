"""Steady states against analytic solutions; errors and orders found are in the docstrings."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import k0

from abm.kernels.field_system import Reservoirs, fixed_value_rate, permeable_face_rate
from tests.validation.diffusion_case import Case, Floats, centres, observed_order

pytestmark = pytest.mark.validation

D = 1800.0  # 30 um^2/s


def point_source_error(h: float, length: float, width: float, ndim: int) -> float:
    """Largest relative error between one and two diffusion lengths from a point source.

    The no-flux walls are mirrors: one quadrant (octant), with the source in the voxel at its corner.
    """
    n = round(width / h)
    case = Case(D, D / length**2, (1 if ndim == 2 else n, n, n), h)
    case.source[0, 0, 0, 0] = 1.0
    c = case.settle(D / length**2, 4.0 * D / h**2)[0]
    x = (np.arange(n) + 0.5) * h
    z = x if ndim == 3 else np.zeros(1)
    r = np.sqrt(z[:, None, None] ** 2 + x[:, None] ** 2 + x**2)
    region = (r >= length) & (r <= 2.0 * length)
    strength = (2.0 * h) ** ndim
    if ndim == 2:
        exact = strength / (2 * np.pi * D) * k0(r[region] / length)
    else:
        exact = strength / (4 * np.pi * D) * np.exp(-r[region] / length) / r[region]
    return float(np.abs(c[region] / exact - 1.0).max())


def test_point_source_in_2d() -> None:
    """K0(r/L) between L and 2 L, h = L/5, L/10, L/20: errors 0.79, 0.21, 0.054 %, orders 1.90, 1.97."""
    errors = [point_source_error(h, 100.0, 800.0, 2) for h in (20.0, 10.0, 5.0)]
    assert errors[0] < 0.01
    assert min(observed_order(errors)) > 1.85


def test_point_source_in_3d() -> None:
    """exp(-r/L)/r between L and 2 L, h = L/4, L/8: errors 3.1 and 0.94 %, order 1.74 on its way to 2."""
    errors = [point_source_error(h, 100.0, 700.0, 3) for h in (25.0, 12.5)]
    assert errors[1] < 0.01
    assert min(observed_order(errors)) > 1.7


@pytest.mark.slow
def test_point_source_in_3d_fine() -> None:
    """As above with h = L/8, L/16: errors 0.94 and 0.25 %, order 1.92."""
    errors = [point_source_error(h, 100.0, 700.0, 3) for h in (12.5, 6.25)]
    assert errors[1] < 0.003
    assert min(observed_order(errors)) > 1.85


def test_line_source() -> None:
    """exp(-|x|/L) h / (2 D / L) up to 3 L, h = L/5, L/10, L/20: errors 0.50, 0.12, 0.031 %, order 2.0."""
    errors = []
    length = 100.0
    for h in (20.0, 10.0, 5.0):
        n = 2 * round(1500.0 / h) + 1
        case = Case(D, D / length**2, (1, 3, n), h)
        case.source[0, 0, :, n // 2] = 1.0
        c = case.settle(D / length**2, 4.0 * D / h**2)[0, 0]
        exact = h * length / (2 * D) * np.exp(-np.abs(centres(n, h)) / length)
        near = np.abs(centres(n, h)) <= 3 * length
        assert np.ptp(c, axis=0).max() < 1e-12 * c.max()
        errors.append(float(np.abs(c[1] / exact - 1.0)[near].max()))
    assert errors[0] < 0.006
    assert min(observed_order(errors)) > 1.95


def held_ends(n: int, rates: tuple[float, float], values: tuple[float, float]) -> tuple[object, Reservoirs]:
    """Exchange of the two ends of a line of n voxels with held values."""
    exchange = (np.array([0, n - 1]), np.array([0, 1]), np.array([[rates[0], rates[1]]]))
    none = np.zeros((2, 1))
    held = Reservoirs(np.array(values)[:, None], np.full(2, np.inf), none, none.copy(), 1.0)
    return exchange, held


def test_held_faces_give_the_straight_line() -> None:
    """Between faces held at 5 and 1 the discrete profile is exact: found within 4e-15.

    What enters at one end leaves at the other, at the rate D (5 - 1) / length of the voxel column.
    """
    n, h = 25, 20.0
    rate = float(fixed_value_rate(D, h))
    exchange, held = held_ends(n, (rate, rate), (5.0, 1.0))
    case = Case(D, 0.0, (1, 1, n), h, exchange=exchange, reservoirs=held)
    c = case.settle(D / (n * h) ** 2, 4.0 * D / h**2, 12)[0, 0, 0]
    exact = 5.0 - 4.0 * (np.arange(n) + 0.5) / n
    assert np.abs(c - exact).max() < 1e-11
    case.open_budget()
    case.run(0.5, 4)
    inflow = D * 4.0 / (n * h) / h * 1000.0 * 1e-9 * 2.0
    np.testing.assert_allclose(case.budget.exchanged[:, 0], [inflow, -inflow], rtol=1e-9)


def test_permeable_faces_add_their_resistance() -> None:
    """Flux (C0 - C1) / (1/P0 + length/D + 1/P1) through a line between two permeable faces."""
    n, h, p0, p1 = 10, 20.0, 30.0, 300.0
    rates = (float(permeable_face_rate(D, p0, h)), float(permeable_face_rate(D, p1, h)))
    exchange, held = held_ends(n, rates, (5.0, 1.0))
    case = Case(D, 0.0, (1, 1, n), h, exchange=exchange, reservoirs=held)
    c = case.settle(0.1 * p0 / (n * h), 4.0 * D / h**2, 12)[0, 0, 0]
    flux = 4.0 / (1 / p0 + n * h / D + 1 / p1)
    face = 5.0 - flux / p0
    np.testing.assert_allclose(c, face - flux / D * (np.arange(n) + 0.5) * h, rtol=1e-11)


def test_jump_of_diffusivity() -> None:
    """Two tissues in series between held faces: piecewise linear, continuous flux; exact to 1e-14."""
    n, h, jump = 20, 20.0, 8
    d = np.where(np.arange(n) < jump, 6000.0, 300.0)
    diffusion = np.broadcast_to(d, (1, 1, 3, n))
    left, right = float(fixed_value_rate(d[0], h)), float(fixed_value_rate(d[-1], h))
    rows = np.arange(3) * n
    exchange = (
        np.concatenate([rows, rows + n - 1]),
        np.repeat([0, 1], 3),
        np.repeat([[left, right]], 3, axis=1),
    )
    _, held = held_ends(n, (left, right), (5.0, 1.0))
    case = Case(diffusion, 0.0 * np.ones(1), (1, 3, n), h, exchange=exchange, reservoirs=held)
    c: Floats = case.settle(d.min() / (n * h) ** 2, 4.0 * d.max() / h**2, 12)[0, 0]
    flux = 4.0 / (jump * h / d[0] + (n - jump) * h / d[-1])
    x = (np.arange(n) + 0.5) * h
    exact = np.where(x < jump * h, 5.0 - flux / d[0] * x, 1.0 + flux / d[-1] * (n * h - x))
    np.testing.assert_allclose(c, np.broadcast_to(exact, c.shape), rtol=1e-10)
    crossing = case.system.kx[0, 0, 0] * (c[1] - np.roll(c[1], -1)) * h
    np.testing.assert_allclose(crossing[:-1], flux, rtol=1e-9)
