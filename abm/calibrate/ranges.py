"""From the parts of a fit file to free parameters: places, ranges, starts and priors, all checked."""

from __future__ import annotations

import math
from fractions import Fraction

from abm.calibrate.parameters import Parameter, Place, Prior
from abm.calibrate.places import PlaceError, read_like, value_at
from abm.calibrate.schema import ParameterPart
from abm.errors import Fault, UnitError
from abm.scenario.load import Experiment
from abm.scenario.nodes import (
    KeyPath,
    ListNode,
    MapNode,
    Node,
    ScalarNode,
    dotted,
    find,
    key_mark,
    nearest,
    value_mark,
)
from abm.scenario.quantity import Quantity
from abm.scenario.settings import SettingError, parse_path
from abm.units import DIMENSIONS, parse

#: Ends that are written rounded still count as inside.
_SLACK = 1e-9
_PLAIN = Quantity(1.0, unit="1")


class _Faults:
    """Faults of one parameter, at their places in the fit file."""

    def __init__(self, name: str, node: MapNode, faults: list[Fault]) -> None:
        self.name, self.node, self.faults = name, node, faults
        self.before = len(faults)

    def add(self, message: str, *path: str | int) -> None:
        """Note a fault of the parameter, or of what `path` leads to below it."""
        mark = value_mark(self.node, path) if path else self.node.mark
        self.faults.append(mark.fault(message, dotted(("parameters", self.name, *path))))

    @property
    def any(self) -> bool:
        """Whether this parameter has had any."""
        return len(self.faults) > self.before


def free_parameter(
    name: str, part: ParameterPart, node: MapNode, experiment: Experiment, faults: list[Fault]
) -> Parameter | None:
    """The parameter that a part of a fit file describes, or None and its faults.

    Parameters
    ----------
    node : MapNode
        What `part` was made from, for positions.
    """
    told = _Faults(name, node, faults)
    if (part.path is None) == (not part.factor_of):
        told.add("a parameter has either 'path' (one value) or 'factor_of' (several that share a factor)")
        return None
    if part.path is not None:
        places = [_place(part.path, experiment, told, "path")]
    else:
        places = [_place(path, experiment, told, "factor_of", i) for i, path in enumerate(part.factor_of)]
    found = [place for place in places if place is not None]
    if told.any:
        return None
    if part.path is not None:
        like, unit, factor = found[0].like, found[0].unit_text, _in_unit(1.0, found[0])
        library = _ends(found[0].like)
        now = found[0].given
    else:
        like, unit, factor, now = _PLAIN, "", 1.0, 1.0
        library = _ends_of_factor(found, told)
    # Converting there and back leaves a last digit that nobody wrote.
    low, high = (float(f"{end / factor:.12g}") if end is not None else None for end in library)
    ends = _range(part, like, factor, (low, high), unit, told)
    if ends is None:
        return None
    start = _start(part, like, factor, now, ends, unit, told)
    prior = _prior(part, like, factor, ends, told)
    if told.any:
        return None
    return Parameter(
        name=name,
        label=part.label or name.replace("_", " "),
        places=tuple(found),
        is_factor=part.path is None,
        low=ends[0],
        high=ends[1],
        start=start,
        unit=unit,
        is_log=part.scale == "log",
        prior=prior,
    )


def _place(text: str, experiment: Experiment, told: _Faults, *where: str | int) -> Place | None:
    """The value a path means; in an arm when it begins with ``arms.NAME``."""
    try:
        path = parse_path(text.strip())
        scenario, prefix, inner = experiment.base, path[:0], path
        if path[0] == "arms":
            if len(path) < 3 or path[1] not in experiment.arms:
                given = str(path[1]) if len(path) > 1 else ""
                known = ", ".join(experiment.arms)
                raise PlaceError(f"no arm '{given}'{nearest(given, experiment.arms)}; arms: {known}")
            scenario, prefix, inner = experiment.arms[str(path[1])], path[:2], path[2:]
        leaf, value = value_at(scenario, inner)
    except (SettingError, PlaceError) as error:
        told.add(str(error), *where)
        return None
    try:
        measure = parse(value.given)
        one = parse(f"1 {measure.unit_text}") if measure.unit_text else None
    except UnitError as error:
        told.add(f"the scenario's value cannot be fitted: {error}", *where)
        return None
    if one is not None and one.exponents != DIMENSIONS[value.unit].exponents:
        told.add(f"'{value.given}' is an amount of substance; write it as a mass to fit it", *where)
        return None
    exact = measure.base_value / one.base_value if one is not None else measure.base_value
    return Place(
        path=_as_written(path, experiment),
        leaf=(*prefix, *leaf),
        given=float(Fraction(exact)),
        unit_text=measure.unit_text,
        like=value,
    )


def _as_written(path: KeyPath, experiment: Experiment) -> KeyPath:
    """The path without a ``base`` that the file does not spell out: a bare value is a whole response."""
    node: Node | None = experiment.document
    for part in path[:-1]:
        node = find(node, (int(part) if isinstance(node, ListNode) else part,)) if node is not None else None
    bare = isinstance(node, ScalarNode) or (isinstance(node, MapNode) and "value" in node.entries)
    return path[:-1] if path[-1] == "base" and bare else path


def _in_unit(number: float, place: Place) -> float:
    """A number in the unit of a place, in internal units."""
    if not place.unit_text:
        return number
    return number * parse(f"1 {place.unit_text}").in_unit_of(DIMENSIONS[place.like.unit])


def _ends(value: Quantity) -> tuple[float | None, float | None]:
    return value.low, value.high


