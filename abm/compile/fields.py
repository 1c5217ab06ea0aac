"""Diffusion, decay, basal production and exchange of the fields of a scenario."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from abm.compile.geometry import mask
from abm.compile.model import Fields, Labels
from abm.compile.space import Space
from abm.kernels.field_system import Reservoirs, field_system, fixed_value_rate, permeable_face_rate
from abm.scenario.schema import Cytokine, Scenario
from abm.state.grid import Grid
from abm.state.tables import Floats, Ints

FACES = ("x_min", "x_max", "y_min", "y_max", "z_min", "z_max")


def decay_rate(half_life: float | None) -> float:
    """First-order rate [1/min] of a half-life [min]; 0 where nothing decays."""
    return math.log(2.0) / half_life if half_life else 0.0


def face_voxels(grid: Grid, face: str) -> tuple[Ints, float]:
    """Flat voxels at one face of the domain, and the voxel width across it [um]."""
    index = np.arange(grid.n_voxel).reshape(grid.shape)
    axis = "xyz".index(face[0])
    side = 0 if face.endswith("min") else -1
    return np.take(index, side, axis=2 - axis).reshape(-1), grid.spacing[axis]


@dataclass
class Exchange:
    """Collects the couplings of border voxels to reservoirs."""

    voxels: list[Ints] = field(default_factory=list)
    reservoirs: list[Ints] = field(default_factory=list)
    rates: list[Floats] = field(default_factory=list)

    def add(self, voxels: Ints, reservoir: int, rates: Floats) -> None:
        """Couple `voxels` (m,) to a reservoir at `rates` (n_field, m) [1/min]."""
        self.voxels.append(voxels)
        self.reservoirs.append(np.full(len(voxels), reservoir, np.int64))
        self.rates.append(rates)

    def arrays(self, n_field: int) -> tuple[Ints, Ints, Floats]:
        """The three arrays of a `FieldSystem`."""
        if not self.voxels:
            return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((n_field, 0))
        rates = np.ascontiguousarray(np.concatenate(self.rates, axis=1))
        return np.concatenate(self.voxels), np.concatenate(self.reservoirs), rates


def material(scenario: Scenario, space: Space) -> tuple[Floats, Floats]:
    """Diffusion [um^2/min] and decay [1/min] of every field in every voxel, (n_field, nz, ny, nx)."""
    shape = (len(scenario.cytokines), *space.grid.shape)
    diffusion, decay = np.empty(shape), np.empty(shape)
    for f, cytokine in enumerate(scenario.cytokines.values()):
        diffusion[f] = float(cytokine.diffusion)
        decay[f] = decay_rate(cytokine.half_life)
        for region, other in cytokine.regions.items():
            inside = mask(scenario.regions[region], space.grid)
            if other.diffusion is not None:
                diffusion[f][inside] = float(other.diffusion)
            if other.half_life is not None:
                decay[f][inside] = decay_rate(other.half_life)
    return diffusion, decay


def border_voxels(scenario: Scenario, space: Space, compartment: str) -> Ints:
    """Tissue voxels on the faces that touch a compartment; all tissue voxels where none does (vessels)."""
    inside = space.tissue.reshape(-1) == 1
    faces = [f for f in FACES if getattr(scenario.domain.boundaries, f) == compartment]
    if not faces:
        return np.flatnonzero(inside)
    voxels = np.unique(np.concatenate([face_voxels(space.grid, f)[0] for f in faces]))
    return np.asarray(voxels[inside[voxels]])


def fields_of(scenario: Scenario, space: Space, labels: Labels) -> Fields:
    """Everything the field solver needs.

    Baselines are held by a uniform basal production ``decay x baseline`` in the tissue and by
    ``clearance x baseline`` in the compartments, so naive tissue is flat up to its border.
    """
    diffusion, decay = material(scenario, space)
    diffusion *= space.tissue
    baseline = np.array([float(c.baseline) for c in scenario.cytokines.values()])
    n_field = len(baseline)
    exchange = Exchange()
    held = _boundaries(scenario, space, labels, diffusion, exchange)
    ecs = float(scenario.tissue.extracellular_fraction) * space.grid.voxel_volume
    system = field_system(
        diffusion,
        decay,
        space.grid.spacing,
        space.grid.shape,
        ecs,
        tissue=space.tissue.astype(bool),
        exchange=exchange.arrays(n_field),
    )
    return Fields(
        system=system,
        reservoirs=_reservoirs(scenario, space, baseline, held),
        production=decay * baseline[:, None, None, None] * space.tissue,
        baseline=baseline,
        sensing_floor=np.array([float(c.sensing_floor or 0.0) for c in scenario.cytokines.values()]),
    )


def _boundaries(
    scenario: Scenario, space: Space, labels: Labels, diffusion: Floats, exchange: Exchange
) -> list[Floats]:
    """Couple the faces of the domain; returns the values (n_field,) of each held boundary."""
    held: list[Floats] = []
    inside = space.tissue.reshape(-1) == 1
    n_compartment = len(labels.compartments)
    flat = diffusion.reshape(len(diffusion), space.grid.n_voxel)
    for face in FACES[: 4 if space.grid.is_flat else 6]:
        boundary = getattr(scenario.domain.boundaries, face)
        if boundary == "no-flux":
            continue
        voxels, width = face_voxels(space.grid, face)
        voxels = voxels[inside[voxels]]
        if isinstance(boundary, str) and boundary in labels.compartments:
            permeability = float(scenario.compartments[boundary].permeability)
            rates = permeable_face_rate(flat[:, voxels], permeability, width)
            exchange.add(voxels, labels.compartments.index(boundary), rates)
            continue
        rates = fixed_value_rate(flat[:, voxels], width)
        values = np.array([float(c.baseline) for c in scenario.cytokines.values()])
        if not isinstance(boundary, str):
            fixed = [name in boundary for name in labels.cytokines]
            rates[~np.array(fixed)] = 0.0
            values = np.array([float(boundary.get(name, 0.0)) for name in labels.cytokines])
        exchange.add(voxels, n_compartment + len(held), rates)
        held.append(values)
    return held


def _reservoirs(scenario: Scenario, space: Space, baseline: Floats, held: list[Floats]) -> Reservoirs:
    """Compartments at their baselines, then the held boundaries."""
    compartments = list(scenario.compartments.values())
    n_held, n_field = len(held), len(baseline)
    clearance = np.array([decay_rate(c.half_life) for c in compartments])[:, None].repeat(n_field, axis=1)
    for f, cytokine in enumerate(scenario.cytokines.values()):
        for name, other in cytokine.compartments.items():
            clearance[list(scenario.compartments).index(name), f] = decay_rate(other.half_life)
    start = np.array([baseline for _ in compartments] + held).reshape(len(compartments) + n_held, n_field)
    cleared = np.concatenate([clearance.reshape(len(compartments), n_field), np.zeros((n_held, n_field))])
    represents = scenario.domain.represents
    return Reservoirs(
        c=start,
        volume=np.array([float(c.volume) for c in compartments] + [np.inf] * n_held),
        clearance=cleared,
        input=cleared * start,
        multiplicity=float(represents) / space.tissue_volume if represents is not None else 1.0,
    )


def length_scale(cytokine: Cytokine) -> float:
    """Signal range sqrt(D / decay) [um]; infinite where nothing decays."""
    rate = decay_rate(cytokine.half_life)
    return math.sqrt(float(cytokine.diffusion) / rate) if rate else math.inf
