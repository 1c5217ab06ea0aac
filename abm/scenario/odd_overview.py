"""ODD elements 1 to 3: purpose and patterns; entities, state variables and scales; process overview."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from math import log, sqrt

from ruamel.yaml import YAML

from abm.scenario.cost import estimate
from abm.scenario.explain import STEP
from abm.scenario.odd_markdown import bullets, code, heading, joined, listed, plain, table
from abm.scenario.odd_prose import prose
from abm.scenario.odd_schema import shown
from abm.scenario.odd_subject import Subject, named
from abm.scenario.schema.cells import CellType, Variable
from abm.scenario.schema.shapes import Shape
from abm.scenario.schema.timing import Record
from abm.state.kinds import VariableKind
from abm.units import readable

#: What every cell has, whatever its type.
_COMMON = (
    ("identity", "integer", "never reused; daughters remember their mother"),
    ("type, phenotype", "names", "what it is; a phenotype is changed by a transition, or follows a variable"),
    ("position", "x, y, z in um", "a point in continuous space; it belongs to the voxel around it"),
    ("direction", "unit vector", "of a migrating cell, kept until it re-orients"),
    ("place", "tissue or a compartment", "cells in a compartment wait and have no position"),
    ("alive or dead", "flag", "a dead body takes room until it is eaten or dissolves"),
    ("age", "min", "since the cell appeared"),
)
_KINDS = {
    VariableKind.RELAXING: "relaxes to a target",
    VariableKind.ACCUMULATING: "accumulates and is lost",
    VariableKind.INSTANT: "equals its signals at once",
    VariableKind.CONSTANT: "constant",
}


def purpose(subject: Subject) -> str:
    """Element 1."""
    scenario = subject.scenario
    parts = [heading(3, "1. Purpose and patterns")]
    said = [plain(text) for text in subject.purpose] or [f"{plain(scenario.title) or 'Not stated'}."]
    cells = listed(named(name, cell.label) for name, cell in scenario.cell_types.items())
    signals = listed(named(name, one.label) for name, one in scenario.cytokines.items())
    measured = (
        "a nociceptive signal"
        + (", mapped to a paw-withdrawal threshold" if scenario.readout.withdrawal_threshold else "")
        if scenario.readout is not None
        else "counts of cells and concentrations"
    )
    parts += [
        f"**Purpose.** {said[0]}",
        *said[1:],
        prose("purpose", cells=cells, signals=signals, measured=measured),
        "**Patterns.** " + _patterns(subject),
    ]
    return joined(parts)


def _patterns(subject: Subject) -> str:
    claims, targets = subject.experiment.claims, _targets(subject)
    if not claims and not targets:
        return "The scenario states no pattern by which the model is to be judged."
    parts = []
    if claims:
        rows = (
            (
                code(one.claim.id),
                plain(one.claim.says),
                code(one.claim.test),
                plain("; ".join(one.claim.source)),
            )
            for one in claims
        )
        parts += [prose("claims"), table(("id", "finding", "test", "source"), rows)]
    if targets:
        parts += [prose("targets"), table(("quantity", "arms", "days"), targets)]
    return "\n\n".join(parts)


def _targets(subject: Subject) -> list[tuple[str, str, str]]:
    """Quantities of the library's targets that exist for the arms of this experiment."""
    found: dict[str, tuple[set[str], set[float]]] = {}
    for entry in (files("abm.library") / "data" / "targets").iterdir():
        if not entry.name.endswith(".yaml"):
            continue
        content = YAML(typ="safe", pure=True).load(entry.read_text(encoding="utf-8"))
        for target in content.get("targets", ()):
            if target.get("arm") in subject.experiment.arms:
                arms, days = found.setdefault(str(target["quantity"]), (set(), set()))
                arms.add(str(target["arm"]))
                days.add(float(target["day"]))
    order = list(subject.experiment.arms)
    return [
        (
            plain(quantity),
            listed(code(arm) for arm in sorted(arms, key=order.index)),
            ", ".join(f"{day:.4g}" for day in sorted(days)),
        )
        for quantity, (arms, days) in sorted(found.items())
    ]


def entities(subject: Subject) -> str:
    """Element 2."""
    scenario = subject.scenario
    parts = [
        heading(3, "2. Entities, state variables, and scales"),
        prose("entities"),
        "**Cells.** Every cell has:",
        table(("state variable", "type or unit", "meaning"), _COMMON),
        _cell_types(subject),
        *(_variables(name, cell) for name, cell in scenario.cell_types.items()),
        _fields(subject),
        _compartments(subject),
        _injuries(subject),
        _scales(subject),
    ]
    return joined(parts)


def _cell_types(subject: Subject) -> str:
    counts = estimate(subject.scenario).cells
    rows = (
        (
            named(name, cell.label),
            f"{counts[name]:.0f}",
            plain(shown(cell.radius)),
            listed((code(one) for one in cell.phenotypes), "none"),
            listed((code(one) for one in cell.variables), "none"),
        )
        for name, cell in subject.scenario.cell_types.items()
    )
    return table(("cell type", "initial number", "radius", "phenotypes", "own variables"), rows)


def _variables(name: str, cell: CellType) -> str:
    rows = (
        (code(key), plain(one.label), _KINDS[one.kind], plain(_start(one)))
        for key, one in cell.variables.items()
    )
    found = table(("variable", "meaning", "how it moves", "initial value"), rows)
    return f"Variables of {code(name)} (all are numbers without unit):\n\n{found}" if found else ""


