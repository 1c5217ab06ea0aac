"""What is known about an experiment before it runs: schedule, derived numbers, cost, rules, sources."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, inf, log, sqrt

from abm.scenario.behaviours import EVENTS
from abm.scenario.bounds import Bounds
from abm.scenario.cost import estimate
from abm.scenario.english import heading, rules
from abm.scenario.load import Experiment
from abm.scenario.nodes import MapNode, dotted, value_mark
from abm.scenario.quantity import Quantity
from abm.scenario.schema.scenario import Scenario
from abm.scenario.schema.timing import Record
from abm.scenario.schema.treatment import Intervention, Window
from abm.scenario.vocabulary import vocabulary_of
from abm.scenario.walk import quantities, responses
from abm.units import like, readable

#: Order of a step, as `abm.engine.step` runs it.
STEP = (
    "1. interventions due now, drives of the injuries, factors of the interventions",
    "2. sense: fields, gradients, contacts, counts and means of the neighbourhood",
    "3. respond: behaviours of every cell, targets of its variables",
    "4. fields: secretion, uptake, diffusion, decay and exchange, in {n} steps of {step}",
    "5. variables move towards their targets, thresholds name phenotypes",
    "6. motile cells move",
    "7. fate: transitions, death, clearance, division, arrival; waiting cells are lost or enter",
    "8. the clock; the books must balance; records that are due",
)


@dataclass(frozen=True)
class Section:
    """One part of an explanation: a table, lines, or both.

    Attributes
    ----------
    title : str
    columns : tuple of str
        Empty when there is no table.
    rows : tuple of tuple of str
    lines : tuple of str
    """

    title: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    lines: tuple[str, ...] = ()


def explain(experiment: Experiment, arm: str | None = None) -> tuple[Section, ...]:
    """Everything about one arm (default: the first), and the events of all arms.

    Raises
    ------
    KeyError
        If there is no such arm.
    """
    name = arm if arm is not None else next(iter(experiment.arms))
    scenario = experiment.arms[name]
    return (
        tissue(scenario),
        schedule(scenario),
        records(scenario),
        events(experiment),
        fields(scenario),
        rates(scenario),
        cost(experiment, scenario),
        Section("Rules", lines=tuple(_rule_lines(scenario))),
        values(scenario, experiment.arm_documents[name]),
    )


def as_text(sections: Iterable[Section]) -> str:
    """Sections as plain text with aligned columns."""
    return "\n\n".join(_section_text(section) for section in sections) + "\n"


def _section_text(section: Section) -> str:
    lines = [section.title, "-" * len(section.title)]
    if section.rows:
        table = [section.columns, *section.rows]
        widths = [max(len(row[i]) for row in table) for i in range(len(section.columns))]
        lines += ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
    return "\n".join([*lines, *section.lines])


def tissue(scenario: Scenario) -> Section:
    """Grid and initial cells."""
    domain = scenario.domain
    nz, ny, nx = domain.shape
    size = " x ".join(readable(length, "um") for length in domain.size)
    voxel = " x ".join(readable(length, "um") for length in domain.voxel)
    lines = (
        f"domain {size}, {nx} x {ny} x {nz} = {nx * ny * nz} voxels of {voxel}",
        f"stands for {readable(domain.represented_volume, 'um^3')}, "
        f"{domain.represented_volume / domain.volume:.4g} times its own volume",
    )
    rows = tuple((name, f"{count:.0f}") for name, count in estimate(scenario).cells.items())
    return Section("Tissue", ("cell type", "initial cells"), rows, lines)


def schedule(scenario: Scenario) -> Section:
    """Order and size of a step."""
    time = scenario.time
    step = readable(time.field_step, "min")
    lines = [f"{time.n_steps} steps of {readable(time.cell_step, 'min')}; in each:"]
    lines += [line.format(n=time.substeps, step=step) for line in STEP]
    return Section("Schedule of a step", lines=tuple(lines))


def records(scenario: Scenario) -> Section:
    """What is written how often."""
    rows = []
    for key in Record.model_fields:
        interval = float(getattr(scenario.record, key))
        count = int(scenario.time.duration / interval + 1e-9) + 1 if interval else 0
        rows.append((key, readable(interval, "min") if interval else "never", str(count)))
    return Section("Records", ("what", "every", "times"), tuple(rows))


def events(experiment: Experiment) -> Section:
    """Injuries and doses of every arm, by time."""
    rows: list[tuple[str, str, str]] = []
    for name, scenario in experiment.arms.items():
        found = sorted(_events(scenario), key=lambda event: event[0])
        rows += [(name, readable(at, "min") if at else "0 d", what) for at, what in found]
        if not found:
            rows.append((name, "", "nothing"))
    return Section("Events", ("arm", "at", "what"), tuple(rows))


def _events(scenario: Scenario) -> list[tuple[float, str]]:
    found = [(at, f"{i.kind} at region {i.site}") for i in scenario.injuries for at in i.times]
    for intervention in scenario.interventions:
        found += described(intervention)
    return found


def described(intervention: Intervention) -> list[tuple[float, str]]:
    """When an intervention takes place [min] and what it is, in words."""
    cells, protein, block = intervention.inject_cells, intervention.infusion, intervention.neutralise
    change, removal = intervention.modify, intervention.remove_cells
    drug, out = intervention.drug, intervention.knock_out
    if cells is not None:
        what = f"{float(cells.dose):g} cells of {cells.type}, {cells.route}{_into(cells.site)}"
        return [(at, what) for at in cells.times]
    if protein is not None:
        long = f" over {protein.duration}" if protein.duration else ""
        long += f", full after {protein.ramp}" if protein.ramp else ""
        what = f"{protein.dose} {protein.cytokine}, {protein.route}{_into(protein.site)}{long}"
        return [(at, what) for at in protein.times]
    if block is not None:
        what = f"{block.share} of {block.cytokine} neutralised{_window(block)}"
        return [(at, what) for at in block.starts]
    if change is not None:
        what = change.behaviour or change.variable or f"sensing of {change.sensing}"
        text = f"{what} of {', '.join(change.of)} times {float(change.by):g}{_window(change)}"
        return [(at, text) for at in change.starts]
    if removal is not None:
        where = f" in region {removal.site}" if removal.site else ""
        which = f"{removal.phenotype} " if removal.phenotype else ""
        text = f"{100.0 * float(removal.share):.4g} % of the {which}{removal.type} removed{where}"
        return [(at, text) for at in removal.times]
    if drug is not None:
        return [(at, f"{drug.dose} of {drug.name}") for at in drug.times]
    return [(0.0, f"without {out.cytokine or out.cell_type} from birth")] if out is not None else []


def _into(site: str | None) -> str:
    return f" into region {site}" if site else ""


def _window(window: Window) -> str:
    until = f" until {window.until}" if window.until is not None else ""
    until += f", ramp {window.ramp}" if window.ramp else ""
    fading = f", half-life {window.half_life}" if window.half_life is not None else ""
    return f"{until}{fading}" + (f" in region {window.site}" if window.site else "")


def fields(scenario: Scenario) -> Section:
    """Derived numbers of every cytokine."""
    dt, dx = float(scenario.time.field_step), min(scenario.domain.spacings)
    rows = []
    for name, cytokine in scenario.cytokines.items():
        rate, diffusion = cytokine.decay_rate, float(cytokine.diffusion)
        length = sqrt(diffusion / rate) if rate > 0.0 else inf
        rows.append(
            (
                name,
                readable(diffusion, "um^2/min"),
                readable(log(2.0) / rate, "min") if rate > 0.0 else "none",
                f"{length:.4g} um",
                f"{length * log(20.0):.4g} um",
                f"{length / dx:.3g}",
                f"{diffusion * dt / dx**2:.3g}",
                f"{rate * dt:.3g}",
            )
        )
    columns = (
        "cytokine",
        "D",
        "half-life",
        "diffusion length",
        "signal range",
        "voxels",
        "D dt/dx^2",
        "k dt",
    )
    lines = (
        "diffusion length = sqrt(D/k); signal range = where the signal of a plane source is down to 5 %;",
        f"voxels = diffusion length / dx; dt = field_step = {readable(dt, 'min')}, dx = {readable(dx, 'um')}",
    )
    return Section("Fields", columns, tuple(rows), lines)


def rates(scenario: Scenario) -> Section:
    """Largest rate of everything that happens to a cell with a probability."""
    names = vocabulary_of(scenario)
    bounds = Bounds(scenario, names)
    step = float(scenario.time.cell_step)
    rows = []
    for place in responses(scenario, names):
        if place.behaviour is None or place.behaviour.kind not in EVENTS:
            continue
        _, rate = bounds.response(place.response, place.cell_type)
        known = rate < inf
        shown = readable(rate, "1/min") if known else "grows with its signals"
        share = f"{1.0 - exp(-rate * step):.3g}" if known else ""
        rows.append((heading(place), shown, f"{rate * step:.3g}" if known else "", share))
    columns = ("event", "largest rate", "rate dt", "probability per step")
    lines = (f"dt = cell_step = {readable(step, 'min')}; probability = 1 - exp(-rate dt)",)
    return Section("Events of cells", columns, tuple(rows), lines)


def cost(experiment: Experiment, scenario: Scenario) -> Section:
    """Estimated memory, disk and time."""
    one = estimate(scenario)
    n_run = len(experiment.arms) * experiment.replicates
    rows = (
        ("memory", _bytes(one.memory), _bytes(one.memory)),
        ("disk", _bytes(one.disk), _bytes(one.disk * n_run)),
        ("time on one core", _clock(one.seconds), _clock(one.seconds * n_run)),
    )
    whole = f"{len(experiment.arms)} arms x {experiment.replicates} replicates"
    return Section("Estimated cost", ("", "one run", whole), rows, ("within a factor of two or so",))


def _clock(seconds: float) -> str:
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            return f"{seconds / size:.2g} {unit}"
    return f"{seconds:.2g} s"


def _bytes(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000.0:
            return f"{number:.3g} {unit}"
        number /= 1000.0
    return f"{number:.3g} TB"


def _rule_lines(scenario: Scenario) -> Iterable[str]:
    for title, told in rules(scenario):
        yield title
        yield from (f"  {sentence}" for sentence in told)


def values(scenario: Scenario, document: MapNode) -> Section:
    """Every value with its range and source, and where it stands.

    Parameters
    ----------
    scenario : Scenario
    document : MapNode
        What it was made from.
    """
    rows = []
    for path, value in quantities(scenario):
        default = value.note == "default" and not value.kind
        if value.unit == "1" and default:
            continue  # Hill power 1 and the like: structure, not biology
        mark = value_mark(document, path)
        where = "default" if default else f"{mark.origin.name}:{mark.line}" if mark.line else "--set"
        source, note = ", ".join(value.source), "" if default else value.note
        # A bare value of a response is written without `base`.
        shown = dotted(path).removesuffix(".base")
        rows.append((shown, value.given, _range(value), value.kind or "", source, where, note))
    columns = ("path", "value", "cited range", "kind", "source", "where", "note")
    return Section("Values", columns, tuple(rows))


def _range(value: Quantity) -> str:
    low, high = (
        None if end is None else like(end, value.unit, value.given) for end in (value.low, value.high)
    )
    if low is None or high is None:
        return f"at least {low}" if low else f"at most {high}" if high else ""
    return f"{low} to {high}"
