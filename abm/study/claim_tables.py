"""Verdicts as a table, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from abm.analysis.bootstrap import RESAMPLES, Effect, least_replicates
from abm.analysis.groups import RunGroups, origin
from abm.analysis.tables import Table, number
from abm.scenario.load import Experiment
from abm.study.verdicts import ClaimResult, ComparisonResult, Verdict
from abm.view.labels import unit_label

# What `abm study` leaves in its folder, and who reads it finds it by.
CLAIMS_FILE = "claims.json"
SCHEMA, SCHEMA_VERSION = "abm-claims", 1
FIGURES, CLAIMS_FIGURE = "figures", "claims"
NEVER = "never"
_LONGEST = 60
# Beyond it a spread is as good as none, and more digits say nothing.
_LARGEST_D = 100.0

COLUMNS = (
    *("id", "says", "verdict", "reason", "test", "comparison", "comparison_verdict", "n"),
    *("left", "right", "difference", "low", "high", "unit", "level", "method", "d_z", "p"),
    *("source", "evidence", "contradicts", "contradicted_by", "remark"),
)


def counts(results: Sequence[ClaimResult]) -> dict[str, int]:
    """How many claims have each verdict."""
    return {str(verdict): sum(r.verdict is verdict for r in results) for verdict in Verdict}


def count_text(results: Sequence[ClaimResult]) -> str:
    """The same as a sentence."""
    parts = [f"{n} {verdict}" for verdict, n in counts(results).items() if n]
    many = "1 claim" if len(results) == 1 else f"{len(results)} claims"
    return f"{many}: {', '.join(parts)}." if results else "No claims."


def claims_table(results: Sequence[ClaimResult], level: float) -> Table:
    """One row per claim, and one per comparison of claims that make several."""
    rows: list[list[str]] = []
    for result in results:
        single = len(result.comparisons) == 1
        head = [result.id, str(result.verdict), _cut(result.checked.claim.says)]
        rows.append([*head, *(_numbers(result.comparisons[0]) if single else [""] * 4)])
        rows += [
            ["", f"  {comparison.verdict}", f"  {_cut(comparison.text)}", *_numbers(comparison)]
            for comparison in (() if single else result.comparisons)
        ]
    notes = [count_text(results)]
    notes += [f"{r.id}: {r.reason}." for r in results if r.reason and r.verdict is not Verdict.REPRODUCED]
    notes.append(
        f"Difference: left minus right of the comparison, paired by replicate, with its {100 * level:.4g} % "
        f"interval (Student's t below {least_replicates(level)} replicates, bootstrap from there on). "
        "d_z: mean over standard deviation of the differences. p: two-sided sign-flip test."
    )
    head = ["claim", "verdict", "says", f"difference ({100 * level:.4g} % interval)", "d_z", "p", "n"]
    return Table(head, rows, "<<<>>>>", notes)


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else f"{flat[: _LONGEST - 1]}…"


def _numbers(result: ComparisonResult) -> list[str]:
    effect = result.effect
    if effect is None:
        return ["–", "–", "–", str(len(result.replicates) or "–")]
    return [effect_text(effect, result.unit), d_text(effect), p_text(effect), str(effect.n)]


def effect_text(effect: Effect, unit: str) -> str:
    """``0.35 (0.32 to 0.38) g``."""
    shown = f" {unit_label(unit)}".rstrip()
    if math.isnan(effect.low):
        return f"{number(effect.mean)}{shown}"
    return f"{number(effect.mean)} ({number(effect.low)} to {number(effect.high)}){shown}"


def d_text(effect: Effect) -> str:
    """Cohen's d_z with two digits; a dash where there is none."""
    if math.isnan(effect.d_z):
        return "–"
    return number(effect.d_z, 2) if abs(effect.d_z) < _LARGEST_D else ">100" if effect.d_z > 0 else "<−100"


def p_text(effect: Effect) -> str:
    """The p-value with three digits; a dash where there is none."""
    return number(effect.p)


def value_text(values: Sequence[float] | np.ndarray, unit: str) -> str:
    """Mean of one side of a comparison; ``never`` where an event never happens."""
    array = np.asarray(values, dtype=np.float64)
    if len(array) == 0:
        return "–"
    if np.isinf(array).any():
        return NEVER if np.isinf(array).all() else f"{NEVER} in {int(np.isinf(array).sum())} of {len(array)}"
    return f"{number(float(array.mean()))} {unit_label(unit)}".rstrip()


def as_csv(results: Sequence[ClaimResult]) -> str:
    """One line for each comparison of every claim."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in results:
        claim = result.checked.claim
        for c in result.comparisons:
            effect = c.effect or Effect(len(c.replicates), math.nan)
            writer.writerow(
                [
                    *(
                        claim.id,
                        claim.says,
                        result.verdict,
                        result.reason,
                        _flat(claim.test),
                        c.text,
                        c.verdict,
                    ),
                    *(
                        effect.n,
                        _mean(c.left),
                        _mean(c.right),
                        *map(_cell, (effect.mean, effect.low, effect.high)),
                    ),
                    *(c.unit, effect.level, effect.method, _cell(effect.d_z), _cell(effect.p)),
                    *map("; ".join, (claim.source, claim.evidence, claim.contradicts, claim.contradicted_by)),
                    "; ".join(claim.remark),
                ]
            )
    return text.getvalue()


def _flat(text: str) -> str:
    return " ".join(text.split())


def _mean(values: np.ndarray) -> str:
    if len(values) == 0:
        return ""
    return NEVER if np.isinf(values).any() else repr(float(values.mean()))


def _cell(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))


def as_document(
    results: Sequence[ClaimResult], experiment: Experiment, groups: RunGroups, level: float
) -> dict[str, Any]:
    """Everything about the verdicts, ready for JSON; the same runs give the same bytes."""
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "title": experiment.base.title,
        "seed": sorted({run.seed for run in groups.runs}),
        "arms": {arm: [run.replicate for run in runs] for arm, runs in groups.items()},
        "made_by": sorted({origin(run) for run in groups.runs}),
        "notices": list(groups.notices),
        "level": level,
        "resamples": RESAMPLES,
        "verdicts": counts(results),
        "claims": [_claim(result) for result in results],
    }


def to_json(document: dict[str, Any]) -> str:
    """Text of the document."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _claim(result: ClaimResult) -> dict[str, Any]:
    claim = result.checked.claim
    return {
        **claim.model_dump(mode="json"),
        "references": list(result.checked.references),
        "verdict": str(result.verdict),
        "reason": result.reason,
        "comparisons": [_comparison(c) for c in result.comparisons],
    }


def _comparison(result: ComparisonResult) -> dict[str, Any]:
    effect = result.effect
    found: dict[str, Any] = {
        "text": _flat(result.text),
        "operator": result.comparison.operator,
        "verdict": str(result.verdict),
        "reason": result.reason,
        "unit": result.unit,
        "replicates": list(result.replicates),
        "left": [_plain(value) for value in result.left],
        "right": [_plain(value) for value in result.right],
    }
    if effect is not None:
        numbers = ("mean", "low", "high", "sd", "d_z", "p")
        found |= {name: _plain(getattr(effect, name)) for name in numbers}
        found |= {"n": effect.n, "level": effect.level, "method": effect.method}
    return found


def _plain(value: float) -> float | str | None:
    """JSON has neither nan nor infinity."""
    if math.isnan(value):
        return None
    return float(value) if math.isfinite(value) else NEVER
