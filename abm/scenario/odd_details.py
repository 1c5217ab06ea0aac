"""ODD elements 5 to 7: initialization, input data, submodels."""

from __future__ import annotations

from pydantic import BaseModel

from abm.scenario.cost import estimate
from abm.scenario.english import sentences
from abm.scenario.odd_formulas import NOTATION, drive_formula, place_formulas
from abm.scenario.odd_markdown import bullets, code, formula, heading, joined, listed, plain, table
from abm.scenario.odd_prose import prose
from abm.scenario.odd_schema import content_of, in_one_line, in_words, meaning_of_kind, settings_table, shown
from abm.scenario.odd_subject import Subject, named
from abm.scenario.parameters import behaviour_meaning
from abm.scenario.schema.cells import CellType
from abm.scenario.schema.scenario import Scenario
from abm.scenario.schema.treatment import LOCAL
from abm.scenario.walk import ResponsePlace
from abm.state.kinds import BehaviourKind

_EVENT_WORDS = {
    BehaviourKind.DIVISION: "division",
    BehaviourKind.DEATH: "death",
    BehaviourKind.CLEARANCE: "clearance",
    BehaviourKind.TRANSITION: "transition to another phenotype",
    BehaviourKind.TRANSFORM: "change of type",
}
#: Parts of a scenario that have a place of their own in the document; any other is told from the schema.
_TOLD = (
    *("schema_version", "title", "time", "record", "domain", "regions", "cytokines", "compartments"),
    *("routes", "injury_kinds", "injuries", "cell_types", "tissue", "readout", "assays", "interventions"),
    "sources",
)


def initialization(subject: Subject) -> str:
    """Element 5."""
    scenario = subject.scenario
    counts = estimate(scenario).cells
    rows = (
        (
            named(name, cell.label),
            plain(shown(cell.density)),
            f"{counts[name]:.0f}",
            code(cell.placement),
            code(next(iter(cell.phenotypes))) if cell.phenotypes else "–",
        )
        for name, cell in scenario.cell_types.items()
    )
    return joined(
        [
            heading(3, "5. Initialization"),
            prose("initialization"),
            table(("cell type", "density", "number in the block", "placement", "first phenotype"), rows),
            prose("placement"),
            "The values come from the parameter table, with their sources." if scenario.cell_types else "",
        ]
    )


def input_data(subject: Subject) -> str:
    """Element 6."""
    images = [name for name, shape in subject.scenario.regions.items() if shape.image is not None]
    read = f" The outlines of {listed(code(name) for name in images)} come from images." if images else ""
    return joined([heading(3, "6. Input data"), prose("no_input") + read])


def submodels(subject: Subject) -> str:
    """Element 7."""
    scenario = subject.scenario
    parts = [heading(3, "7. Submodels"), prose("notation"), bullets(plain(line) for line in NOTATION)]
    if scenario.cytokines:
        fraction = plain(shown(scenario.tissue.extracellular_fraction))
        parts += [heading(4, "Fields"), prose("fields_submodel", fraction=fraction), _local_values(scenario)]
        parts += [_responses(subject.of_tissue, subject)]
    if scenario.compartments:
        multiplicity = f"{scenario.domain.represented_volume / scenario.domain.volume:.4g}"
        parts += [heading(4, "Compartments"), prose("compartments_submodel", multiplicity=multiplicity)]
        parts += [_routes(scenario)]
    parts += [_injuries(subject)]
    if any(cell.variables for cell in scenario.cell_types.values()):
        parts += [heading(4, "Variables of cells"), prose("variables_submodel")]
    parts += [_motion(subject), _fate(subject)]
    parts += [_cell_type(subject, name, cell) for name, cell in scenario.cell_types.items()]
    parts += [_readout(scenario), _assays(scenario), _interventions(subject), _others(scenario)]
    return joined(parts)


def _local_values(scenario: Scenario) -> str:
    rows = [
        (code(name), code(region), plain(in_one_line(one)))
        for name, cytokine in scenario.cytokines.items()
        for region, one in cytokine.regions.items()
    ]
    found = table(("signal", "region", "values there"), rows)
    bonds = [
        (
            code(name),
            code(target),
            plain(f"{shown(bond.rate)} at {shown(bond.at)}"),
            plain(shown(bond.valency)),
        )
        for name, cytokine in scenario.cytokines.items()
        for target, bond in cytokine.binds.items()
    ]
    binders = table(("binder", "removes", "rate of removal", "targets per binder"), bonds)
    return joined([found, binders])


def _routes(scenario: Scenario) -> str:
    ways = [f"{code(name)} into {code(route.compartment)}" for name, route in scenario.routes.items()]
    return f"Routes of doses: {listed([*ways, f'{code(LOCAL)} straight into the tissue at a region'])}."


def _responses(places: list[ResponsePlace], subject: Subject) -> str:
    """All rules of one place; those that are always the same come first, as a list."""
    constant = [place for place in places if place.response.is_constant and place.variable is None]
    others = [place for place in places if place not in constant]
    items = [
        f"{code(place.title)} = {plain(str(place.response.base))}: {_about(place, subject)}"
        for place in constant
    ]
    always = joined(["Always the same:", bullets(items)]) if items else ""
    return joined([always, *(_response(place, subject) for place in others)])


def _response(place: ResponsePlace, subject: Subject) -> str:
    """One rule: what it sets, the formula, and the same in words."""
    words = " ".join(plain(sentence) for sentence in sentences(place.response))
    lines = place_formulas(place, subject.variable_of(place))
    return joined([f"{code(place.title)}: {_about(place, subject)}", formula(lines), f"In words: {words}"])


