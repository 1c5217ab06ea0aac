"""``abm why``: what one cell does at one moment, and which signals make it do so."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from abm.cli.options import AsJson, Quiet

if TYPE_CHECKING:
    from abm.study.why import Explanation, Kindred
    from abm.study.why_cell import ResponseNow

# What a term does, as a verb; the file's keys are those of the scenario language.
VERBS = {
    "adds": "adds",
    "increases": "raises",
    "decreases": "lowers",
    "brakes": "brakes",
    "times": "times",
    "divided_by": "divides",
}


def why(
    file: Annotated[Path, typer.Argument(metavar="FILE.h5", help="Result file.", show_default=False)],
    at: Annotated[
        str, typer.Option("--at", metavar="TIME", help='Start of the step, e.g. "4 d".', show_default=False)
    ],
    cell: Annotated[
        int | None,
        typer.Option(
            "--cell", max=2**63 - 1, metavar="ID", help="Id of the cell; without it, ids to choose from."
        ),
    ] = None,
    behaviours: Annotated[
        list[str] | None,
        typer.Option("--behaviour", metavar="NAME", help="Only this behaviour or variable; repeatable."),
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Simulate the moment again to the same bits; no rounded records.")
    ] = False,
    recorded: Annotated[
        bool, typer.Option("--recorded", help="Only what the file holds of that moment; never simulate.")
    ] = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Show why a cell does what it does: the contribution of every signal to every behaviour."""
    from abm.cli.simulating import day_of, now_and_then
    from abm.study.moment import How
    from abm.study.why import cells_at
    from abm.study.why import why as explained

    if exact and recorded:
        raise typer.BadParameter("--exact simulates and --recorded does not: give one of the two")
    how = How.EXACT if exact else How.RECORDED if recorded else How.AUTO
    day = day_of(at, "--at")
    progress = None if quiet else now_and_then("simulating up to that moment")
    if cell is None:
        _list(cells_at(file, day, how=how, progress=progress), file, at, as_json)
        return
    explanation = explained(file, cell, day, how=how, progress=progress)
    chosen = _chosen(explanation, behaviours or ())
    if as_json:
        _print_json(explanation, chosen)
    else:
        print("\n".join(as_text(explanation, chosen)))


def _list(kinds: Sequence[Kindred], file: Path, at: str, as_json: bool) -> None:
    """One cell of every kind, near the site of the readout."""
    import json
    from dataclasses import asdict

    from abm.analysis.tables import Table

    if as_json:
        print(json.dumps([asdict(kind) for kind in kinds], indent=1, ensure_ascii=False))
        return
    rows = [[k.cell_type, k.phenotype, k.status, k.place, str(k.count), str(k.cell)] for k in kinds]
    head = ["cell type", "phenotype", "status", "place", "cells", "one of them"]
    print(Table(head, rows, "<<<<>>").as_text())
    if kinds:
        print(f"\nabm why {file} --at '{at}' --cell {kinds[0].cell} says why it does what it does.")


def _chosen(explanation: Explanation, wanted: Sequence[str]) -> list[ResponseNow]:
    """The responses asked for: by name, or by a part of it."""
    from abm.errors import RecordError

    chosen = []
    names = [r.name for r in explanation.responses]
    for text in wanted:
        found = [r for r in explanation.responses if r.name == text]
        found = found or [r for r in explanation.responses if text.lower() in r.name.lower()]
        if not found:
            raise RecordError(
                f"--behaviour {text!r}: a {explanation.cell_type} that is {explanation.status} in the "
                f"{explanation.place} has {', '.join(names) or 'none'}"
            )
        chosen += [r for r in found if r not in chosen]
    return chosen if wanted else list(explanation.responses)


def _print_json(explanation: Explanation, chosen: Sequence[ResponseNow]) -> None:
    import json
    from dataclasses import asdict, replace

    document = asdict(replace(explanation, responses=tuple(chosen)))
    print(json.dumps(_plain(document), indent=1, ensure_ascii=False, allow_nan=False))


def _plain(value: Any) -> Any:
    """JSON knows neither paths nor nan."""
    match value:
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case Path():
            return str(value)
        case float():
            return value if math.isfinite(value) else None
    return value


# ------------------------------------------------------------------------------------------------- text


def as_text(explanation: Explanation, chosen: Sequence[ResponseNow]) -> list[str]:
    """Lines for a screen."""
    lines = [*_head(explanation), *_variables(explanation)]
    varying = [r for r in chosen if r.contributions]
    rows = [row for r in varying for row in _rows(r)]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(len(rows[0]))] if rows else []
    if rows:
        lines += [
            "",
            "signal, what the term makes of it, the response without it, effect of the signal (share)",
        ]
    for response in varying:
        lines.append(_title(response))
        for row in _rows(response):
            cells = (f"{cell:{a}{w}}" for cell, a, w in zip(row, "<<><>>>", widths, strict=True))
            lines.append(f"  {'  '.join(cells)}".rstrip())
        lines += _silent(response)
    constant = [r for r in chosen if not r.contributions]
    if constant:
        lines += ["", "without signals", *(f"  {_title(r)}" for r in constant)]
    return [*lines, *_tail(explanation, chosen)]


