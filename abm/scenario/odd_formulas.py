"""Responses and drives as formulas, in the notation that the ODD protocol explains."""

from __future__ import annotations

from collections.abc import Sequence

from abm.scenario.quantity import Quantity
from abm.scenario.schema.cells import Variable
from abm.scenario.schema.injuries import Drive
from abm.scenario.schema.responses import Add, Change, Factor, Response
from abm.scenario.walk import ResponsePlace
from abm.state.kinds import VariableKind

#: What the symbols of the formulas mean; the document prints this.
NOTATION = (
    "H(s; h, n) = (s/h)^n / (1 + (s/h)^n), the Hill function; 0 for s <= 0. n = 1 where it is not given.",
    "R[x] = max(0, (x - x0)/(1 - x0)), x0 being x with its cytokines at their baselines: no effect in naive "
    "tissue.",
    "min(s/f, 1): linear up to s = f. max(0, 1 - s/l): stops at s = l.",
    "dt: cell step. Signals are read at the start of the step; 'own V' is the cell's variable V.",
)


def formulas(name: str, response: Response) -> list[str]:
    """A response as one formula and, below it, its abbreviations.

    Parameters
    ----------
    name : str
        What stands left of the equals sign.
    """
    start = _sum([_base(response), *map(_add, response.adds)])
    lines: list[str] = []
    if response.increases:
        target = _extreme(response.increases, highest=True)
        share, explained = _up(response)
        start = _moved(start, target, share)
        lines += explained
    if response.decreases:
        target = _extreme(response.decreases, highest=False)
        share, explained = _down(response)
        if response.increases:
            lines.insert(0, f"  U = {start}")
            start = "U"
        start = _moved(start, target, share)
        lines += explained
    factors = [_factor(term) for term in response.times]
    if factors:
        start = " * ".join([*([] if start == "1" else [_bracketed(start)]), *factors])
    if response.divided_by:
        below = " + ".join(
            _ratio(term.signal, term.half_max, term.hill_power) for term in response.divided_by
        )
        start = f"{_bracketed(start, ' + ')} / (1 + {below})"
    return [f"{name} = {start}", *lines]


def variable_formulas(name: str, variable: Variable) -> list[str]:
    """How a variable moves, and its target, gain or value."""
    response = variable.response
    if response is None:
        return [f"{name} = {variable.value}"]
    if variable.kind is VariableKind.INSTANT:
        return formulas(name, response)
    if variable.kind is VariableKind.ACCUMULATING:
        law = f"d({name})/dt = G * (1 - {name}) - {name}/({variable.loss_time})"
        return [law, *_indented(formulas("G", response))]
    if variable.time_constant is not None:
        law = f"d({name})/dt = (T - {name})/({variable.time_constant})"
    else:
        law = f"d({name})/dt = (T - {name})/tau; tau = {variable.rise} if T > {name}, else {variable.fall}"
    return [law, *_indented(formulas("T", response))]


def place_formulas(place: ResponsePlace, variable: Variable | None = None) -> list[str]:
    """The formulas of a response at its place."""
    if variable is not None:
        return variable_formulas(place.title, variable)
    return formulas(place.title, place.response)


def drive_formula(name: str, drive: Drive) -> str:
    """The course of a drive, t being the time since the injury."""
    parts = [str(drive.amplitude)]
    if drive.rise is not None:
        parts.append(f"(1 - exp(-t/({drive.rise})))")
    if drive.decay is not None:
        parts.append(f"exp(-t/({drive.decay}))")
    if drive.off is not None:
        parts.append(f"1/(1 + exp((t - {drive.off})/({drive.off_width})))")
    if len(parts) > 1 and parts[0] == "1":
        parts = parts[1:]
    return f"{name}(t) = {' * '.join(parts)}"


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _base(response: Response) -> str:
    """The base; nothing where something is added to a base of 0."""
    return "" if float(response.base) == 0.0 and response.adds else str(response.base)


def _sum(parts: Sequence[str]) -> str:
    return " + ".join(part for part in parts if part)


