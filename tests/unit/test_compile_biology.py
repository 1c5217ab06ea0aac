"""Cell types, their behaviours and variables, and what is done to the tissue, as tables."""

from __future__ import annotations

import math

import numpy as np
import pytest

from abm.compile.build import compile_model, labels_of
from abm.compile.model import DriveCourse
from abm.compile.modifiers import Changes
from abm.compile.responses import ResponseTables, variable_order
from abm.engine.events import course_value
from abm.engine.state import new_state
from abm.engine.step import respond_all, sense
from abm.errors import CompileError
from abm.state.cells import INJECTED
from abm.state.kinds import BehaviourKind, VariableKind
from abm.state.tables import Target
from tests.reference.tissue import SMALL, experiment, model

CHAIN = """
schema_version: 1
title: Instant variables that read each other
time: {duration: 1 h, cell_step: 10 min, field_step: 10 min}
record: {readout: 1 h}
domain: {size: [40 um, 40 um], spacing: 20 um, thickness: 20 um}
cell_types:
  plain: {radius: 3 um, density: 2e5 /mm^3}
  chained:
    radius: 3 um
    density: 2e5 /mm^3
    phenotypes: {low: {}, high: {when: {variable: third, above: 2}}}
    variables:
      third: {equals: {adds: [{signal: own second, amount: 2, per: 1}]}}
      second: {equals: {base: 1, adds: [{signal: own first, amount: 1, per: 1}]}}
      memory: {target: {adds: [{signal: own third, amount: 1, per: 1}]}, rise: 1 h, fall: 2 h, initial: 0.5}
      first: {equals: {adds: [{signal: own fixed, amount: 10, per: 1}]}}
      fixed: {value: 0.3}
      store: {gain: {base: 0.1 /h}, loss_time: 5 h}
    behaviours: {migration speed: {base: 0 um/min, adds: [{signal: own third, amount: 1 um/min, per: 1}]}}
"""


def test_instant_variables_are_evaluated_after_what_they_read() -> None:
    scenario = experiment(CHAIN).base
    tables = ResponseTables(scenario, labels_of(scenario), Changes(scenario, (), ()))
    order = variable_order("chained", scenario.cell_types["chained"], tables)
    assert order[:3] == ["first", "second", "third"]
    m = model(CHAIN)
    state = new_state(m)
    sense(m, state)
    behaviours, drift = respond_all(m, state)
    mine = state.cells.type == 1
    slots = m.names.variables[1]
    values = {name: state.cells.variables[mine, slots.index(name)] for name in slots}
    for name, want in {"fixed": 0.3, "first": 3.0, "second": 4.0, "third": 8.0, "memory": 0.5}.items():
        np.testing.assert_allclose(values[name], want, err_msg=name)
    np.testing.assert_allclose(drift[mine, slots.index("memory")], 8.0)
    np.testing.assert_allclose(drift[mine, slots.index("store")], 0.1 / 60)
    np.testing.assert_allclose(behaviours[mine, m.behaviours.speed], 8.0)
    assert np.all(behaviours[~mine] == 0.0)


def test_kinetics_of_the_variables() -> None:
    kinds = dict(zip(model(CHAIN).names.variables[1], model(CHAIN).variables.kind[1], strict=True))
    assert kinds == {
        "third": VariableKind.INSTANT,
        "second": VariableKind.INSTANT,
        "memory": VariableKind.RELAXING,
        "first": VariableKind.INSTANT,
        "fixed": VariableKind.CONSTANT,
        "store": VariableKind.ACCUMULATING,
    }
    v, slots = model(CHAIN).variables, model(CHAIN).names.variables[1]
    memory, store = slots.index("memory"), slots.index("store")
    assert (v.rise[1, memory], v.fall[1, memory], v.fall[1, store]) == (60.0, 120.0, 300.0)
    assert (v.initial[1, memory], v.initial[1, slots.index("fixed")]) == (0.5, 0.3)
    assert np.all(v.kind[0] == -1)


def test_phenotypes_and_switches() -> None:
    m = model(CHAIN)
    assert m.names.phenotypes == (("plain",), ("low", "high"))
    (switch,) = m.switches
    assert (switch.cell_type, switch.phenotype, switch.above) == (1, 1, 2.0)
    assert m.names.variables[1][switch.slot] == "third"