def _about(place: ResponsePlace, subject: Subject) -> str:
    """What a rule sets, as the end of a sentence."""
    variable = subject.variable_of(place)
    if variable is None:
        return plain(behaviour_meaning(place.path, len(place.path) - 1) or "behaviour") + "."
    told = variable.label and variable.label != place.variable
    return f"{plain(variable.label)} (variable)." if told else "variable."


def _injuries(subject: Subject) -> str:
    arms = subject.experiment.arms.values() if subject.arm is None else [subject.scenario]
    used = dict.fromkeys(injury.kind for arm in arms for injury in arm.injuries)
    parts = []
    for kind in used:
        found = next(arm.injury_kinds[kind] for arm in arms if kind in arm.injury_kinds)
        lines = [drive_formula(f"{name} drive", drive) for name, drive in found.drives.items()]
        lines += [f"release of {one.cytokine} = {one.rate} * {one.drive} drive" for one in found.releases]
        parts += [f"{named(kind, found.label)}:", formula(lines) if lines else "It has no drive."]
    return joined([heading(4, "Injuries"), prose("injuries_submodel"), *parts]) if parts else ""


def _motion(subject: Subject) -> str:
    if not subject.is_motile:
        return ""
    packing = plain(shown(subject.scenario.tissue.packing))
    return joined([heading(4, "Motion"), prose("motion", packing=packing)])


def _fate(subject: Subject) -> str:
    scenario = subject.scenario
    events = [words for kind, words in _EVENT_WORDS.items() if kind in subject.kinds]
    parts = [prose("fate", events=listed(events))] if events else []
    if BehaviourKind.DEATH in subject.kinds:
        body = scenario.tissue.body_lifetime
        parts.append(prose("bodies", body=plain(shown(body)) if body is not None else "∞"))
    if BehaviourKind.ARRIVAL in subject.kinds:
        parts.append(prose("arrival"))
    if any(cell.compartments for cell in scenario.cell_types.values()):
        parts.append(prose("waiting"))
    return joined([heading(4, "Fate, arrival and waiting"), *parts]) if parts else ""


def _cell_type(subject: Subject, name: str, cell: CellType) -> str:
    parts = [heading(4, f"Rules of {code(name)}"), _responses(subject.of_cells(name), subject)]
    parts += [
        f"A cell is {code(key)} while its {code(one.when.variable)} is above {plain(shown(one.when.above))}."
        for key, one in cell.phenotypes.items()
        if one.when is not None
    ]
    for compartment, waiting in cell.compartments.items():
        parts += [
            heading(5, f"{code(name)} waiting in {code(compartment)}"),
            f"Mean life {plain(shown(waiting.lifetime))}; "
            f"homing fraction {plain(shown(waiting.homing_fraction))}.",
            _responses(subject.of_waiting(name, compartment), subject),
        ]
    if len([part for part in parts if part]) == 1:
        parts.append("It has no rules: its cells stay where they are and do nothing.")
    return joined(parts)


def _readout(scenario: Scenario) -> str:
    if scenario.readout is None:
        return ""
    signal, threshold = scenario.readout.nociception, scenario.readout.withdrawal_threshold
    region = f"region {code(signal.region)}" if signal.region else "the whole tissue"
    parts = [
        heading(4, "Nociceptive readout"),
        prose("nociception", variable=code(signal.variable), cell_type=code(signal.cell_type), region=region),
    ]
    if threshold is not None:
        values = {
            key: shown(getattr(threshold, key)) for key in ("baseline", "floor", "half_signal", "power")
        }
        parts.append(prose("threshold", **values))
    return joined(parts)


def _assays(scenario: Scenario) -> str:
    used = [key for key in ("von_frey", "heat") if getattr(scenario.assays, key) is not None]
    if scenario.readout is None or not used:
        return ""
    parts = [heading(4, "Assays"), prose("assays")]
    for key in used:
        assay = getattr(scenario.assays, key)
        parts += [f"{code(key)}: {in_words(assay)}", settings_table(assay)]
    if scenario.assays.von_frey is not None:
        chosen = scenario.assays.von_frey.filaments
        parts += [f"Filaments {code(chosen)}:", settings_table(scenario.assays.filament_sets[chosen])]
    return joined(parts)


def _interventions(subject: Subject) -> str:
    arms = subject.experiment.arms.values() if subject.arm is None else [subject.scenario]
    used: dict[str, BaseModel] = {}
    for arm in arms:
        for intervention in arm.interventions:
            kind, content = content_of(intervention)
            used.setdefault(kind, content)
    rows = ((code(kind), meaning_of_kind(kind), in_words(content)) for kind, content in used.items())
    found = table(("kind", "what it does", "in detail"), rows)
    return joined([heading(4, "Interventions"), prose("interventions"), found]) if found else ""


def _others(scenario: Scenario) -> str:
    """Parts of the language that this file does not know, told by the schema itself."""
    parts = []
    for key, field in type(scenario).model_fields.items():
        content = getattr(scenario, key)
        if key in _TOLD or not content:
            continue
        entries = content if isinstance(content, dict) else {key: content}
        told = []
        for name, one in entries.items():
            if isinstance(one, BaseModel):
                told += [f"{code(str(name))}: {in_words(one)}", settings_table(one)]
        if told:
            about = f"{plain(field.description or '')}."
            parts.append(joined([heading(4, plain(key.capitalize())), about, *told]))
    return joined(parts)