def _start(variable: Variable) -> str:
    return shown(variable.value if variable.value is not None else variable.initial)


def _fields(subject: Subject) -> str:
    rows = []
    for name, one in subject.scenario.cytokines.items():
        rate, diffusion = one.decay_rate, float(one.diffusion)
        reach = readable(sqrt(diffusion / rate), "um") if rate > 0.0 else "unlimited"
        half = readable(log(2.0) / rate, "min") if rate > 0.0 else "none"
        rows.append(
            (named(name, one.label), plain(shown(one.diffusion)), half, plain(shown(one.baseline)), reach)
        )
    found = table(("signal", "diffusion", "half-life", "baseline", "length √(D/k)"), rows)
    return joined([prose("fields"), found]) if found else "**Fields.** There are no diffusible signals."


def _compartments(subject: Subject) -> str:
    rows = []
    for name, one in subject.scenario.compartments.items():
        waiting = [
            code(kind) for kind, cell in subject.scenario.cell_types.items() if name in cell.compartments
        ]
        volume, half = plain(shown(one.volume)), plain(shown(one.half_life))
        rows.append((named(name, one.label), volume, half, listed(waiting)))
    found = table(("compartment", "volume", "half-life of its content", "cells that can wait in it"), rows)
    return joined([prose("compartments"), found]) if found else ""


def _injuries(subject: Subject) -> str:
    used = {injury.kind for name in _arms(subject) for injury in subject.experiment.arms[name].injuries}
    used |= {injury.kind for injury in subject.scenario.injuries}
    rows = (
        (named(name, one.label), listed(code(drive) for drive in one.drives), listed(_released(one.releases)))
        for name, one in subject.scenario.injury_kinds.items()
        if name in used
    )
    found = table(("kind of injury", "drives", "releases"), rows)
    return joined([prose("injuries"), found]) if found else ""


def _arms(subject: Subject) -> list[str]:
    return list(subject.experiment.arms) if subject.arm is None else [subject.arm]


def _released(releases: tuple[object, ...]) -> Iterator[str]:
    yield from dict.fromkeys(code(getattr(one, "cytokine", "")) for one in releases)


def _scales(subject: Subject) -> str:
    scenario = subject.scenario
    domain, time = scenario.domain, scenario.time
    nz, ny, nx = domain.shape
    size = " × ".join(readable(length, "um") for length in domain.size)
    voxel = " × ".join(readable(length, "um") for length in domain.voxel)
    depth = (
        "a slab of one layer of voxels; motion and diffusion are two-dimensional"
        if domain.is_flat
        else "a block"
    )
    faces = domain.boundaries.faces()
    shown_faces = list(faces)[: 4 if domain.is_flat else 6]
    items = [
        f"Space: {size}, {depth}; {nx} × {ny} × {nz} voxels of {voxel}. Positions are continuous.",
        f"The block stands for {readable(domain.represented_volume, 'um^3')} of tissue, "
        f"{domain.represented_volume / domain.volume:.4g} times its own volume: what it exchanges with "
        "compartments counts that many times.",
        "Tissue fills the domain."
        if domain.tissue is None
        else f"Tissue fills part of the domain: {_shape(domain.tissue)}.",
        "Faces: " + "; ".join(f"{face} {_face(faces[face])}" for face in shown_faces) + ".",
        f"Time: {readable(time.duration, 'min')} in cell steps of {readable(time.cell_step, 'min')}, each "
        f"with {time.substeps} field steps of {readable(time.field_step, 'min')}.",
    ]
    items += [f"Region {code(name)}: {_shape(shape)}." for name, shape in scenario.regions.items()]
    return "**Scales.**\n\n" + bullets(items)


def _face(content: object) -> str:
    if isinstance(content, dict):
        return "held at " + ", ".join(
            f"{plain(name)} {plain(shown(value))}" for name, value in content.items()
        )
    return code(str(content))


def _shape(shape: Shape) -> str:
    """A region in words; images and long polygons by their kind."""
    content = getattr(shape, shape.kind)
    match shape.kind:
        case "disc" | "ball":
            centre = ", ".join(shown(part) for part in content.center)
            return plain(f"{shape.kind} of radius {content.radius} around ({centre})")
        case "rectangle" | "box":
            low, high = (", ".join(shown(part) for part in corner) for corner in (content.low, content.high))
            return plain(f"{shape.kind} from ({low}) to ({high})")
        case "any_of":
            return listed(_shape(one) for one in content).replace(" and ", " or ")
        case "outside":
            return f"everything outside the {_shape(content)}"
        case "polygon":
            return f"polygon of {len(content.points)} corners"
        case _:
            return f"bright part of an image ({plain(shape.kind)})"


def processes(subject: Subject) -> str:
    """Element 3."""
    time = subject.scenario.time
    steps = [
        line.split(" ", 1)[1].format(n=time.substeps, step=readable(time.field_step, "min")) for line in STEP
    ]
    rows = []
    for key in Record.model_fields:
        interval = float(getattr(subject.scenario.record, key))
        meaning = plain(Record.model_fields[key].description or "")
        rows.append((code(key), readable(interval, "min") if interval else "never", meaning))
    return joined(
        [
            heading(3, "3. Process overview and scheduling"),
            f"Time advances in {time.n_steps} steps of {readable(time.cell_step, 'min')}. In each step, in "
            "this order:",
            "\n".join(f"{i}. {plain(text)}" for i, text in enumerate(steps, start=1)),
            prose("processes"),
            "Records:",
            table(("record", "every", "content"), rows),
        ]
    )
