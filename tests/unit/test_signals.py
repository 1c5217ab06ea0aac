"""Names of signals and behaviours, PhysiCell's synonyms included."""

from __future__ import annotations

import pytest

from abm.scenario.behaviours import Behaviour, UnknownBehaviourError, parse_behaviour
from abm.scenario.signals import FORMS, Signal, UnknownSignalError, canonical, parse_signal, possible_signals
from abm.scenario.vocabulary import Vocabulary, name_problem
from abm.state.kinds import BehaviourKind as B
from abm.state.kinds import SignalKind as S

NAMES = Vocabulary(
    cytokines=("IL-1b", "TNF-a", "load gradient"),
    cell_types=("microglia", "t_cell", "M0 macrophage"),
    regions=("site",),
    compartments=("csf",),
    drives=("acute", "very late"),
    variables={"microglia": ("activation", "state of mind"), "t_cell": ("damage",)},
    phenotypes={"microglia": ("activated",), "t_cell": ("effector", "regulatory")},
)
MICROGLIA = NAMES.of("microglia")
T_CELL = NAMES.of("t_cell")


@pytest.mark.parametrize(
    ("text", "signal"),
    [
        ("IL-1b", Signal(S.CONCENTRATION, field="IL-1b")),
        ("  IL-1b ", Signal(S.CONCENTRATION, field="IL-1b")),
        ("excess IL-1b", Signal(S.EXCESS, field="IL-1b")),
        ("IL-1b gradient", Signal(S.GRADIENT, field="IL-1b")),
        ("gradient of IL-1b", Signal(S.GRADIENT, field="IL-1b")),
        ("grad(IL-1b)", Signal(S.GRADIENT, field="IL-1b")),
        ("relative gradient of TNF-a", Signal(S.RELATIVE_GRADIENT, field="TNF-a")),
        ("load gradient", Signal(S.CONCENTRATION, field="load gradient")),
        ("own activation", Signal(S.OWN, cell_type="microglia", variable="activation")),
        ("custom:activation", Signal(S.OWN, cell_type="microglia", variable="activation")),
        ("custom: activation", Signal(S.OWN, cell_type="microglia", variable="activation")),
        ("phenotype activated", Signal(S.PHENOTYPE, cell_type="microglia", phenotype="activated")),
        ("contact with t_cell", Signal(S.CONTACT, cell_type="t_cell")),
        ("contact with cell type M0 macrophage", Signal(S.CONTACT, cell_type="M0 macrophage")),
        ("contact with live cells", Signal(S.CONTACT_LIVE)),
        ("contact with dead cell", Signal(S.CONTACT_DEAD)),
        ("density of t_cell", Signal(S.DENSITY, cell_type="t_cell")),
        ("relative density of t_cell", Signal(S.RELATIVE_DENSITY, cell_type="t_cell")),
        ("surplus of t_cell", Signal(S.SURPLUS, cell_type="t_cell")),
        ("mean activation of microglia", Signal(S.MEAN, cell_type="microglia", variable="activation")),
        ("mean state of mind of microglia", Signal(S.MEAN, cell_type="microglia", variable="state of mind")),
        ("activation load of microglia", Signal(S.LOAD, cell_type="microglia", variable="activation")),
        ("acute drive", Signal(S.DRIVE, drive="acute")),
        ("very late drive", Signal(S.DRIVE, drive="very late")),
        ("inside site", Signal(S.REGION, region="site")),
        ("IL-1b level in csf", Signal(S.LEVEL, field="IL-1b", compartment="csf")),
        ("time", Signal(S.TIME)),
        ("current time", Signal(S.TIME)),
        ("age", Signal(S.AGE)),
        ("is dead", Signal(S.DEAD)),
    ],
)
def test_signal(text: str, signal: Signal) -> None:
    assert parse_signal(text, MICROGLIA) == signal


def test_damage_is_an_own_variable() -> None:
    assert parse_signal("damage", T_CELL) == Signal(S.OWN, cell_type="t_cell", variable="damage")


def test_canonical_spelling_reads_back() -> None:
    for text in possible_signals(MICROGLIA):
        signal = parse_signal(text, MICROGLIA)
        assert parse_signal(canonical(signal), MICROGLIA) == signal


def test_every_kind_has_a_form_and_every_signal_a_dimension() -> None:
    written = set(S) - {S.MODIFIER, S.MODIFIED}  # those are made by interventions
    assert len(FORMS) == len(written) + 1  # "damage" is a form of its own
    assert {Signal(kind).dimension.unit for kind in S} == {"pg/ml", "pg/ml/um", "1/um", "1", "1/um^3", "min"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("exces IL-1b", "unknown signal 'exces IL-1b'; did you mean 'excess IL-1b'?"),
        ("excess IL1b", "unknown cytokine 'IL1b'; did you mean 'IL-1b'?; known: IL-1b, TNF-a"),
        ("own actvation", "unknown variable of microglia 'actvation'; did you mean 'activation'?"),
        ("phenotype effector", "unknown phenotype of microglia 'effector'"),
        ("contact with tcell", "unknown cell type 'tcell'; did you mean 't_cell'?"),
        ("mean damage of microglia", "unknown variable of microglia 'damage'"),
        ("late drive", "unknown drive 'late'"),
        ("inside sight", "unknown region 'sight'; did you mean 'site'?"),
        (
            "IL-1 level in cfs",
            "unknown cytokine 'IL-1'; did you mean 'IL-1b'?; known: IL-1b, TNF-a, load gradient; unknown",
        ),
        ("pressure", "known to PhysiCell, not supported here"),
        ("intracellular IL-1b", "known to PhysiCell, not supported here"),
        ("contact with BM", "known to PhysiCell, not supported here"),
        ("", "unknown signal ''"),
        ("IL-1Ь", "U+042C cyrillic capital letter soft sign"),
    ],
)
def test_unknown_signal_says_what_is_allowed(text: str, says: str) -> None:
    with pytest.raises(UnknownSignalError) as error:
        parse_signal(text, MICROGLIA)
    assert says in str(error.value)


