"""Injuries and interventions: what happens to the tissue, when and where."""

from __future__ import annotations

import numpy as np

from abm.compile.drugs import drug_courses
from abm.compile.geometry import weight
from abm.compile.model import (
    Bond,
    Clock,
    Depletion,
    DriveCourse,
    Infusion,
    Injection,
    Labels,
    Modifier,
    Release,
    Removal,
    Treatment,
)
from abm.compile.modifiers import in_words, region_index, span_of
from abm.compile.space import Space
from abm.errors import CompileError
from abm.scenario.schema import Scenario
from abm.state.cells import INJECTED
from abm.state.tables import Floats, Ints

NG_PER_FG = 1e-6


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
        drives = list(kind.drives)
        for at in injury.times:
            first = len(courses)
            for name, drive in kind.drives.items():
                courses.append(
                    DriveCourse(
                        drive=names.drives.index(name),
                        injury=i,
                        start=ticks(at, clock),
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
        give = intervention.infusion
        if give is None:
            continue
        compartment, voxels = _destination(give.route, give.site, scenario, space, names)
        active = float(give.dose) * float(scenario.cytokines[give.cytokine].active_fraction)
        given = float(give.dose) * NG_PER_FG
        for at in give.times:
            start = ticks(float(at), clock)
            found.append(
                Infusion(
                    start=start,
                    stop=start + ticks(float(give.duration), clock),
                    ramp=ticks(float(give.ramp), clock),
                    cytokine=names.cytokines.index(give.cytokine),
                    amount=active,
                    given=given,
                    compartment=compartment,
                    voxels=voxels,
                    text=f"{given:g} ng {give.cytokine} {give.route}",
                )
            )
    return tuple(found)


def treatment_of(
    scenario: Scenario, space: Space, names: Labels, clock: Clock, modifiers: tuple[Modifier, ...]
) -> Treatment:
    """Everything that is done to the animal, in the order of the file."""
    missing = [i.knock_out for i in scenario.interventions if i.knock_out is not None]
    return Treatment(
        injections=injections(scenario, space, names, clock),
        infusions=infusions(scenario, space, names, clock),
        modifiers=modifiers,
        removals=removals(scenario, names, clock),
        depletions=depletions(scenario, names, clock),
        drugs=drug_courses(scenario, clock),
        onsets=onsets(scenario, clock),
        knocked_out=tuple(f"without {out.cytokine or out.cell_type} from birth" for out in missing),
    )


def onsets(scenario: Scenario, clock: Clock) -> tuple[tuple[int, str], ...]:
    """When changes, blocks and drugs begin, in words."""
    found: list[tuple[int, str]] = []
    for intervention in scenario.interventions:
        change, block, drug = intervention.modify, intervention.neutralise, intervention.drug
        if change is not None:
            found += [(ticks(at, clock), in_words(change)) for at in change.starts]
        if block is not None and block.share is not None:
            text = f"{block.share} of {block.cytokine} neutralised"
            found += [(ticks(at, clock), text) for at in block.starts]
        if drug is not None:
            found += [(ticks(at, clock), f"{drug.dose} {drug.name}") for at in drug.times]
    return tuple(found)


def removals(scenario: Scenario, names: Labels, clock: Clock) -> tuple[Removal, ...]:
    """Shares of cytokines that are taken out of action."""
    found = []
    for intervention in scenario.interventions:
        block = intervention.neutralise
        if block is None or block.share is None:
            continue
        share = float(block.share)
        found.append(
            Removal(
                cytokine=names.cytokines.index(block.cytokine),
                extra=share / (1.0 - share),
                span=span_of(block, clock),
                region=region_index(block.site, names),
            )
        )
    return tuple(found)


def bonds_of(scenario: Scenario, names: Labels) -> tuple[Bond, ...]:
    """Every pair of a binder and what it binds."""
    found = []
    for name, binder in scenario.cytokines.items():
        for target, binding in binder.binds.items():
            own, other = binder.molar_mass, scenario.cytokines[target].molar_mass
            if own is None or other is None:
                raise CompileError(f"'{name}' binds '{target}' mole for mole: both need a molar_mass")
            found.append(
                Bond(
                    binder=names.cytokines.index(name),
                    target=names.cytokines.index(target),
                    rate=float(binding.rate) / float(binding.at),
                    consumption=float(own) / float(other) / float(binding.valency),
                )
            )
    return tuple(found)


def depletions(scenario: Scenario, names: Labels, clock: Clock) -> tuple[Depletion, ...]:
    """Every removal of cells, one entry per time it happens."""
    found: list[Depletion] = []
    for intervention in scenario.interventions:
        take = intervention.remove_cells
        if take is None:
            continue
        k = names.cell_types.index(take.type)
        which = f"{take.phenotype} " if take.phenotype else ""
        where = f" in {take.site}" if take.site else ""
        found += [
            Depletion(
                tick=ticks(at, clock),
                cell_type=k,
                phenotype=names.phenotypes[k].index(take.phenotype) if take.phenotype else -1,
                share=float(take.share),
                region=region_index(take.site, names),
                text=f"{100.0 * float(take.share):.4g} % of the {which}{take.type} removed{where}",
            )
            for at in take.times
        ]
    return tuple(found)
