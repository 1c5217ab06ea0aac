"""The extended panel: modules fit the default tissue, alone and together, and leave naive tissue alone."""

from __future__ import annotations

import numpy as np
import pytest

from abm.engine.readout import read_out
from abm.library import catalogue
from abm.scenario.schema import Scenario
from abm.scenario.schema.responses import Add, Response
from tests.reference.tissue import SMALL, advance, experiment, model

PANEL = tuple(name for name in catalogue.module_names() if name.startswith("library/panel/"))
ONLY_READ_OUT = {"IL-8"}
"""Made by cells, sensed by none."""

# Neurons release ATP everywhere at the same rate, and nothing leaves.
EVEN_ATP = """
schema_version: 1
title: ATP of evenly driven tissue
extends: [library/dorsal_horn, library/panel/atp]
time: {duration: 4 h, cell_step: 10 min, field_step: 10 min}
domain: {size: [0.4 mm, 0.4 mm], spacing: 20 um, thickness: 20 um}
regions: {site: {rectangle: {low: [0 mm, 0 mm], high: [0.4 mm, 0.4 mm]}}}
injury_kinds: {even: {drives: {acute: {amplitude: 1}, chronic: {amplitude: 1}}}}
injuries: [{kind: even, site: site}]
"""


def small(*modules: str) -> str:
    """The small tissue with modules of the panel."""
    return SMALL.replace("library/dorsal_horn", f"[{', '.join(('library/dorsal_horn', *modules))}]")


def loaded(*modules: str) -> Scenario:
    """Its base, complete."""
    return experiment(small(*modules)).base


def fast_target(scenario: Scenario) -> Response:
    """What drives the neurons."""
    target = scenario.cell_types["neuron"].variables["fast"].target
    assert target is not None
    return target


def of_signal(scenario: Scenario, signal: str) -> tuple[Add, ...]:
    """The terms of the neurons' drive that read a signal."""
    return tuple(term for term in fast_target(scenario).adds if term.signal == signal)


@pytest.mark.parametrize("name", PANEL)
def test_a_module_fits_the_default_tissue(name: str) -> None:
    """No fault; the only warning it may give is that its substance decays within a field step."""
    found = experiment(small(name))
    kinds = [fault.message for fault in found.warnings if "decays within one field_step" not in fault.message]
    assert set(found.arms) and kinds == []


def test_modules_fit_each_other_in_any_order() -> None:
    together = loaded(*PANEL)
    backwards = loaded(*reversed(PANEL))
    assert set(together.cytokines) == set(backwards.cytokines)
    one, other = ({str(term) for term in fast_target(scenario).adds} for scenario in (together, backwards))
    assert one == other
    division = together.cell_types["t_cell"].behaviours["division"]
    assert {term.signal for term in division.increases} == {"excess IL-2", "excess IL-21"}


@pytest.mark.parametrize("cytokine", sorted(set(loaded(*PANEL).cytokines) - set(loaded().cytokines)))
def test_a_substance_is_made_and_read(cytokine: str) -> None:
    scenario = loaded(*PANEL)
    made = [
        name for name, cell in scenario.cell_types.items() if f"secretion of {cytokine}" in cell.behaviours
    ]
    produced = f"production of {cytokine}" in scenario.tissue.behaviours
    read = [
        name
        for name, cell in scenario.cell_types.items()
        for response in (*cell.behaviours.values(), *(v.response for v in cell.variables.values()))
        if response is not None
        for _, _, term in response.terms()
        if term.signal in (cytokine, f"excess {cytokine}", f"relative gradient of {cytokine}")
    ]
    assert made or produced
    assert bool(read) is (cytokine not in ONLY_READ_OUT)