def _add(term: Add) -> str:
    if term.half_max is not None:
        hill = _hill(term.signal, term.half_max, term.hill_power)
        return f"{term.amount} * {f'R[{hill}]' if term.above_baseline else hill}"
    if term.per is not None and term.per != 1.0:
        return f"{term.amount} * {_over(term.signal, term.per)}"
    return term.signal if str(term.amount) == "1" else f"{term.amount} * {term.signal}"


def _hill(signal: str, half_max: Quantity, power: Quantity) -> str:
    return f"H({signal}; {half_max}{'' if power == 1.0 else f', {power}'})"


def _over(signal: str, scale: Quantity) -> str:
    return f"{signal}/({scale})" if " " in str(scale) else f"{signal}/{scale}"


def _ratio(signal: str, half_max: Quantity, power: Quantity) -> str:
    over = _over(signal, half_max)
    return over if power == 1.0 else f"({over})^{power}"


def _extreme(terms: Sequence[Change], highest: bool) -> str:
    """The largest or smallest `to`, as it is written."""
    return str((max if highest else min)((term.to for term in terms), key=float))


def _moved(start: str, target: str, share: str) -> str:
    """``start + (target - start) * share``, simpler where the start is 0 or the target is."""
    if _is_zero(start):
        return share if target == "1" else f"{target} * {share}"
    if _is_zero(target):
        return f"{_bracketed(start)} * (1 - {share})"
    kept = start if _is_simple(start) else f"({start})"
    return f"{start} + ({target} - {kept}) * {share}"


def _is_zero(text: str) -> bool:
    return text.split(" ", maxsplit=1)[0] in ("0", "0.0") and _is_simple(text)


def _is_simple(text: str) -> bool:
    """Whether a text is one value or one symbol."""
    return not any(sign in text for sign in (" + ", " - ", " * ", "("))


def _bracketed(text: str, *signs: str) -> str:
    return f"({text})" if any(sign in text for sign in (signs or (" + ", " - "))) else text


def _up(response: Response) -> tuple[str, list[str]]:
    """Share of the way up, and what its symbols stand for."""
    linear = next((term for term in response.increases if term.full is not None), None)
    if linear is not None and linear.full is not None:
        return f"min({_over(linear.signal, linear.full)}, 1)", []
    stimulus = _side(response.increases, response.joint_power)
    resistance = " + ".join(["1", *(_over(brake.signal, brake.half_max) for brake in response.brakes)])
    if response.joint_power is not None and response.brakes:
        resistance = f"({resistance})^{response.joint_power}"
    share = "S/(S + B)" if response.brakes else "S/(S + 1)"
    explained = [f"  S = {stimulus}"]
    if response.brakes:
        explained.append(f"  B = {resistance}")
    return _rested(share, response.increases), explained


def _down(response: Response) -> tuple[str, list[str]]:
    linear = next((term for term in response.decreases if term.full is not None), None)
    if linear is not None and linear.full is not None:
        return f"min({_over(linear.signal, linear.full)}, 1)", []
    stimulus = _side(response.decreases, response.joint_power)
    return _rested("D/(D + 1)", response.decreases), [f"  D = {stimulus}"]


def _side(terms: Sequence[Change], joint: Quantity | None) -> str:
    if joint is None:
        return " + ".join(
            _ratio(term.signal, term.half_max, term.hill_power) for term in terms if term.half_max is not None
        )
    total = " + ".join(_over(term.signal, term.half_max) for term in terms if term.half_max is not None)
    return f"({total})^{joint}"


def _rested(share: str, terms: Sequence[Change]) -> str:
    return f"R[{share}]" if any(term.above_baseline for term in terms) else share


def _factor(term: Factor) -> str:
    if term.half_max is not None:
        return _hill(term.signal, term.half_max, term.hill_power)
    if term.limit is not None:
        return f"max(0, 1 - {_over(term.signal, term.limit)})"
    if term.per is not None and term.per != 1.0:
        return _over(term.signal, term.per)
    return term.signal
