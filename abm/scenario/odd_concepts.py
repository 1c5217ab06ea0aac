"""ODD element 4: the design concepts, from what the rules read and do."""

from __future__ import annotations

from collections.abc import Iterable

from abm.scenario.odd_markdown import code, heading, joined, listed, plain, table
from abm.scenario.odd_prose import prose
from abm.scenario.odd_schema import shown
from abm.scenario.odd_subject import Subject, named, signals_in, signals_of
from abm.scenario.walk import ResponsePlace
from abm.state.kinds import BehaviourKind, SignalKind, VariableKind
from abm.units import readable

#: What is drawn at random for a kind of behaviour, in words.
_RANDOM = {
    BehaviourKind.SPEED: "when a migrating cell re-orients and into which direction",
    BehaviourKind.DIVISION: "divisions",
    BehaviourKind.DEATH: "deaths",
    BehaviourKind.CLEARANCE: "clearance of live cells",
    BehaviourKind.PHAGOCYTOSIS: "the uptake of dead bodies",
    BehaviourKind.TRANSITION: "transitions between phenotypes",
    BehaviourKind.TRANSFORM: "changes of cell type",
    BehaviourKind.ARRIVAL: "how many cells arrive through vessels, and where",
    BehaviourKind.ENTRY: "loss and entry of waiting cells, and where they enter",
}
_FIELD_SIGNALS = (
    SignalKind.CONCENTRATION,
    SignalKind.EXCESS,
    SignalKind.GRADIENT,
    SignalKind.RELATIVE_GRADIENT,
)
_CONTACTS = (SignalKind.CONTACT, SignalKind.CONTACT_LIVE, SignalKind.CONTACT_DEAD)
_CROWDS = (
    SignalKind.DENSITY,
    SignalKind.RELATIVE_DENSITY,
    SignalKind.SURPLUS,
    SignalKind.MEAN,
    SignalKind.LOAD,
)


def design_concepts(subject: Subject) -> str:
    """The eleven concepts of ODD."""
    block = plain(shown(subject.scenario.tissue.neighbourhood))
    concepts = (
        ("Basic principles", prose("principles")),
        ("Emergence", prose("emergence", imposed=_imposed(subject))),
        ("Adaptation", prose("adaptation")),
        ("Objectives", prose("objectives")),
        ("Learning", prose("learning", memory=_memory(subject)).strip()),
        ("Prediction", prose("prediction")),
        ("Sensing", joined([prose("sensing", block=block), _sensing(subject)])),
        ("Interaction", _interaction(subject)),
        ("Stochasticity", _stochasticity(subject)),
        ("Collectives", prose("collectives", pool=_pool(subject))),
        ("Observation", _observation(subject)),
    )
    return joined(
        [heading(3, "4. Design concepts"), *(joined([heading(4, name), text]) for name, text in concepts)]
    )


def _imposed(subject: Subject) -> str:
    arms = subject.experiment.arms.values() if subject.arm is None else [subject.scenario]
    kinds = dict.fromkeys(injury.kind for arm in arms for injury in arm.injuries)
    drives = {
        drive
        for kind in kinds
        if kind in subject.scenario.injury_kinds
        for drive in subject.scenario.injury_kinds[kind].drives
    }
    parts = ["the baselines and what holds them", "the boundaries"]
    if drives:
        parts.append(f"the drives of the injuries ({listed(code(one) for one in sorted(drives))})")
    if any(arm.interventions for arm in arms):
        parts.append("the interventions")
    return listed(parts)


def _memory(subject: Subject) -> str:
    """Variables that carry the past."""
    found = []
    for name, cell in subject.scenario.cell_types.items():
        for key, one in cell.variables.items():
            times = [t for t in (one.rise, one.fall, one.time_constant, one.loss_time) if t is not None]
            if one.kind in (VariableKind.RELAXING, VariableKind.ACCUMULATING) and times:
                spelt = " up, ".join(plain(shown(t)) for t in times) + (" down" if len(times) > 1 else "")
                found.append(f"{code(key)} of {code(name)} ({spelt})")
    return f"Cells carry the past in variables with time constants: {listed(found)}." if found else ""


