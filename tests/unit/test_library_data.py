"""The library keeps its own rules: every value that is biology has a kind, a source and a range."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from abm.citations import KINDS, Source, is_known, parse_sources
from abm.errors import LibraryError
from abm.library import catalogue
from abm.library.catalogue import CitedValue
from abm.scenario.load import load_experiment_text
from abm.scenario.quantity import Quantity
from abm.scenario.walk import quantities
from abm.units import parse

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
MODULES = catalogue.module_names()
#: Sections that hold biology; times, sizes and the like are choices of an experiment.
BIOLOGY = ("cytokines", "compartments", "injury_kinds", "cell_types", "tissue", "readout")

SMALLEST = """
schema_version: 1
extends: library/dorsal_horn
time: {duration: 1 d}
domain: {size: [400 um, 400 um], spacing: 20 um, thickness: 20 um}
regions: {site: {disc: {center: [200 um, 200 um], radius: 100 um}}}
"""


def is_structure(value: float) -> bool:
    """Nothing, all, or per one unit: no figure that a source could have."""
    return value in (0.0, 1.0)


def needs_range(value: CitedValue) -> bool:
    """Molar masses are constants, and there is no range around nothing and all."""
    return value.path[-1] != "molar_mass" and not re.match(r"[01]( |$)", value.value)


@pytest.mark.parametrize("module", MODULES)
def test_cited_values_are_complete(module: str) -> None:
    sources = catalogue.sources()
    problems = []
    for value in catalogue.values(module):
        if value.kind not in KINDS:
            problems.append(f"{value.dotted}: kind '{value.kind}'")
        if not value.source or not all(is_known(key, sources) for key in value.source):
            problems.append(f"{value.dotted}: source {value.source}")
        if needs_range(value) and not (value.low and value.high):
            problems.append(f"{value.dotted}: no range")
    assert problems == []


@pytest.mark.parametrize("module", MODULES)
def test_values_lie_in_their_ranges(module: str) -> None:
    outside = []
    for value in catalogue.values(module):
        number = parse(value.value).base_value
        low = parse(value.low).base_value if value.low else number
        high = parse(value.high).base_value if value.high else number
        if not low <= number <= high:
            outside.append(f"{value.dotted}: {value.value} is not within {value.low} to {value.high}")
    assert outside == []


def test_no_biology_without_a_source() -> None:
    scenario = load_experiment_text(SMALLEST).base
    bare = [
        f"{'.'.join(map(str, path))} = {value}"
        for path, value in quantities(scenario)
        if path[0] in BIOLOGY and not value.source and value.note != "default" and not is_structure(value)
    ]
    assert bare == []


def test_every_module_is_part_of_the_default_tissue() -> None:
    extending = catalogue.module_text("library/dorsal_horn").rpartition("extends:")[2]
    extended = set(re.findall(r"library/[\w/]+", extending))
    optional = {name for name in MODULES if name.startswith("library/panel/")} | {"library/conditions"}
    assert extended == set(MODULES) - {"library/dorsal_horn"} - optional


def test_every_source_is_used() -> None:
    used = {key for module in MODULES for value in catalogue.values(module) for key in value.source}
    unused = set(catalogue.sources()) - used
    # Sources of statements about the model as a whole, cited by its documents and by claims.
    cited = "".join(path.read_text(encoding="utf-8") for path in SCENARIOS.rglob("*.yaml"))
    assert {key for key in unused if not re.search(rf"\b{re.escape(key)}\b", cited)} <= {"CHEN13"}


def test_dois_are_dois() -> None:
    for source in catalogue.sources().values():
        assert source.cite
        assert not source.doi or is_known(f"doi:{source.doi}", ())


def test_module_listing() -> None:
    assert "library/cells/msc" in MODULES
    assert catalogue.SOURCES not in MODULES
    assert not any("targets" in name for name in MODULES)
    module = catalogue.module("library/cytokines")
    assert module.title and module.summary.startswith("Diffusible signals")


def test_unknown_module_names_the_nearest() -> None:
    with pytest.raises(LibraryError, match="did you mean 'library/cells/msc'"):
        catalogue.module_text("library/cells/mcs")
    with pytest.raises(LibraryError, match="has no module"):
        catalogue.values("library/../secrets")


def test_values_keep_their_place_and_words() -> None:
    value = next(v for v in catalogue.values("library/compartments") if v.dotted == "compartments.csf.volume")
    assert value.kind == "measured" and value.source == ("biology",)
    assert Quantity(parse(value.value).base_value) == 4e10


def test_sources_print_as_text_and_bibtex() -> None:
    source = parse_sources({"X": {"cite": "A. B. Title. J 2000", "doi": "10.1000/x1"}})["X"]
    assert str(source) == "X: A. B. Title. J 2000. doi:10.1000/x1"
    assert source.as_bibtex() == "@misc{X,\n  note = {A. B. Title. J 2000},\n  doi = {10.1000/x1}\n}"
    assert str(Source("Y", "C")) == "Y: C"
    assert is_known("doi:10.1000/x1", ()) and not is_known("doi:nonsense", ())