def _ends_of_factor(places: list[Place], told: _Faults) -> tuple[float | None, float | None]:
    """Factors that keep every value inside its own range."""
    lows, highs = [], []
    for i, place in enumerate(places):
        value = place.like
        if float(value) == 0.0:
            told.add("the scenario's value is 0, which no factor changes", "factor_of", i)
            continue
        if value.low is not None and value.high is not None:
            # A negative value times a larger factor is smaller.
            ends = sorted((value.low / value, value.high / value))
            lows.append(ends[0])
            highs.append(ends[1])
    if not lows:
        return None, None
    return max(lows), min(highs)


def _number(raw: object, like: Quantity, factor: float, told: _Faults, *where: str | int) -> float | None:
    try:
        return read_like(raw, like) / factor
    except UnitError as error:
        told.add(str(error), *where)
        return None


def _range(
    part: ParameterPart,
    like: Quantity,
    factor: float,
    library: tuple[float | None, float | None],
    unit: str,
    told: _Faults,
) -> tuple[float, float] | None:
    """Both ends in the parameter's own unit; outside the library's range is a fault."""
    ends: list[float] = []
    shown = " to ".join(_shown(end, unit) for end in library if end is not None)
    for key, end, sign in (("low", library[0], 1.0), ("high", library[1], -1.0)):
        raw = getattr(part, key)
        if raw is None:
            if end is None:
                told.add(f"the library gives no range for this value, so '{key}' is needed")
                continue
            ends.append(end)
            continue
        number = _number(raw, like, factor, told, key)
        if number is None:
            continue
        if end is not None and sign * (end - number) > _SLACK * abs(end):
            told.add(f"'{raw}' is outside the range of the library ({shown})", key)
        ends.append(number)
    if told.any or len(ends) < 2:
        return None
    low, high = ends
    if not low < high:
        where = "low" if part.low is not None else "high" if part.high is not None else ""
        message = f"the range is empty: low {_shown(low, unit)}, high {_shown(high, unit)}"
        told.add(message, *([where] if where else []))
        return None
    if part.scale == "log" and low <= 0:
        told.add(f"a logarithmic scale needs a low end above 0; it is {_shown(low, unit)}", "scale")
        return None
    return low, high


def _start(
    part: ParameterPart,
    like: Quantity,
    factor: float,
    now: float,
    ends: tuple[float, float],
    unit: str,
    told: _Faults,
) -> float:
    given = None if part.start is None else _number(part.start, like, factor, told, "start")
    start = now if given is None else given
    low, high = ends
    slack = _SLACK * (high - low)
    if not low - slack <= start <= high + slack:
        what = "the scenario's value" if part.start is None else "the start"
        hint = "; give a 'start' inside it" if part.start is None else ""
        message = f"{what} {_shown(start, unit)} is outside {_shown(low, unit)} to {_shown(high, unit)}{hint}"
        told.add(message, *(["start"] if part.start is not None else []))
    return min(max(start, low), high)


def _prior(
    part: ParameterPart, like: Quantity, factor: float, ends: tuple[float, float], told: _Faults
) -> Prior:
    given = part.prior
    if given is None:
        return Prior()
    low, high = ends
    if (given.normal is None) == (given.lognormal is None):
        told.add("a prior is either 'normal' or 'lognormal'; leave it out for a flat one", "prior")
    elif given.normal is not None:
        if part.scale != "linear":
            told.add("a normal prior goes with the scale linear; use lognormal", "prior", "normal")
        mean = _number(given.normal.mean, like, factor, told, "prior", "normal", "mean")
        sd = _number(given.normal.sd, like, factor, told, "prior", "normal", "sd")
        if sd is not None and sd <= 0:
            told.add(f"'{given.normal.sd}' must be above 0", "prior", "normal", "sd")
        elif mean is not None and sd is not None:
            return _inside(Prior((mean - low) / (high - low), sd / (high - low)), told, "normal", "mean")
    elif given.lognormal is not None:
        if part.scale != "log":
            told.add("a lognormal prior goes with the scale log; use normal", "prior", "lognormal")
            return Prior()
        median = _number(given.lognormal.median, like, factor, told, "prior", "lognormal", "median")
        spread = float(given.lognormal.factor)
        if spread <= 1:
            told.add(f"'{given.lognormal.factor}' must be above 1", "prior", "lognormal", "factor")
        elif median is not None and median > 0:
            width = math.log(high / low)
            prior = Prior(math.log(median / low) / width, math.log(spread) / width)
            return _inside(prior, told, "lognormal", "median")
        elif median is not None:
            told.add(f"'{given.lognormal.median}' must be above 0", "prior", "lognormal", "median")
    return Prior()


def _inside(prior: Prior, told: _Faults, form: str, key: str) -> Prior:
    """A prior whose centre lies in the range, so that the range holds most of it."""
    if not 0.0 <= prior.centre <= 1.0:
        told.add("the centre of the prior lies outside the range", "prior", form, key)
    return prior


def _shown(number: float, unit: str) -> str:
    return f"{number:.6g} {unit}".strip()


def repeated_places(parameters: dict[str, Parameter], nodes: dict[str, MapNode], faults: list[Fault]) -> None:
    """Report values that two parameters set, or one parameter twice."""
    owner: dict[KeyPath, str] = {}
    for name, parameter in parameters.items():
        for place in parameter.places:
            if place.leaf in owner:
                mark = key_mark(nodes[name], ("path",))
                message = f"'{dotted(place.path)}' is set by the parameter '{owner[place.leaf]}' already"
                faults.append(mark.fault(message, f"parameters.{name}"))
            owner.setdefault(place.leaf, name)
