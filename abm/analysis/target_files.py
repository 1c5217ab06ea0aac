"""Targets files: YAML with definitions and rows, or CSV with rows over the default definitions.

A CSV file has a head with at least ``arm, quantity, day, mean, tolerance``; ``bound, id, kind, source`` are
optional.
"""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from abm.analysis.quantities import PER_AREA, REFERENCE, START, Quantity
from abm.errors import Fault, ScenarioError

# Data, not code: the targets lie in the library beside the biology they constrain.
DEFAULT_TARGETS = Path(__file__).resolve().parents[1] / "library" / "data" / "targets" / "dorsal_horn.yaml"
SCHEMA_VERSION = 1
BOUNDS = ("", "upper", "lower")


@dataclass(frozen=True)
class Target:
    """One published (or recalled) value.

    Attributes
    ----------
    arm, quantity : str
        What was measured in which arm.
    day : float [d]
        Since the injury.
    mean, tolerance : float
        Value and how far from it a model may be, in the unit of the quantity.
    bound : str
        Empty; ``upper``: the value is only known to be at most `mean`; ``lower``: at least.
    id : str
        Short name, e.g. ``D.1``.
    kind, source : str
        How the figure was obtained, and from where.
    """

    arm: str
    quantity: str
    day: float
    mean: float
    tolerance: float
    bound: str = ""
    id: str = ""
    kind: str = ""
    source: str = ""


@dataclass(frozen=True)
class TargetSet:
    """The content of a targets file."""

    title: str
    quantities: Mapping[str, Quantity]
    targets: Sequence[Target]
    sources: Mapping[str, str] = field(default_factory=dict)
    path: Path = Path()

    @property
    def arms(self) -> list[str]:
        """Arms that have targets, in the order of the file."""
        return list(dict.fromkeys(target.arm for target in self.targets))


_NUMBERS = ("day", "mean", "tolerance")
_REQUIRED = ("arm", "quantity", *_NUMBERS)
_COLUMNS = tuple(item.name for item in fields(Target))
_DEFINITION = tuple(item.name for item in fields(Quantity) if item.name != "name")
_TOP = ("schema_version", "title", "quantities", "targets", "sources")


def read_targets(path: str | Path = DEFAULT_TARGETS) -> TargetSet:
    """Read a targets file, YAML or CSV; that of the default tissue when none is given.

    Raises
    ------
    ScenarioError
        Every fault of the file, with its line.
    """
    path = Path(path)
    faults: list[Fault] = []
    text = _text(path)
    found = _from_csv(path, text, faults) if path.suffix.lower() == ".csv" else _from_yaml(path, text, faults)
    if faults:
        raise ScenarioError(faults)
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ScenarioError([Fault(f"the targets cannot be read: {reason}", str(path))]) from None


def _from_csv(path: Path, text: str, faults: list[Fault]) -> TargetSet:
    reader = csv.DictReader(text.splitlines(), skipinitialspace=True)
    rows = [(dict(row), reader.line_num) for row in reader]
    head = list(reader.fieldnames or ())
    missing = [name for name in _REQUIRED if name not in head]
    if missing:
        faults.append(Fault(f"the head lacks {', '.join(missing)}; it has {', '.join(head)}", str(path), 1))
        rows = []
    quantities = read_targets().quantities
    targets = [_target(row, quantities, path, line, faults) for row, line in rows]
    return TargetSet(path.stem, quantities, [t for t in targets if t is not None], {}, path)


def _from_yaml(path: Path, text: str, faults: list[Fault]) -> TargetSet:
    content = _load(path, text)
    faults.extend(_unknown(key, _TOP, path, _line(content, key)) for key in content if key not in _TOP)
    if content.get("schema_version") != SCHEMA_VERSION:
        given = content.get("schema_version", "nothing")
        faults.append(Fault(f"schema_version is {given}; this program reads {SCHEMA_VERSION}", str(path)))
    quantities = {}
    for name, definition in _mapping(content, "quantities", path, faults).items():
        quantity = _quantity(str(name), definition, path, faults)
        if quantity is not None:
            quantities[quantity.name] = quantity
    rows = content.get("targets")
    if not isinstance(rows, list):
        faults.append(Fault("a list of targets is missing", str(path), path="targets"))
        rows = []
    targets = [_target(row, quantities, path, _line(rows, i), faults) for i, row in enumerate(rows)]
    sources = {str(k): str(v) for k, v in _mapping(content, "sources", path, faults, needed=False).items()}
    kept = [target for target in targets if target is not None]
    return TargetSet(str(content.get("title", path.stem)), quantities, kept, sources, path)


