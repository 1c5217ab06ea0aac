"""A tissue so small that a run takes milliseconds, with targets made from known values.

A wound releases a cytokine that decays; eight neurons add it up. Without motion, division or arrival there is
no chance in it: all replicates are alike, and the values behind the targets can be found again exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from abm.calibrate.load import load_problem
from abm.calibrate.parameters import numbers_at, positions_of
from abm.calibrate.problem import Problem
from abm.calibrate.simulate import Task, simulate

SCENARIO = """\
schema_version: 1
title: A wound
time: {duration: 12 h, cell_step: 10 min, field_step: 10 min}
record: {readout: 1 h}
domain: {size: [100 um, 100 um], spacing: 20 um, thickness: 20 um}
regions:
  site: {disc: {center: [50 um, 50 um], radius: 60 um}}
cytokines:
  A:
    diffusion: {value: 30 um^2/s, low: 5 um^2/s, high: 75 um^2/s}
    half_life: {value: 60 min, low: 20 min, high: 200 min}
    baseline: 10 pg/ml
injury_kinds:
  wound:
    drives: {acute: {amplitude: {value: 1, low: 0.2, high: 5}, decay: {value: 4 h, low: 1 h, high: 20 h}}}
    releases:
      - {cytokine: A, drive: acute, rate: {value: 2 pg/ml/min, low: 0.5 pg/ml/min, high: 10 pg/ml/min}}
  sham:
    drives: {acute: {amplitude: 0}}
cell_types:
  neuron:
    density: 40000 /mm^3
    placement: territories
    radius: 5 um
    variables:
      excitation:
        time_constant: {value: 2 h, low: 0.5 h, high: 8 h}
        target:
          base: 0
          adds:
            - signal: excess A
              amount: {value: 1, low: 0.1, high: 10}
              per: {value: 100 pg/ml, low: 10 pg/ml, high: 1000 pg/ml}
    behaviours:
      clearance: {value: 0 /h, low: 0 /h, high: 0.001 /h}
injuries: [{kind: wound, at: 0 d, site: site}]
readout:
  nociception: {cell_type: neuron, variable: excitation, region: site}
  withdrawal_threshold: {baseline: 1 g, floor: 0.03, half_signal: 0.5, power: 2}
arms:
  sham: {injuries: [{kind: sham, at: 0 d, site: site}]}
  wound: {}
  half: {injury_kinds: {wound: {drives: {acute: {amplitude: 0.5}}}}}
seed: 3
"""

TARGETS = """\
schema_version: 1
title: The wound
quantities:
  A:
    label: A (pg/ml)
    series: cytokine_by_region
    select: {cytokine: A, region: readout}
    unit: pg/ml
  A fold:
    label: A (fold)
    series: cytokine_by_region
    select: {cytokine: A, region: readout}
    relative_to: control
  threshold:
    label: Threshold
    series: withdrawal_threshold
    relative_to: start
targets:
"""

# Day, arm, quantity, name and tolerance; the means are those of the truth.
ROWS: tuple[tuple[float, str, str, str, float], ...] = (
    (0.05, "wound", "A", "T.1", 5.0),
    (0.125, "wound", "A", "T.1", 5.0),
    (0.25, "wound", "A", "T.1", 5.0),
    (0.25, "wound", "A fold", "T.2", 1.0),
    (0.25, "wound", "threshold", "T.3", 0.05),
    (0.4, "wound", "threshold", "T.3", 0.05),
)

PARAMETERS: Mapping[str, str] = {
    "rate": "{path: injury_kinds.wound.releases.0.rate, scale: log}",
    "half_life": "{path: cytokines.A.half_life, scale: log}",
    "amount": "{path: cell_types.neuron.variables.excitation.target.adds.0.amount, scale: log}",
}
PER = "{path: cell_types.neuron.variables.excitation.target.adds.0.per, scale: log}"
TRUTH: Mapping[str, float] = {"rate": 3.0, "half_life": 45.0, "amount": 0.5}


def write_toy(
    folder: Path,
    parameters: Mapping[str, str] = PARAMETERS,
    options: str = "",
    rows: Sequence[tuple[float, str, str, str, float]] = ROWS,
    means: Sequence[float] | None = None,
) -> Path:
    """Write scenario, targets and fit file; returns the fit file.

    Parameters
    ----------
    parameters : mapping of str to str
        Name to its entry in the fit file.
    options : str
        Further lines of the fit file.
    means : sequence of float, optional
        Of the targets; 1 when omitted.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "wound.yaml").write_text(SCENARIO, encoding="utf-8")
    values = [1.0] * len(rows) if means is None else means
    lines = [
        f"  - {{id: {name}, arm: {arm}, quantity: {quantity}, day: {day}, mean: {mean!r}, "
        f"tolerance: {tolerance}}}"
        for (day, arm, quantity, name, tolerance), mean in zip(rows, values, strict=True)
    ]
    (folder / "targets.yaml").write_text(TARGETS + "\n".join(lines) + "\n", encoding="utf-8")
    entries = "".join(f"  {name}: {text}\n" for name, text in parameters.items())
    fit = folder / "fit.yaml"
    fit.write_text(
        "schema_version: 1\ntitle: The wound\nscenario: wound.yaml\ntargets: {file: targets.yaml}\n"
        f"parameters:\n{entries}replicates: 1\n{options}",
        encoding="utf-8",
    )
    return fit


def values_at(problem: Problem, numbers: Sequence[float]) -> np.ndarray:
    """Simulated value of every target and replicate at a point, in this process, (n_target, n_replicate)."""
    runs = {}
    for number, (key, values) in enumerate(problem.runs(numbers).items()):
        arm, replicate, _ = key
        runs[key] = simulate(problem.plans[arm], Task(number, arm, replicate, values), problem.seed)
    return problem.values(runs)


def write_solved_toy(
    folder: Path,
    parameters: Mapping[str, str] = PARAMETERS,
    options: str = "",
    truth: Mapping[str, float] = TRUTH,
    rows: Sequence[tuple[float, str, str, str, float]] = ROWS,
) -> Path:
    """The toy with the targets that the truth gives, so that they can all be met exactly."""
    known = load_problem(write_toy(folder, {name: PARAMETERS[name] for name in truth}, rows=rows))
    numbers = tuple(truth[parameter.name] for parameter in known.parameters)
    # As written: the search can only propose numbers of so many digits.
    point = numbers_at(known.parameters, positions_of(known.parameters, numbers).tolist())
    means = values_at(known, point).mean(axis=1)
    return write_toy(folder, parameters, options, rows, [float(mean) for mean in means])