def _sensing(subject: Subject) -> str:
    rows = []
    for name, cell in subject.scenario.cell_types.items():
        rows.append((named(name, cell.label), _spelt(subject.of_cells(name))))
        for compartment in cell.compartments:
            waiting = _spelt(subject.of_waiting(name, compartment))
            rows.append((f"{code(name)} waiting in {code(compartment)}", waiting))
    rows.append(("the tissue", _spelt(subject.of_tissue)))
    return table(("who", "senses"), [row for row in rows if row[1]])


def _spelt(places: Iterable[ResponsePlace]) -> str:
    return ", ".join(code(signal) for signal in signals_in(places))


def _interaction(subject: Subject) -> str:
    rows = []
    for name, one in subject.scenario.cytokines.items():
        made = _owners(subject, BehaviourKind.SECRETION, name)
        eaten = _owners(subject, BehaviourKind.UPTAKE, name)
        read = dict.fromkeys(
            _owner(place)
            for place in subject.places
            if any(signal.kind in _FIELD_SIGNALS and signal.field == name for signal in signals_of(place))
        )
        rows.append((named(name, one.label), listed(made, "–"), listed(eaten, "–"), listed(read, "–")))
    found = table(("signal", "secreted by", "taken up by", "sensed by"), rows)
    kinds = {signal.kind for place in subject.places for signal in signals_of(place)}
    ways = ["through diffusible signals"] if rows else []
    ways += ["by contact"] if kinds & set(_CONTACTS) else []
    ways += ["through local densities and means"] if kinds & set(_CROWDS) else []
    ways.append("by competing for room, since a voxel holds a limited volume of cell bodies")
    return joined([f"Cells interact {listed(ways)}.", found])


def _owner(place: ResponsePlace) -> str:
    if place.cell_type is None:
        return "the tissue"
    waiting = place.path[2] == "compartments"
    return f"{code(place.cell_type)} in {code(str(place.path[3]))}" if waiting else code(place.cell_type)


def _owners(subject: Subject, kind: BehaviourKind, field: str) -> list[str]:
    return list(
        dict.fromkeys(
            _owner(place)
            for place in subject.places
            if place.behaviour is not None and place.behaviour.kind is kind and place.behaviour.field == field
        )
    )


def _stochasticity(subject: Subject) -> str:
    what = ["the positions of the first cells"]
    what += [words for kind, words in _RANDOM.items() if kind in subject.kinds]
    arms = subject.experiment.arms.values() if subject.arm is None else [subject.scenario]
    if any(one.remove_cells is not None for arm in arms for one in arm.interventions):
        what.append("which cells a depletion removes")
    what.append("where in its voxel a new cell stands")
    n = subject.experiment.replicates
    return prose(
        "stochasticity",
        random=listed(what),
        seed=str(subject.experiment.seed),
        replicates="once" if n == 1 else f"{n} times, each replicate with noise of its own",
    )


def _pool(subject: Subject) -> str:
    """What is said of waiting cells that nobody follows."""
    if not any(cell.compartments for cell in subject.scenario.cell_types.values()):
        return ""
    return " The cells of a dose that are not followed one by one form a pool in their compartment."


def _observation(subject: Subject) -> str:
    scenario = subject.scenario
    interval = float(scenario.record.readout)
    what = ["numbers of cells by type, phenotype and region", "means of all variables"]
    what += ["concentrations, as means, extremes and by region"] if scenario.cytokines else []
    what += ["contents of the compartments"] if scenario.compartments else []
    what += ["levels of the drugs"] if scenario.drugs else []
    if scenario.readout is not None:
        what.insert(0, "the nociceptive signal, its quantiles over the cells, and its means by region")
    if scenario.readout is not None and scenario.readout.withdrawal_threshold is not None:
        what.insert(0, "the withdrawal threshold")
    tail = "No nociceptive readout is defined. " if scenario.readout is None else ""
    series = "Nothing is recorded as a time series."
    if interval:
        every = readable(interval, "min")
        series = f"Recorded every {every} are {listed(what)}, with the books of every signal and every cell."
    assays = [code(key) for key in ("von_frey", "heat") if getattr(scenario.assays, key) is not None]
    tested = (
        f" What a laboratory would have measured follows from these records ({listed(assays)}; element 7)."
        if assays and scenario.readout is not None
        else ""
    )
    return f"{tail}{series}{tested}"
