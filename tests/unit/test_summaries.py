"""Means, quantiles and counts of a readout beside plain numpy."""

from __future__ import annotations

import numpy as np
import pytest

from abm.compile.model import Model
from abm.engine.instants import instant_responses
from abm.engine.readout import read_out
from abm.engine.state import State
from abm.engine.step import as_of_now, respond_all, sense
from abm.kernels.summaries import fill_quantiles, pairwise_sum, summarise_fields
from abm.state.cells import TISSUE
from abm.state.tables import Target
from tests.reference.tissue import SMALL, advance, model


@pytest.mark.parametrize("n", [1, 7, 8, 9, 127, 128, 129, 136, 300, 1001, 4096])
def test_sum_has_the_bits_of_numpy(n: int) -> None:
    values = np.random.default_rng(n).lognormal(0.0, 5.0, n)
    assert pairwise_sum(values) == values.sum()


@pytest.mark.parametrize("n", [1, 2, 3, 10, 77, 400])
def test_quantiles_are_those_of_numpy(n: int) -> None:
    values, shares, out = np.random.default_rng(n).normal(size=n), np.linspace(0.0, 1.0, 11), np.empty(11)
    fill_quantiles(values, shares, out)
    np.testing.assert_array_equal(out, np.quantile(values, shares))


@pytest.mark.parametrize("values", [np.zeros(0), np.array([1.0, np.nan]), np.array([1.0, np.inf])])
def test_quantiles_of_no_numbers_are_none(values: np.ndarray) -> None:
    out = np.zeros(2)
    fill_quantiles(values, np.array([0.1, 0.5]), out)
    assert np.isnan(out).all()


def test_fields_are_summarised_inside_the_mask_only() -> None:
    rng = np.random.default_rng(1)
    c, tissue = rng.lognormal(size=(3, 500)), (rng.random(500) < 0.7).astype(np.uint8)
    regions = (rng.random((2, 500)) < 0.2).astype(np.uint8)
    mean, lowest, highest, by_region = np.empty(3), np.empty(3), np.empty(3), np.empty((3, 2))
    start = np.concatenate([[0], np.cumsum(regions.sum(axis=1))])
    summarise_fields(c, tissue, np.nonzero(regions)[1], start, mean, lowest, highest, by_region)
    inside = c[:, tissue == 1]
    np.testing.assert_allclose(mean, inside.mean(axis=1), rtol=1e-14)
    np.testing.assert_array_equal(lowest, inside.min(axis=1))
    np.testing.assert_array_equal(highest, inside.max(axis=1))
    for r in range(2):
        np.testing.assert_allclose(by_region[:, r], c[:, regions[r] == 1].mean(axis=1), rtol=1e-14)


@pytest.fixture(scope="module")
def tissue() -> tuple[Model, State]:
    """A little tissue with dead bodies, waiting cells and two regions."""
    m = model(SMALL, "cci_bmsc")
    state = advance(m, days=0.3)
    state.cells.dead[::7] = 1
    return m, state


def test_counts_and_means_of_cells(tissue: tuple[Model, State]) -> None:
    m, state = tissue
    got, cells = read_out(m, state), as_of_now(m, state)
    here = cells.place == TISSUE
    live = here & (cells.dead == 0)
    n_type = len(m.names.cell_types)
    np.testing.assert_array_equal(got["cell_count"], np.bincount(cells.type[live], minlength=n_type))
    np.testing.assert_array_equal(
        got["dead_count"], np.bincount(cells.type[here & (cells.dead == 1)], minlength=n_type)
    )
    assert got["dead_count"].sum() > 0
    assert got["compartment_cells"].sum() > 0.0
    row = 0
    for k in range(n_type):
        for p in range(len(m.names.phenotypes[k])):
            chosen = live & (cells.type == k) & (cells.phenotype == p)
            assert got["phenotype_count"][row] == chosen.sum()
            for r, mask in enumerate(m.regions):
                assert got["phenotype_count_by_region"][row, r] == (chosen & (mask[cells.voxel] == 1)).sum()
            row += 1
    row = 0
    for k in range(n_type):
        for slot in range(len(m.names.variables[k])):
            for r, mask in enumerate(m.regions):
                chosen = live & (cells.type == k) & (mask[cells.voxel] == 1)
                want = cells.variables[chosen, slot].mean() if chosen.any() else np.nan
                np.testing.assert_array_equal(got["variable_mean_by_region"][row, r], want)
            row += 1


def test_nociception_is_that_of_the_region(tissue: tuple[Model, State]) -> None:
    m, state = tissue
    assert m.readout is not None
    got, cells = read_out(m, state), as_of_now(m, state)
    neurons = (cells.type == m.readout.cell_type) & (cells.dead == 0) & (cells.place == TISSUE)
    inside = neurons & (m.regions[m.readout.region][cells.voxel] == 1)
    signal = cells.variables[inside, m.readout.slot]
    assert got["nociception"] == signal.mean()
    np.testing.assert_array_equal(
        got["nociception_quantile"], np.quantile(signal, [0.05, 0.25, 0.5, 0.75, 0.95])
    )


def test_instants_alone_are_the_instants_of_all_responses(tissue: tuple[Model, State]) -> None:
    m, state = tissue
    part = instant_responses(m.responses, m.signals)
    assert 0 < len(part.target) < len(m.responses.target)
    assert (part.target == Target.INSTANT).all()
    now = as_of_now(m, state)
    sense(m, state)
    everything = state.cells.variables.copy()
    before = state.cells
    state.cells = before._replace(variables=everything)
    respond_all(m, state)
    state.cells = before
    np.testing.assert_array_equal(now.variables, everything)
    assert not np.array_equal(now.variables, before.variables)
