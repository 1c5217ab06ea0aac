"""Injuries and interventions: what happens to the tissue, when and where."""

from __future__ import annotations

import numpy as np

from abm.compile.geometry import weight
from abm.compile.model import Clock, DriveCourse, Infusion, Injection, Labels, Release
from abm.compile.space import Space
from abm.scenario.schema import Scenario
from abm.state.cells import INJECTED
from abm.state.tables import Floats, Ints


def ticks(minutes: float, clock: Clock) -> int:
    """A time as a whole number of ticks; the scenario's checks made sure that it is one."""
    return round(minutes / clock.tick)


def injury_courses(
    scenario: Scenario, space: Space, names: Labels, clock: Clock
) -> tuple[tuple[DriveCourse, ...], Floats, tuple[Release, ...]]:
    """Drives of every injury, where they act, and what the injuries release.

    Returns
    -------
    courses : tuple of DriveCourse
    weights : (n_injury, n_voxel) float64
        1 inside the site, falling to 0 over the edge width; 0 outside the tissue.
    releases : tuple of Release
    """
    courses: list[DriveCourse] = []
    releases: list[Release] = []
    weights = np.zeros((len(scenario.injuries), space.grid.n_voxel))
    for i, injury in enumerate(scenario.injuries):
        kind = scenario.injury_kinds[injury.kind]
        site = weight(scenario.regions[injury.site], space.grid, float(injury.edge or 0.0))
        weights[i] = (site * space.tissue).reshape(-1)
        first = len(courses)
        drives = list(kind.drives)
        for name, drive in kind.drives.items():
            courses.append(
                DriveCourse(
                    drive=names.drives.index(name),
                    injury=i,
                    start=ticks(float(injury.at), clock),
                    amplitude=float(drive.amplitude),
                    rise=float(drive.rise or 0.0),
                    decay=float(drive.decay or 0.0),
                    off=float(drive.off or 0.0),
                    off_width=float(drive.off_width or 0.0),
                )
            )
        releases.extend(
            Release(first + drives.index(r.drive), names.cytokines.index(r.cytokine), float(r.rate))
            for r in kind.releases
        )
    return tuple(courses), weights, tuple(releases)


def _destination(
    route: str, site: str | None, scenario: Scenario, space: Space, names: Labels
) -> tuple[int, Ints]:
    """Compartment index, or -1 with the tissue voxels of the site for a local dose."""
    if route != "local":
        return names.compartments.index(scenario.routes[route].compartment), np.zeros(0, np.int64)
    return -1, np.flatnonzero(space.regions[names.regions.index(site or "")])


def injections(scenario: Scenario, space: Space, names: Labels, clock: Clock) -> tuple[Injection, ...]:
    """Every dose of cells, one entry per time it is given."""
    found: list[Injection] = []
    for intervention in scenario.interventions:
        give = intervention.inject_cells
        if give is None:
            continue
        cell_type = names.cell_types.index(give.type)
        phenotypes = names.phenotypes[cell_type]
        compartment, voxels = _destination(give.route, give.site, scenario, space, names)
        for at in give.times:
            living = float(give.dose) * float(give.viability)
            found.append(
                Injection(
                    tick=ticks(float(at), clock),
                    origin=INJECTED + len(found),
                    cell_type=cell_type,
                    phenotype=phenotypes.index(give.phenotype) if give.phenotype else 0,
                    dose=living,
                    compartment=compartment,
                    voxels=voxels,
                    text=f"{living:g} living {give.type} {give.route}",
                )
            )
    return tuple(found)


def infusions(scenario: Scenario, space: Space, names: Labels, clock: Clock) -> tuple[Infusion, ...]:
    """Every dose of protein, one entry per time it is given."""
    found: list[Infusion] = []
    for intervention in scenario.interventions:
        give = intervention.infuse
        if give is None:
            continue
        compartment, voxels = _destination(give.route, give.site, scenario, space, names)
        active = float(give.dose) * float(scenario.cytokines[give.cytokine].active_fraction)
        for at in give.times:
            start = ticks(float(at), clock)
            found.append(
                Infusion(
                    start=start,
                    stop=start + ticks(float(give.duration), clock),
                    cytokine=names.cytokines.index(give.cytokine),
                    amount=active,
                    compartment=compartment,
                    voxels=voxels,
                    text=f"{float(give.dose) * 1e-6:g} ng {give.cytokine} {give.route}",
                )
            )
    return tuple(found)