def _load(path: Path, text: str) -> Mapping[str, Any]:
    try:
        content = YAML(typ="rt").load(text)
    except YAMLError as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        problem = error.problem if isinstance(error, MarkedYAMLError) else error
        place = (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
        raise ScenarioError([Fault(f"not YAML: {problem}", str(path), *place)]) from None
    if not isinstance(content, Mapping):
        raise ScenarioError([Fault(f"a targets file is a mapping with {', '.join(_TOP)}", str(path), 1)])
    return content


def _mapping(
    content: Mapping[str, Any], key: str, path: Path, faults: list[Fault], *, needed: bool = True
) -> Mapping[str, Any]:
    below = content.get(key)
    if isinstance(below, Mapping):
        return below
    if needed or below is not None:
        faults.append(Fault("a mapping is needed", str(path), _line(content, key), path=key))
    return {}


def _quantity(name: str, raw: Any, path: Path, faults: list[Fault]) -> Quantity | None:
    before = len(faults)
    where = f"quantities.{name}"
    if not isinstance(raw, Mapping) or "series" not in raw:
        faults.append(Fault("a definition needs at least 'series'", str(path), path=where))
        return None
    faults.extend(
        _unknown(key, _DEFINITION, path, _line(raw, key), where) for key in raw if key not in _DEFINITION
    )
    for key, allowed in (("relative_to", ("", START, REFERENCE)), ("per_area", ("", PER_AREA))):
        if str(raw.get(key, "")) not in allowed:
            named = " or ".join(filter(None, allowed))
            message, place = f"{raw[key]!r} is not allowed; {named}", _line(raw, key)
            faults.append(Fault(message, str(path), place, path=f"{where}.{key}"))
    if len(faults) > before:
        return None
    select = raw.get("select") or {}
    return Quantity(
        name=name,
        label=str(raw.get("label", name)),
        series=str(raw["series"]),
        select={str(dim): str(label) for dim, label in select.items()},
        relative_to=str(raw.get("relative_to", "")),
        per_area=str(raw.get("per_area", "")),
        unit=str(raw.get("unit", "1")),
    )


def _target(
    raw: Any, quantities: Mapping[str, Quantity], path: Path, line: int, faults: list[Fault]
) -> Target | None:
    before = len(faults)

    def fault(message: str, key: str = "") -> None:
        faults.append(Fault(message, str(path), line, path=key))

    if not isinstance(raw, Mapping):
        fault(f"a target is a mapping with {', '.join(_REQUIRED)}")
        return None
    faults.extend(_unknown(key, _COLUMNS, path, line) for key in raw if key not in _COLUMNS)
    for key in _REQUIRED:
        if raw.get(key) in (None, ""):
            fault(f"a target needs {key!r}")
    if len(faults) > before:
        return None
    values = {key: _number(raw[key]) for key in _NUMBERS}
    for key, value in values.items():
        if not math.isfinite(value):
            fault(f"{raw[key]!r} is not a finite number", key)
    if values["tolerance"] <= 0:
        fault(f"the tolerance is {raw['tolerance']}; it must be above 0", "tolerance")
    if raw["quantity"] not in quantities:
        fault(f"no quantity {raw['quantity']!r}{_nearest(str(raw['quantity']), quantities)}", "quantity")
    bound = str(raw.get("bound") or "")
    if bound not in BOUNDS:
        fault(f"{bound!r} is not a bound; upper or lower", "bound")
    if len(faults) > before:
        return None
    return Target(
        arm=str(raw["arm"]),
        quantity=str(raw["quantity"]),
        day=values["day"],
        mean=values["mean"],
        tolerance=values["tolerance"],
        bound=bound,
        id=_join(raw.get("id")),
        kind=_join(raw.get("kind")),
        source=_join(raw.get("source")),
    )


def _number(raw: Any) -> float:
    try:
        return float("nan") if isinstance(raw, bool) else float(raw)
    except (TypeError, ValueError):
        return float("nan")


def _join(raw: Any) -> str:
    if raw is None:
        return ""
    return ", ".join(map(str, raw)) if isinstance(raw, list) else str(raw)


def _line(content: Any, key: Any) -> int:
    """Line of a key or item, from 1; 0 when the parser did not keep it."""
    position = getattr(content, "lc", None)
    try:
        return int(position.data[key][0]) + 1 if position is not None else 0
    except (KeyError, TypeError, AttributeError):
        return 0


def _unknown(key: object, allowed: Iterable[str], path: Path, line: int, where: str = "") -> Fault:
    known = list(allowed)
    message = f"unknown key {str(key)!r}{_nearest(str(key), known)}; allowed: {', '.join(known)}"
    return Fault(message, str(path), line, path=where)


def _nearest(given: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(given, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