def _head(e: Explanation) -> list[str]:
    from abm.units import readable

    where = f"in the tissue at ({', '.join(f'{p:.4g}' for p in e.position)}) um"
    if e.place != "tissue":
        where = f"waiting in {e.place}"
    age = "" if math.isnan(e.age) else f", {readable(e.age, 'min')} old"
    exact = "exact" if e.exact else "rounded when they were recorded"
    lines = [
        f"cell {e.cell} at day {e.day:g}: {e.cell_type}, {e.phenotype}, {e.status}, {where}{age}",
        f"arm {e.arm}, replicate {e.replicate}; from {e.origin}; {exact}",
    ]
    if e.status == "dead":
        lines.append("A dead cell responds to nothing; its body waits to be taken up or to dissolve.")
    elif e.place != "tissue":
        lines.append("A waiting cell senses the border of the tissue: values are means over its voxels.")
    return lines


def _variables(e: Explanation) -> list[str]:
    from abm.units import readable

    if not e.variables:
        return []
    width = max(len(v.name) for v in e.variables)
    lines = ["", f"variables, and after this step of {readable(e.step, 'min')}"]
    for v in e.variables:
        time = f", time constant {readable(v.time, 'min')}" if v.time else ""
        lines.append(f"  {v.name:<{width}}  {v.value:.6g} -> {v.next:.6g}  ({v.law}{time})")
    return lines


def _unit_of(response: ResponseNow) -> str:
    """A text in the unit that suits the largest number of a response, for all of its numbers."""
    from abm.units import readable

    numbers = [response.value, response.base, *(c.without for c in response.contributions)]
    return readable(max(abs(x) for x in numbers), response.unit)


def _in(value: float, response: ResponseNow, example: str) -> str:
    from abm.units import like

    return _minus(like(value, response.unit, example))


def _title(response: ResponseNow) -> str:
    example = _unit_of(response)
    what = "" if response.what in ("behaviour", "loss") else f", {response.what}"
    shown = _in(response.value, response, example)
    if response.uncertainty > 0.0:
        shown += f" ± {response.uncertainty / abs(response.value):.1g} of it" if response.value else ""
    parts = [f"{response.name}{what}: {shown}"]
    if response.contributions:
        parts.append(f"base {_in(response.base, response, example)}")
    if response.probability is not None:
        each = " of each body in contact" if response.name.startswith("phagocytosis") else ""
        parts.append(f"{_percent(response.probability)} in one step{each}")
    if response.places > 1:
        parts.append(f"mean over {response.places} voxels")
    return "; ".join(parts)


def _rows(response: ResponseNow) -> list[list[str]]:
    example = _unit_of(response)
    return [
        [
            VERBS.get(c.role, c.role),
            c.signal,
            _number(c.value, c.unit),
            c.form,
            f"{c.term:.3g}",
            _in(c.without, response, example),
            f"{'+' if c.effect > 0 else ''}{_in(c.effect, response, example)} ({c.share:.0%})",
        ]
        for c in response.contributions
        if c.effect != 0.0
    ]


def _silent(response: ResponseNow) -> list[str]:
    """Signals without effect, in a line each for factors, which are as at rest, and for the others."""
    lines = []
    for word, factors in (("no effect", False), ("as in naive tissue", True)):
        told = [
            f"{c.signal} ({_number(c.value, c.unit)})"
            for c in response.contributions
            if c.effect == 0.0 and (c.role == "times") == factors
        ]
        if told:
            lines.append(f"  {word}: {', '.join(told)}")
    return lines


def _number(value: float, unit: str) -> str:
    from abm.units import readable

    return _minus(readable(value, unit))


def _minus(text: str) -> str:
    return text.replace("-", "−", 1) if text.startswith("-") else text


def _percent(share: float) -> str:
    return f"{100.0 * share:.2g} %"


def _tail(e: Explanation, chosen: Sequence[ResponseNow]) -> list[str]:
    lines = [*e.notes]
    if not e.exact:
        relative = [r.uncertainty / abs(r.value) for r in chosen if r.value and r.uncertainty]
        worst = f"; rounding leaves at most {_percent(max(relative))} of a value open" if relative else ""
        lines.append(
            f"Concentrations were recorded with 12 significant bits, variables in single precision{worst}. "
            "--exact simulates this moment again to the same bits."
        )
    return ["", *lines] if lines else []
