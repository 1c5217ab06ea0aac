"""``abm check``: everything that can be known without running."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from abm.cli.options import AsJson, ScenarioFile, Settings
from abm.cli.wording import counted

if TYPE_CHECKING:
    from abm.errors import Fault
    from abm.scenario.load import Experiment


def check(
    file: ScenarioFile,
    sets: Settings = None,
    arm: Annotated[
        str | None, typer.Option(metavar="NAME", help="Arm to explain; the first by default.")
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="Schedule, derived numbers, cost, rules in words, source of every value."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Find every fault of a scenario file; say what its runs will cost."""
    from abm.errors import ScenarioError
    from abm.scenario.load import load_experiment

    try:
        experiment = load_experiment(file, sets or ())
    except ScenarioError as error:
        if not as_json:
            raise
        _print_json({"file": str(file), "ok": False, "faults": _faults(error.faults)})
        raise typer.Exit(error.exit_code) from None
    if as_json:
        _print_json(_as_json(file, experiment))
        return
    _print_text(file, experiment, arm, explain)


def _print_text(file: Path, experiment: Experiment, arm: str | None, explain: bool) -> None:
    from abm.cli.failure import say
    from abm.scenario import explain as told
    from abm.study.arms import chosen_arms

    (shown,) = chosen_arms(experiment, [arm]) if arm else (next(iter(experiment.arms)),)
    for fault in experiment.warnings:
        say(str(fault).replace(": error:", ": warning:", 1))
    if explain:
        print(told.as_text(told.explain(experiment, shown)), end="")
        return
    scenario = experiment.arms[shown]
    print(f"{file}: no faults")
    claims = f"; {counted(len(experiment.claims), 'claim')}" if experiment.claims else ""
    print(f"{scenario.title}: {', '.join(experiment.arms)}; {scenario.time.duration / 1440.0:g} d{claims}\n")
    print(told.as_text((told.tissue(scenario), told.cost(experiment, scenario))), end="")
    print(f"\nabm check {file} --explain says more.")


def _as_json(file: Path, experiment: Experiment) -> dict[str, Any]:
    from dataclasses import asdict

    from abm.scenario.cost import estimate

    return {
        "file": str(file),
        "ok": True,
        "title": experiment.base.title,
        "replicates": experiment.replicates,
        "seed": experiment.seed,
        "arms": {
            name: {
                "days": float(scenario.time.duration) / 1440.0,
                "cost_of_one_run": asdict(estimate(scenario)),
            }
            for name, scenario in experiment.arms.items()
        },
        "claims": len(experiment.claims),
        "warnings": _faults(experiment.warnings),
    }


def _faults(faults: Sequence[Fault]) -> list[dict[str, Any]]:
    from dataclasses import asdict

    return [asdict(fault) for fault in faults]


def _print_json(document: dict[str, Any]) -> None:
    import json

    print(json.dumps(document, indent=1, ensure_ascii=False))