def test_naive_tissue_stays_at_its_baselines_with_every_module() -> None:
    m = model(small(*PANEL), "naive")
    state = advance(m, days=0.5)
    baselines = np.array([float(c.baseline) for c in experiment(small(*PANEL)).base.cytokines.values()])
    got = read_out(m, state)
    np.testing.assert_allclose(got["cytokine_lowest"], baselines, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(got["cytokine_highest"], baselines, rtol=1e-9, atol=1e-9)
    assert float(got["nociception"]) < 1e-12
    assert got["cell_count"][m.names.cell_types.index("t_cell")] == 0


def test_a_read_out_changes_nothing() -> None:
    """IL-8 is made but read by none: the injured tissue is the same to the last bit."""
    plain, panel = (model(text, "cci") for text in (SMALL, small("library/panel/il8")))
    ends = [advance(m, days=0.5) for m in (plain, panel)]
    shared = len(plain.names.cytokines)
    np.testing.assert_array_equal(ends[0].concentration, ends[1].concentration[:shared])
    np.testing.assert_array_equal(ends[0].cells.variables, ends[1].cells.variables)
    assert read_out(panel, ends[1])["cytokine_highest"][-1] > 20.0


@pytest.mark.parametrize("signal", ["excess IL-1b", "excess TNF-a", "chronic drive"])
def test_a_share_is_taken_from_what_is_there(signal: str) -> None:
    """What modules take from the fitted drive of neurons has its half-maximum, and leaves most of it."""
    (fitted,) = of_signal(loaded(), signal)
    first, *taken = of_signal(loaded(*PANEL), signal)
    assert first == fitted and taken
    for term in taken:
        assert (term.half_max, term.hill_power, term.per) == (fitted.half_max, fitted.hill_power, fitted.per)
        assert term.amount < 0.0
    assert -0.5 * fitted.amount <= sum(term.amount for term in taken)


def test_il17_is_half_of_the_lumped_factor_of_t_cells() -> None:
    lumped, split = loaded(), loaded("library/panel/il17")
    t_cells = split.cell_types["t_cell"].behaviours
    both = t_cells["secretion of IFN-g"].base + t_cells["secretion of IL-17"].base
    assert both == pytest.approx(lumped.cell_types["t_cell"].behaviours["secretion of IFN-g"].base)
    one, other = split.cytokines["IL-17"], split.cytokines["IFN-g"]
    assert (one.diffusion, one.half_life) == (other.diffusion, other.half_life)
    target = split.cell_types["microglia"].variables["activation"].target
    assert target is not None
    halves = {term.signal: term.half_max for term in target.increases}
    assert halves["excess IL-17"] == halves["excess IFN-g"]


@pytest.mark.parametrize("field_step", ["10 min", "2 min"])
def test_atp_reaches_its_steady_state_with_steps_longer_than_its_life(field_step: str) -> None:
    """Mean over the tissue = baseline + n q / (k alpha V), though 14 lives pass in one step of 10 min."""
    sets = (f"time.field_step={field_step}",)
    m = model(EVEN_ATP, sets=sets)
    state = advance(m, days=2.0 / 24.0)
    scenario = experiment(EVEN_ATP, *sets).base
    atp, i = scenario.cytokines["ATP"], m.names.cytokines.index("ATP")
    release = scenario.cell_types["neuron"].behaviours["secretion of ATP"]
    neurons = int(np.sum(state.cells.type == m.names.cell_types.index("neuron")))
    source = neurons * sum(float(term.amount) for term in release.adds)  # fg/min
    fluid = float(scenario.domain.volume * scenario.tissue.extracellular_fraction)  # um^3
    expected = atp.baseline + source / (atp.decay_rate * fluid) * 1e9  # 1 fg/um^3 = 1e9 pg/ml
    assert float(state.concentration[i].mean()) == pytest.approx(expected, rel=1e-6)
    assert float(state.concentration[i].min()) >= float(atp.baseline)


def test_cells_near_stromal_cells_make_more_il4() -> None:
    secretion = loaded("library/panel/il4").cell_types["t_cell"].behaviours["secretion of IL-4"]
    (near,) = secretion.increases
    assert near.signal == "contact with msc" and near.to > secretion.base