def test_columns_of_the_library() -> None:
    """One column per behaviour, shared by the types that have it; -1 where nobody does."""
    m = model(SMALL, "cci")
    columns, names = m.behaviours, m.names
    secreted = {names.cytokines[f] for f in np.flatnonzero(columns.secretion >= 0)}
    assert secreted == {"IL-1b", "TNF-a", "IL-10", "TGF-b1", "CXCL12", "IFN-g"}
    assert {names.cytokines[f] for f in np.flatnonzero(columns.sensitivity >= 0)} == {"CXCL12", "DAMP"}
    assert np.all(columns.uptake == -1) and columns.death == -1 and columns.transform == ()
    assert sorted(phenotype for _, phenotype in columns.transition) == [0, 1]
    taken = [*columns.secretion, *columns.sensitivity, columns.speed, columns.bias, columns.persistence]
    taken += [columns.division, columns.clearance, columns.phagocytosis, *(c for c, _ in columns.transition)]
    used = [c for c in taken if c >= 0]
    assert sorted(used) == list(range(columns.n))


def test_sites_of_the_library() -> None:
    m = model(SMALL, "cci")
    production, arrival = m.sites
    assert (production.kind, m.names.cytokines[production.cytokine]) == (BehaviourKind.PRODUCTION, "TGF-b1")
    assert (arrival.kind, m.names.cell_types[arrival.cell_type]) == (BehaviourKind.ARRIVAL, "t_cell")
    assert production.per_block and arrival.per_block
    csf, blood = m.waiting
    assert [m.names.compartments[w.compartment] for w in (csf, blood)] == ["csf", "blood"]
    assert csf.entry is not None and csf.entry.senses_tissue and not csf.entry.per_block
    assert not any(site.senses_tissue for site in csf.secretion)
    n = 20
    assert len(csf.voxels) == 4 * n - 4 and len(blood.voxels) == n * n
    groups = [
        production.group,
        arrival.group,
        *(s.group for w in (csf, blood) for s in (*w.secretion, w.entry)),
    ]
    assert sorted(groups) == list(range(5, 5 + len(groups)))


def test_every_row_of_the_tables_is_reached_once() -> None:
    m = model(SMALL, "cci_bmsc")
    r = m.responses
    assert r.group_first[0] == 0 and r.group_first[-1] == len(r.base)
    assert r.term_first[0] == 0 and r.term_first[-1] == len(r.role)
    assert np.all(np.diff(r.group_first) >= 0) and np.all(np.diff(r.term_first) >= 0)
    assert r.wanted.shape == (len(r.group_first) - 1, len(m.signals.kind))
    assert np.all(r.wanted.any(axis=0))  # no signal is read for nobody
    pairs = {tuple(pair) for pair in m.pairs}
    assert len(pairs) == len(m.pairs) == 2  # activation of microglia, reactivity of astrocytes
    keys = set(zip(m.signals.kind, m.signals.first, m.signals.second, strict=True))
    assert len(keys) == len(m.signals.kind)


def test_targets_of_the_rows() -> None:
    m = model(CHAIN)
    r, first = m.responses, m.responses.group_first[1]
    mine = list(zip(r.target[first:], r.slot[first:], strict=True))
    slots = m.names.variables[1]
    assert [slots[s] for t, s in mine if t == Target.INSTANT] == ["first", "second", "third"]
    assert [slots[s] for t, s in mine if t == Target.DRIFT] == ["memory", "store"]
    assert [s for t, s in mine if t == Target.BEHAVIOUR] == [m.behaviours.speed]


# ------------------------------------------------------------------------------ injuries and treatment

TREATED = (
    SMALL.split("arms:")[0]
    + """
interventions:
  - inject_cells:
      {type: msc, phenotype: primed, dose: 1e5, viability: 80 %, route: intrathecal, at: [1 h, 1 d]}
  - infuse: {cytokine: TGF-b1, dose: 10 ng, route: intravenous, at: 2 h, duration: 30 min}
  - inject_cells: {type: msc, dose: 500, route: local, site: opposite, at: 3 h}
  - infuse: {cytokine: IL-10, dose: 2 pg, route: local, site: site, at: [4 h, 5 h]}
"""
)


