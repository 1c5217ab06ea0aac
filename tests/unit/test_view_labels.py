"""Printed names, colours and line styles."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from abm.view.labels import arm_label, dose_label, name_label, plural, power_of_ten
from abm.view.style import arm_styles, cell_colours, darker, phenotype_looks, shade

LABELS = {"TGF-b1": "TGF-β1", "msc": "MSC"}


@pytest.mark.parametrize(
    ("name", "label"),
    [("TGF-b1", "TGF-β1"), ("IL-1b", "IL-1β"), ("TNF-a", "TNF-α"), ("IL-10", "IL-10"), ("t_cell", "t cell")],
)
def test_names(name: str, label: str) -> None:
    assert name_label(name, {}) == label


def test_labels_of_the_scenario_come_first() -> None:
    assert name_label("msc", LABELS) == "MSC"
    assert name_label("microglia:activated", {}) == "activated"


@pytest.mark.parametrize(
    ("arm", "label"),
    [
        ("sham", "sham"),
        ("cci_bmsc", "CCI + BMSC"),
        ("cci_tgfb1", "CCI + TGF-β1"),
        ("cci_late_dose", "cci late dose"),
        ("x", "x"),
    ],
)
def test_arms(arm: str, label: str) -> None:
    assert arm_label(arm) == label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("250000 living msc intrathecal", "2.5×10⁵ living MSC intrathecal"),
        ("10 ng TGF-b1 intrathecal", "10 ng TGF-β1 intrathecal"),
        ("0.5 ng IL-1b local", "0.5 ng IL-1β local"),
    ],
)
def test_doses(text: str, label: str) -> None:
    assert dose_label(text, LABELS) == label


@pytest.mark.parametrize(("value", "text"), [(1e6, "1×10⁶"), (123456.0, "1.235×10⁵"), (2e-12, "2×10⁻¹²")])
def test_powers_of_ten(value: float, text: str) -> None:
    assert power_of_ten(value) == text


@pytest.mark.parametrize(
    ("name", "many"), [("T cell", "T cells"), ("microglia", "microglia"), ("MSC", "MSC"), ("cells", "cells")]
)
def test_plurals(name: str, many: str) -> None:
    assert plural(name) == many


def test_known_arms_have_fixed_looks() -> None:
    together = arm_styles(["sham", "cci", "cci_bmsc", "cci_tgfb1"])
    assert together["cci_bmsc"] == arm_styles(["cci_bmsc"])["cci_bmsc"]
    assert together["cci_bmsc"] == arm_styles(["new", "cci_bmsc", "other"])["cci_bmsc"]


def test_arms_differ_in_colour_and_in_dashes() -> None:
    looks = arm_styles(["sham", "cci", "sni", "cci_bmsc", "cci_tgfb1", "a", "b", "c"])
    assert len({(style.colour, str(style.dash)) for style in looks.values()}) == 8
    known = [looks[arm] for arm in ("sham", "cci", "sni", "cci_bmsc", "cci_tgfb1")]
    assert len({style.colour for style in known}) == 5
    assert len({str(style.dash) for style in known}) == 5, "a grey print must tell them apart"


def test_cells_have_different_colours_in_grey_too() -> None:
    types = ["microglia", "astrocyte", "t_cell", "neuron", "msc", "macrophage"]
    colours = cell_colours(types)
    assert len(set(colours.values())) == len(types)
    assert cell_colours(["macrophage", "msc"])["msc"] == colours["msc"]


def test_phenotypes_of_rest_are_pale() -> None:
    looks = phenotype_looks("microglia", "#009E73", ["microglia:surveilling", "microglia:activated"])
    rest, active = looks["microglia:surveilling"], looks["microglia:activated"]
    assert np.mean(rest[0]) > np.mean(active[0])
    assert (rest[2], active[2]) == (False, True)
    assert rest[1] != active[1]
    t_cells = phenotype_looks("t_cell", "#CC79A7", ["t_cell:effector", "t_cell:regulatory"])
    assert t_cells["t_cell:effector"][2] and not t_cells["t_cell:regulatory"][2]
    assert phenotype_looks("neuron", "#000000", ["neuron:neuron"])["neuron:neuron"][2]


def test_shades() -> None:
    assert shade("#0072B2", 1.0) == pytest.approx(to_rgb("#0072B2"))
    assert shade("#0072B2", 0.0) == (1.0, 1.0, 1.0)
    assert darker("#0072B2", 1.0) == (0.0, 0.0, 0.0)
