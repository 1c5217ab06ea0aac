"""The arrays that describe diffusing fields and how they are built from material data.

Each field obeys, on voxels of size (dx, dy, dz),

    dc/dt = div(D grad c) - (decay + uptake) c + source + sum_r G_r (C_r - c)

with ``c`` in pg/ml of extracellular space, time in min, length in um.  ``G_r`` couples single voxels to a
well-mixed reservoir (CSF, blood) or to a fixed value (a reservoir of infinite volume).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

FG_PER_PG_UM3_PER_ML = 1e-9
"""amount [fg] = c [pg/ml] * volume [um^3] * 1e-9."""


class FieldSystem(NamedTuple):
    """Coefficients of the transport equations; constant during one call of the solver.

    Attributes
    ----------
    kx, ky, kz : (n_field, nz, ny, nx) float64 [1/min]
        Conductance D_face / h^2 of the face between a voxel and its successor along x, y, z; the last
        one along each axis counts as zero whatever it holds.  Zero at walls.
    decay : (n_field, nz, ny, nx) float64 [1/min]
    uptake : (n_field, nz, ny, nx) float64 [1/min]
        Linear uptake by cells; (0, nz, ny, nx) when there is none.
    ex_voxel : (m,) int64
        Flat voxel index (z * ny + y) * nx + x of each exchange entry; repetitions are allowed.
    ex_reservoir : (m,) int64
    ex_rate : (n_field, m) float64 [1/min]
    voxel_volume : float [um^3]
        Extracellular volume of one voxel.
    """

    kx: NDArray[np.float64]
    ky: NDArray[np.float64]
    kz: NDArray[np.float64]
    decay: NDArray[np.float64]
    uptake: NDArray[np.float64]
    ex_voxel: NDArray[np.int64]
    ex_reservoir: NDArray[np.int64]
    ex_rate: NDArray[np.float64]
    voxel_volume: float


class Reservoirs(NamedTuple):
    """Well-mixed compartments that exchange with border voxels.

    Attributes
    ----------
    c : (n_res, n_field) float64 [pg/ml]
        State, changed by the solver.
    volume : (n_res,) float64 [um^3]
        ``inf`` holds the value of ``c`` fixed.
    clearance : (n_res, n_field) float64 [1/min]
    input : (n_res, n_field) float64 [pg/ml/min]
        Constant production during the call.
    multiplicity : float
        The simulated slab stands for this many equal slabs: what leaves it enters the reservoir this
        many times.
    """

    c: NDArray[np.float64]
    volume: NDArray[np.float64]
    clearance: NDArray[np.float64]
    input: NDArray[np.float64]
    multiplicity: float


class Budget(NamedTuple):
    """Cumulated amounts [fg]; the solver adds to them, ``amount`` it overwrites.

    Tissue terms count the simulated slab once; reservoir terms count the whole reservoir, so
    ``multiplicity * exchanged`` leaves it.

    Attributes
    ----------
    initial : (n_field,) float64
        Amount in the tissue when the budget was opened.
    amount : (n_field,) float64
        Amount in the tissue now.
    added : (n_field,) float64
        Booked by whoever writes into ``c`` directly (a bolus); the solver leaves it alone.
    sourced, decayed, taken_up : (n_field,) float64
    exchanged : (n_res, n_field) float64
        Net amount that entered the tissue from each reservoir.
    produced, cleared : (n_res, n_field) float64
    """

    initial: NDArray[np.float64]
    amount: NDArray[np.float64]
    added: NDArray[np.float64]
    sourced: NDArray[np.float64]
    decayed: NDArray[np.float64]
    taken_up: NDArray[np.float64]
    exchanged: NDArray[np.float64]
    produced: NDArray[np.float64]
    cleared: NDArray[np.float64]

    def residual(self) -> NDArray[np.float64]:
        """(n_field,) [fg]: what the tissue holds minus what the booked flows say it should hold."""
        gained = self.added + self.sourced + self.exchanged.sum(axis=0) - self.decayed - self.taken_up
        return self.amount - self.initial - gained


def new_budget(c: NDArray[np.float64], n_reservoir: int, voxel_volume: float) -> Budget:
    """Open a budget for fields ``c`` (n_field, nz, ny, nx) [pg/ml]."""
    n_field = c.shape[0]
    initial = c.sum(axis=(1, 2, 3)) * voxel_volume * FG_PER_PG_UM3_PER_ML
    per_field = [np.zeros(n_field) for _ in range(4)]
    per_reservoir = [np.zeros((n_reservoir, n_field)) for _ in range(3)]
    return Budget(initial, initial.copy(), *per_field, *per_reservoir)


def no_reservoirs(n_field: int) -> Reservoirs:
    """Return a set of zero reservoirs."""
    none = np.zeros((0, n_field))
    return Reservoirs(none, np.zeros(0), none.copy(), none.copy(), 1.0)


def field_system(
    diffusion: ArrayLike,
    decay: ArrayLike,
    spacing: tuple[float, float, float],
    shape: tuple[int, int, int],
    voxel_volume: float,
    tissue: NDArray[np.bool_] | None = None,
    uptake: NDArray[np.float64] | None = None,
    exchange: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]] | None = None,
) -> FieldSystem:
    """Build a system from material data.

    Parameters
    ----------
    diffusion : (n_field,) or (n_field, nz, ny, nx) [um^2/min]
    decay : (n_field,) or (n_field, nz, ny, nx) [1/min]
    spacing : (dx, dy, dz) [um]
    shape : (nz, ny, nx)
    voxel_volume : float [um^3]
        Extracellular volume of one voxel.
    tissue : (nz, ny, nx) bool, optional
        Voxels outside are walled off.
    uptake : (n_field, nz, ny, nx) [1/min], optional
    exchange : (ex_voxel, ex_reservoir, ex_rate), optional
        As in `FieldSystem`.
    """
    d = _per_voxel(diffusion, shape)
    kx, ky, kz = face_conductances(d, spacing, tissue)
    if exchange is None:
        exchange = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((d.shape[0], 0)))
    return FieldSystem(
        kx,
        ky,
        kz,
        _per_voxel(decay, shape),
        np.zeros((0, *shape)) if uptake is None else np.ascontiguousarray(uptake, dtype=np.float64),
        *exchange,
        float(voxel_volume),
    )


def _per_voxel(value: ArrayLike, shape: tuple[int, int, int]) -> NDArray[np.float64]:
    array = np.asarray(value, dtype=np.float64)
    if array.ndim == 1:
        array = array[:, None, None, None]
    return np.ascontiguousarray(np.broadcast_to(array, (array.shape[0], *shape)))


def face_conductances(
    diffusion: NDArray[np.float64],
    spacing: tuple[float, float, float],
    tissue: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Conductances of all faces, from the harmonic mean of the D on both sides.

    The harmonic mean makes the flux through a jump of D exact for piecewise linear profiles (Patankar,
    Numerical Heat Transfer and Fluid Flow, 1980, eq. 4.9).

    Parameters
    ----------
    diffusion : (n_field, nz, ny, nx) float64 [um^2/min]
    spacing : (dx, dy, dz) [um]
    tissue : (nz, ny, nx) bool, optional
        A face is open only between two tissue voxels.

    Returns
    -------
    kx, ky, kz : (n_field, nz, ny, nx) float64 [1/min]
    """
    faces = []
    for axis, h in zip((3, 2, 1), spacing, strict=True):
        k = np.zeros_like(diffusion)
        low: list[slice] = [slice(None)] * 4
        high: list[slice] = [slice(None)] * 4
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        a, b = diffusion[tuple(low)], diffusion[tuple(high)]
        total = a + b
        mean = np.divide(2.0 * a * b, total, out=np.zeros_like(total), where=total > 0.0)
        if tissue is not None:
            mean = mean * (tissue[tuple(low[1:])] & tissue[tuple(high[1:])])
        k[tuple(low)] = mean / h**2
        faces.append(k)
    return faces[0], faces[1], faces[2]


def fixed_value_rate(diffusion: ArrayLike, h: float) -> NDArray[np.float64]:
    """Exchange rate 2 D / h^2 [1/min] of a voxel whose outer face, h/2 away, is held at a value."""
    return 2.0 * np.asarray(diffusion, dtype=np.float64) / h**2


def permeable_face_rate(diffusion: ArrayLike, permeability: ArrayLike, h: float) -> NDArray[np.float64]:
    """Exchange rate [1/min] through a face of permeability P [um/min] in series with half a voxel.

    ``1 / (1/P + h/(2 D)) / h``; zero where P or D is zero.
    """
    d, p = np.broadcast_arrays(
        np.asarray(diffusion, dtype=np.float64), np.asarray(permeability, dtype=np.float64)
    )
    denominator = h * d + 0.5 * h**2 * p
    return np.divide(p * d, denominator, out=np.zeros_like(denominator), where=denominator > 0.0)
