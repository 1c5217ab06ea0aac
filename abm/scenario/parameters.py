"""The parameter table: every value of a scenario with its unit, cited range, kind and source.

Walks the checked scenario and takes meanings from the schema, so that a new key of the language appears here
by itself.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel

from abm.citations import Source
from abm.errors import UnitError
from abm.library.catalogue import sources as library_sources
from abm.scenario.behaviours import FORMS as BEHAVIOURS
from abm.scenario.load import Experiment
from abm.scenario.nodes import KeyPath, MapNode, dotted, value_mark
from abm.scenario.quantity import Quantity
from abm.scenario.schema.responses import Response, Term
from abm.scenario.schema.scenario import RunSettings, Scenario
from abm.units import like, parse

#: Kinds of values that no source stands behind.
DEFAULT, SETTING, STRUCTURE = "default", "setting", "structure"
AXES = 3
#: One value, a count, or a list of values that belong together.
_Value = Quantity | int | tuple[Quantity, ...]
#: Parts of a scenario that hold biology; everything else is a choice of the experimenter.
BIOLOGY = ("cytokines", "compartments", "drugs", "injury_kinds", "cell_types", "tissue", "readout")

COLUMNS = (
    "path", "group", "name", "meaning", "value", "unit", "low", "high", "kind", "source", "note", "where"
)  # fmt: skip

#: What a term of a response does, as a verb.
_SIDES = {
    "adds": "adds",
    "increases": "raises",
    "decreases": "lowers",
    "brakes": "brakes",
    "times": "multiplies",
    "divided_by": "divides",
}
#: Names in the forms of behaviours: ``secretion of X``.
_PLACEHOLDER = re.compile(r"\b([XPTC])\b")
#: Keys that only lead to what has a name of its own.
_SILENT = ("behaviours", "variables", "compartments", "drives", "base")


@dataclass(frozen=True)
class Parameter:
    """One value.

    Attributes
    ----------
    path : str
        Where it stands, as ``--set`` takes it.
    group, name : str
        What it belongs to (``cell_types.microglia``), and what it is there.
    meaning : str
        From the description of the scenario language.
    value, unit : str
        As written; a plain number has no unit.
    low, high : str
        Cited range in the same unit; empty where none is cited.
    kind : str
        measured, fitted, assumed; ``setting``: a choice of the experiment; ``structure``: nothing, all or
        one; ``default``: not written anywhere, taken by the program.
    source : tuple of str
        Keys of sources.
    note : str
    where : str
        File and line, or ``--set``; empty for a default.
    """

    path: str
    group: str
    name: str
    meaning: str
    value: str
    unit: str = ""
    low: str = ""
    high: str = ""
    kind: str = ""
    source: tuple[str, ...] = ()
    note: str = ""
    where: str = ""

    @property
    def text(self) -> str:
        """Value and unit."""
        return f"{self.value} {self.unit}".strip()

    @property
    def range(self) -> str:
        """Cited range in words, without the unit."""
        if self.low and self.high:
            return f"{self.low} to {self.high}"
        return f"at least {self.low}" if self.low else f"at most {self.high}" if self.high else ""


def parameters(experiment: Experiment, arm: str | None = None) -> tuple[Parameter, ...]:
    """Every value of an arm, or of what all arms have in common.

    Raises
    ------
    KeyError
        If there is no such arm.
    """
    scenario = experiment.base if arm is None else experiment.arms[arm]
    document = experiment.document if arm is None else experiment.arm_documents[arm]
    found = [_parameter(scenario, document, path, value) for path, value in _values(scenario, ())]
    settings = RunSettings(replicates=experiment.replicates, seed=experiment.seed)
    for key, value in _values(settings, ()):
        one = _parameter(settings, experiment.document, key, value)
        found.append(replace(one, group="experiment", kind=SETTING))
    return tuple(found)


def _values(model: object, path: KeyPath) -> Iterator[tuple[KeyPath, _Value]]:
    """Every quantity and count below a part of a scenario.

    Left out: Hill powers of 1, single repetitions and the like that nobody wrote, what follows from others,
    and the corners of polygons.
    """
    if isinstance(model, Quantity):
        if not (_is_default(model) and model.unit == "1"):
            yield path, model
    elif isinstance(model, BaseModel):
        for key in type(model).model_fields:
            value, written = getattr(model, key), key in model.model_fields_set
            derived = isinstance(value, Quantity) and not written and not _is_default(value)
            if isinstance(value, bool) or key == "schema_version" or derived:
                continue
            if isinstance(value, int):
                if written or value != 1:
                    yield (*path, key), value
            else:
                yield from _values(value, (*path, key))
    elif isinstance(model, Mapping):
        for key, value in model.items():
            yield from _values(value, (*path, key))
    elif isinstance(model, tuple):
        if len(model) > AXES and all(isinstance(one, Quantity) and not one.source for one in model):
            yield path, model
        elif not all(isinstance(one, tuple) for one in model):
            for i, value in enumerate(model):
                yield from _values(value, (*path, i))


def _is_default(value: Quantity) -> bool:
    return value.note == DEFAULT and not value.kind


def _parameter(model: BaseModel, document: MapNode, path: KeyPath, value: _Value) -> Parameter:
    mark = value_mark(document, path)
    group, name, meaning = _named(model, path)
    if isinstance(value, Quantity):
        one = _cited(path, value)
    elif isinstance(value, tuple):
        parts = [_split(entry.given) for entry in value]
        same = len({unit for _, unit in parts}) == 1
        texts = [number if same else entry.given for (number, _), entry in zip(parts, value, strict=True)]
        unit = parts[0][1] if same else ""
        one = Parameter(dotted(path), "", "", "", ", ".join(texts), unit, kind=SETTING)
    else:
        one = Parameter(dotted(path), "", "", "", str(value), kind=SETTING if mark.line else DEFAULT)
    where = "" if one.kind == DEFAULT else f"{mark.origin.name}:{mark.line}" if mark.line else "--set"
    return replace(one, group=group, name=name, meaning=meaning, where=where)


def _cited(path: KeyPath, value: Quantity) -> Parameter:
    default = _is_default(value)
    number, unit = _split(value.given)
    low, high = (
        "" if end is None else _spelt(like(end, value.unit, value.given).removesuffix(unit).strip())
        for end in (value.low, value.high)
    )
    bare = STRUCTURE if path[0] in BIOLOGY else SETTING
    return Parameter(
        path=dotted(path).removesuffix(".base"),
        group="",
        name="",
        meaning="",
        value=number,
        unit=unit,
        low=low,
        high=high,
        kind=DEFAULT if default else value.kind or bare,
        source=value.source,
        note="" if default else value.note,
    )


def _spelt(number: str) -> str:
    """``1e+04`` as ``10000``; very large and very small numbers stay as they are."""
    return f"{float(number):.0f}" if "e+" in number and abs(float(number)) < 1e7 else number


def _split(given: str) -> tuple[str, str]:
    """Number and unit of a value as written; words such as ``never`` have no unit."""
    try:
        unit = parse(given).unit_text
    except UnitError:
        return given, ""
    return given.strip().removesuffix(unit).strip(), unit


def _named(model: BaseModel, path: KeyPath) -> tuple[str, str, str]:
    """Group, name and meaning of a value, from what stands along its path."""
    here: object = model
    names: list[str] = []
    meaning = ""
    for depth, part in enumerate(path):
        above = here
        if isinstance(above, BaseModel):
            meaning = type(above).model_fields[str(part)].description or meaning
            here = getattr(above, str(part))
        elif isinstance(above, Mapping):
            meaning = behaviour_meaning(path, depth) or meaning
            here = above[part]
        elif isinstance(above, tuple) and isinstance(part, int):
            here = above[part]
        if isinstance(here, Term):
            names[-1] = f"{here.signal} {_SIDES[str(path[depth - 1])]}"
        elif isinstance(above, tuple):
            names[-1] += _ordinal(above, int(part))
        elif not (isinstance(above, BaseModel) and part in _SILENT):
            names.append(str(part))
    constant = isinstance(here, Quantity) and path[-1] == "base"
    if constant and not _has_terms(model, path):
        meaning = _meaning_above(model, path)
    # A section of named entries is grouped by entry, any other by section.
    first = getattr(model, str(path[0]), None)
    by_entry = isinstance(first, Mapping) and len(names) > 1
    group = ".".join(names[: 2 if by_entry else 1])
    rest = names[2 if by_entry else 1 :]
    return group, ": ".join(rest) or names[-1], meaning


def _ordinal(items: tuple[object, ...], index: int) -> str:
    """Axis of a length, number of another entry counted from 1, nothing for the only one."""
    if len(items) == 1:
        return ""
    lengths = len(items) <= AXES and all(isinstance(one, Quantity) and one.unit == "um" for one in items)
    return f" {'xyz'[index]}" if lengths else f" {index + 1}"


def _has_terms(model: BaseModel, path: KeyPath) -> bool:
    here: object = model
    for part in path[:-1]:
        here = _below(here, part)
    return isinstance(here, Response) and not here.is_constant


def _below(here: object, part: str | int) -> object:
    if isinstance(here, BaseModel):
        return getattr(here, str(part))
    return here[part]  # type: ignore[index]


def _meaning_above(model: BaseModel, path: KeyPath) -> str:
    """Meaning of a response that is only a base."""
    for depth in range(len(path) - 1, 0, -1):
        found = behaviour_meaning(path, depth)
        if found:
            return found
    return _named(model, path[:-1])[2]


def behaviour_meaning(path: KeyPath, depth: int) -> str:
    """What a behaviour means, if `path[depth]` names one; an empty text otherwise."""
    if depth == 0 or path[depth - 1] != "behaviours":
        return ""
    room = "tissue" if path[0] == "tissue" else "compartment" if "compartments" in path[:depth] else "cell"
    for form, meaning in BEHAVIOURS[room].items():  # type: ignore[index]
        found = re.fullmatch(_PLACEHOLDER.sub(r"(?P<\1>.+)", form), str(path[depth]))
        if found:
            return _filled(meaning, found.groupdict())
    return ""


def _filled(meaning: str, names: Mapping[str, str]) -> str:
    """A meaning with the names that a behaviour gave for its placeholders."""
    return _PLACEHOLDER.sub(lambda mark: names.get(mark[1], mark[1]), meaning)


# ------------------------------------------------------------------------------------------- as text


def as_csv(table: Iterable[Parameter]) -> str:
    """Comma-separated values with one line of names."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(COLUMNS)
    for one in table:
        lines.writerow([" ".join(one.source) if name == "source" else getattr(one, name) for name in COLUMNS])
    return text.getvalue()


def grouped(table: Iterable[Parameter]) -> dict[str, list[Parameter]]:
    """Parameters by group, in order."""
    groups: dict[str, list[Parameter]] = {}
    for one in table:
        groups.setdefault(one.group, []).append(one)
    return groups


def cited_sources(table: Sequence[Parameter], scenario: Scenario, more: Iterable[str] = ()) -> list[Source]:
    """The records of all sources that the values name, sorted; a bare DOI is its own record.

    `more` may be keys, which are added, or references in full, which are left out.
    """
    own = {
        key: Source(key, record.cite, record.doi, record.authority)
        for key, record in scenario.sources.items()
    }
    known = {**library_sources(), **own}
    keys = sorted({*(key for one in table for key in one.source), *(key for key in more if key in known)})
    return [known.get(key, Source(key, key, key.removeprefix("doi:"))) for key in keys]