@pytest.mark.parametrize(
    "text", ["own activation", "phenotype activated", "contact with t_cell", "age", "dead"]
)
def test_a_place_has_nothing_of_its_own(text: str) -> None:
    assert parse_signal(text, NAMES).kind in S
    with pytest.raises(UnknownSignalError, match="belongs to one cell"):
        parse_signal(text, NAMES.of_place())


@pytest.mark.parametrize(
    ("text", "behaviour"),
    [
        ("secretion of IL-1b", Behaviour(B.SECRETION, field="IL-1b")),
        ("IL-1b secretion", Behaviour(B.SECRETION, field="IL-1b")),
        ("uptake of TNF-a", Behaviour(B.UPTAKE, field="TNF-a")),
        ("TNF-a uptake", Behaviour(B.UPTAKE, field="TNF-a")),
        ("migration speed", Behaviour(B.SPEED)),
        ("migration bias", Behaviour(B.BIAS)),
        ("migration persistence time", Behaviour(B.PERSISTENCE)),
        ("chemotactic response to IL-1b", Behaviour(B.SENSITIVITY, field="IL-1b")),
        ("cycle entry", Behaviour(B.DIVISION)),
        ("division", Behaviour(B.DIVISION)),
        ("apoptosis", Behaviour(B.DEATH)),
        ("clearance", Behaviour(B.CLEARANCE)),
        ("phagocytosis of dead cells", Behaviour(B.PHAGOCYTOSIS)),
        ("phagocytose apoptotic cell", Behaviour(B.PHAGOCYTOSIS)),
        ("transition to regulatory", Behaviour(B.TRANSITION, phenotype="regulatory")),
        ("transition to microglia", Behaviour(B.TRANSFORM, cell_type="microglia")),
        ("transform to cell type microglia", Behaviour(B.TRANSFORM, cell_type="microglia")),
        ("arrival", Behaviour(B.ARRIVAL)),
    ],
)
def test_behaviour(text: str, behaviour: Behaviour) -> None:
    assert parse_behaviour(text, T_CELL) == behaviour


def test_behaviours_belong_to_rooms() -> None:
    assert parse_behaviour("entry", T_CELL, "compartment") == Behaviour(B.ENTRY)
    assert parse_behaviour("production of IL-1b", NAMES, "tissue") == Behaviour(B.PRODUCTION, field="IL-1b")
    for text, room in (("entry", "cell"), ("division", "compartment"), ("secretion of IL-1b", "tissue")):
        with pytest.raises(UnknownBehaviourError, match="unknown behaviour of"):
            parse_behaviour(text, T_CELL, room)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("migraton speed", "did you mean 'migration speed'?"),
        ("secretion of IL1b", "unknown cytokine 'IL1b'; did you mean 'IL-1b'?"),
        ("transition to regulator", "unknown phenotype of t_cell 'regulator'; did you mean 'regulatory'?"),
        ("transform to microgla", "unknown cell type 'microgla'; did you mean 'microglia'?"),
        ("cell-cell adhesion", "known to PhysiCell, not supported here"),
        ("attack microglia", "known to PhysiCell, not supported here"),
        ("necrosis", "known to PhysiCell, not supported here"),
    ],
)
def test_unknown_behaviour_says_what_is_allowed(text: str, says: str) -> None:
    with pytest.raises(UnknownBehaviourError) as error:
        parse_behaviour(text, T_CELL)
    assert says in str(error.value)


def test_every_behaviour_has_a_dimension() -> None:
    units = {kind: Behaviour(kind).dimension.unit for kind in B}
    assert units[B.SECRETION] == "fg/min"
    assert units[B.ARRIVAL] == "1/um^3/min"
    assert units[B.DIVISION] == units[B.ENTRY] == "1/min"


@pytest.mark.parametrize("name", ["IL-1b", "t_cell", "M0 macrophage", "CD4+", "a.b", "X"])
def test_good_names(name: str) -> None:
    assert name_problem(name) == ""


@pytest.mark.parametrize(
    "name", ["", " a", "a ", "a  b", "1L", "IL-1β", "a/b", "a:b", "-a", "x" * 61, "a\nb"]
)
def test_bad_names(name: str) -> None:
    assert name_problem(name) != ""
