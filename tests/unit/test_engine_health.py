"""What must never happen is found at the step it arises, with time, place and value."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from abm.compile.model import Model
from abm.engine.run import declaration, run
from abm.engine.state import State
from abm.engine.step import step
from abm.errors import NumericsError
from abm.record.reader import open_run
from abm.record.writer import RunWriter
from tests.reference.tissue import SMALL, advance, model


@pytest.fixture
def tissue() -> tuple[Model, State]:
    m = model(SMALL, "cci_bmsc")
    return m, advance(m, days=0.5)


def row_of(m: Model, state: State, cell_type: str) -> int:
    rows = np.flatnonzero(
        (state.cells.type == m.names.cell_types.index(cell_type)) & (state.cells.place == 0)
    )
    return int(rows[len(rows) // 2])


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("cell_type", "variable"),
    [("microglia", "activation"), ("astrocyte", "reactivity"), ("neuron", "fast"), ("neuron", "slow")],
)
def test_a_variable(tissue: tuple[Model, State], cell_type: str, variable: str, wrong: float) -> None:
    m, state = tissue
    row = row_of(m, state, cell_type)
    slot = m.names.variables[m.names.cell_types.index(cell_type)].index(variable)
    state.cells.variables[row, slot] = wrong
    x, y, _ = state.cells.position[row]
    with pytest.raises(NumericsError) as caught:
        step(m, state)
    text = str(caught.value)
    assert "t = 0.5000 d" in text
    assert f"cell {state.cells.id[row]} ({cell_type}) at ({x:.2f}, {y:.2f}" in text
    if cell_type == "neuron":
        assert f"variable {variable} is infinite or not a number; it was {wrong:g} before the step" in text
    else:  # drives secretion, which is looked at first
        assert f"secretes {wrong:g} fg/min of IL-1b" in text


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -3.0])
@pytest.mark.parametrize("cytokine", ["IL-1b", "TGF-b1", "DAMP"])
def test_a_concentration(tissue: tuple[Model, State], cytokine: str, wrong: float) -> None:
    m, state = tissue
    f = m.names.cytokines.index(cytokine)
    state.concentration[f, 0, 7, 12] = wrong
    with pytest.raises(NumericsError, match=r"t = 0\.5000 d") as caught:
        step(m, state)
    text = str(caught.value)
    assert cytokine in text
    assert "(250, 150, 30) um" in text
    assert f"{wrong:g} pg/ml" in text
    assert ("negative" if wrong == -3.0 else "not a number") in text


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -5.0])
def test_a_compartment(tissue: tuple[Model, State], wrong: float) -> None:
    m, state = tissue
    state.reservoirs.c[m.names.compartments.index("csf"), m.names.cytokines.index("IL-10")] = wrong
    with pytest.raises(NumericsError, match=r"IL-10.*csf"):
        step(m, state)


def lose_a_cell(state: State) -> None:
    keep = np.ones(len(state.cells.id), bool)
    keep[10] = False
    state.cells = type(state.cells)(*(column[keep] for column in state.cells))


def lose_protein(state: State) -> None:
    state.concentration[0] *= 1.0 + 1e-6


def miscount_protein(state: State) -> None:
    state.budget.sourced[0] += 1e-3 * state.budget.amount[0]


def leave_the_domain(state: State) -> None:
    movers = np.flatnonzero((state.cells.variables[:, 0] > 0.0) & (state.cells.type == 0))
    state.cells.position[movers[0], 0] = np.nan


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lose_a_cell, "cells were lost or made from nothing"),
        (lose_protein, "IL-1b: the mass balance is off"),
        (miscount_protein, "IL-1b: the mass balance is off"),
        (leave_the_domain, "position is not a finite point inside the domain"),
    ],
)
def test_the_books(tissue: tuple[Model, State], harm: Callable[[State], None], message: str) -> None:
    m, state = tissue
    harm(state)
    with pytest.raises(NumericsError, match=message):
        step(m, state)


def test_a_negative_rate() -> None:
    """A rate that a variable drives below zero is an error, not a silent zero."""
    dying = "{death: {base: 0.01 /h, times: [{signal: own slow}]}}"
    m = model(SMALL + f"cell_types: {{neuron: {{behaviours: {dying}}}}}\n", "cci")
    state = advance(m, days=20 / 1440)
    row = row_of(m, state, "neuron")
    state.cells.variables[row, m.names.variables[3].index("slow")] = -0.5
    with pytest.raises(NumericsError, match=r"neuron.*rate is negative") as caught:
        step(m, state)
    assert str(state.cells.id[row]) in str(caught.value)


def test_negative_secretion() -> None:
    text = SMALL + (
        "cell_types: {neuron: {behaviours: "
        "{secretion of TNF-a: {base: 1 fg/day, times: [{signal: own slow}]}}}}\n"
    )
    m = model(text, "cci")
    state = advance(m, days=20 / 1440)
    row = row_of(m, state, "neuron")
    state.cells.variables[row, m.names.variables[3].index("slow")] = -0.5
    with pytest.raises(NumericsError, match=r"secretes -0\.0003\d* fg/min of TNF-a") as caught:
        step(m, state)
    assert f"cell {state.cells.id[row]} (neuron)" in str(caught.value)


def test_a_run_that_fails_leaves_a_valid_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    m = model(SMALL, "cci")
    path = tmp_path / "run.h5"
    declared = declaration(m, arm="cci", replicate=0, seed=1, text="", provenance="{}")
    writer = RunWriter.create(path, declared, True)

    def poison(tick: int, _end: int) -> None:
        if tick == 40 * m.clock.ticks_per_step:
            states[0].concentration[1, 0, 3, 3] = np.nan

    states: list[State] = []
    original = step

    def watched(model: Model, state: State) -> list[str]:
        states[:] = [state]
        return original(model, state)

    monkeypatch.setattr("abm.engine.run.step", watched)
    with pytest.raises(NumericsError, match="TNF-a"):
        run(m, writer, progress=poison)
    with open_run(path) as recorded:
        assert recorded.status == "failed"
        assert "TNF-a" in recorded.status_message and "(70, 70, 30) um" in recorded.status_message
        assert recorded.time[-1] == pytest.approx(360.0 / 1440.0)