def test_doses_in_ticks_and_femtograms() -> None:
    m = model(TREATED)
    first, second, local = m.treatment.injections
    assert [i.tick for i in m.treatment.injections] == [30, 720, 90]  # of 2 min
    assert [i.origin for i in m.treatment.injections] == [INJECTED, INJECTED + 1, INJECTED + 2]
    assert (first.dose, first.phenotype, first.compartment) == (8e4, 1, 0)
    assert (second.dose, local.dose, local.phenotype, local.compartment) == (8e4, 500.0, 0, -1)
    np.testing.assert_array_equal(local.voxels, np.flatnonzero(m.regions[1]))
    assert first.text == "80000 living msc intrathecal"
    blood, *boluses = m.treatment.infusions
    active = float(experiment(TREATED).base.cytokines["TGF-b1"].active_fraction)
    assert (blood.start, blood.stop, blood.compartment) == (60, 75, 1)
    assert blood.amount == pytest.approx(10e6 * active)
    assert [(b.start, b.stop, b.amount, b.compartment) for b in boluses] == [
        (120, 120, 2000.0, -1),
        (150, 150, 2000.0, -1),
    ]
    np.testing.assert_array_equal(boluses[0].voxels, np.flatnonzero(m.regions[0]))


def test_site_of_an_injury_has_a_soft_edge() -> None:
    m = model(SMALL, "cci")
    x, y, _ = m.grid.centres()
    distance = np.hypot(x - 150.0, y - 200.0) - 100.0
    want = 0.5 * (1.0 - np.tanh(distance / 20.0))
    np.testing.assert_allclose(m.weights[0].reshape(m.grid.shape)[0], want[0], atol=1e-12)
    assert model(SMALL, "naive").weights.shape == (0, m.grid.n_voxel)


def test_courses_of_the_drives() -> None:
    m = model(SMALL, "cci")
    acute, chronic = m.courses
    assert [m.names.drives[c.drive] for c in m.courses] == ["acute", "chronic"]
    kind = experiment(SMALL).base.injury_kinds["CCI"].drives
    for minutes in (0.0, 60.0, 1440.0, 40 * 1440.0):
        tick = round(minutes / m.clock.tick)
        want = math.exp(-minutes / kind["acute"].decay)
        assert course_value(acute, tick, m.clock.tick) == pytest.approx(want)
        want = (1 - math.exp(-minutes / kind["chronic"].rise)) / (
            1 + math.exp((minutes - kind["chronic"].off) / kind["chronic"].off_width)
        )
        assert course_value(chronic, tick, m.clock.tick) == pytest.approx(want)


def test_a_drive_is_nothing_before_its_injury_and_long_after() -> None:
    course = DriveCourse(0, 0, start=100, amplitude=2.0, rise=0.0, decay=0.0, off=600.0, off_width=1.0)
    assert course_value(course, 99, 1.0) == 0.0
    assert course_value(course, 100, 1.0) == pytest.approx(2.0)
    assert course_value(course, 700, 1.0) == pytest.approx(1.0)
    assert course_value(course, 10**7, 1.0) == pytest.approx(0.0, abs=1e-300)


def test_releases_name_their_course() -> None:
    m = model(SMALL, "cci")
    drives = [m.courses[r.course].drive for r in m.releases]
    assert [m.names.drives[d] for d in drives] == ["acute", "chronic"]
    assert all(m.names.cytokines[r.cytokine] == "DAMP" for r in m.releases)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seeds_out_of_range_are_refused(seed: int) -> None:
    with pytest.raises(CompileError, match="seed"):
        compile_model(experiment(SMALL).base, seed)


def test_times_are_whole_ticks() -> None:
    clock = model(SMALL, "cci").clock
    assert (clock.tick, clock.ticks_per_step, clock.end, clock.readout) == (2.0, 5, 1440, 30)
    assert (clock.cells, clock.fields, clock.checkpoint) == (360, 720, 360)
    assert clock.cell_step == 10.0
    assert clock.days(720) == 1.0
