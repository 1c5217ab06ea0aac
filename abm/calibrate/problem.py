"""A calibration ready to be run: parameters, targets, arms, and how far a point is from the targets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from abm.analysis.quantities import evaluate
from abm.analysis.statistics import mean_interval
from abm.analysis.target_files import TargetSet
from abm.analysis.targets import Report, compare_with_targets
from abm.calibrate.arms import ArmPlan, grouped
from abm.calibrate.journal import Key, Origin, run_key
from abm.calibrate.parameters import Parameter, settings_at
from abm.calibrate.recorded import RecordedRun, Values
from abm.calibrate.schema import FitFile
from abm.calibrate.targets import Aim
from abm.provenance import text_fingerprint
from abm.scenario.load import Experiment
from abm.scenario.nodes import KeyPath, dotted
from abm.scenario.quantity import Quantity

_CODE = ("compile", "engine", "kernels", "state")
_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Problem:
    """What is fitted to what.

    Attributes
    ----------
    path : Path
        The fit file.
    scenario_path : Path
        The scenario file it names.
    file : FitFile
        Options.
    experiment : Experiment
        The scenario with the settings of the fit file.
    parameters : tuple of Parameter
    aims : tuple of Aim
        Targets with their weights.
    targets : TargetSet
        The same targets, and the quantities they are given in.
    plans : mapping of str to ArmPlan
        Arms that are simulated.
    places : mapping of str to mapping
        Arm -> path as `--set` has it -> path inside the arm's scenario, of all values that parameters set
        there.
    """

    path: Path
    scenario_path: Path
    file: FitFile
    experiment: Experiment
    parameters: tuple[Parameter, ...]
    aims: tuple[Aim, ...]
    targets: TargetSet
    plans: Mapping[str, ArmPlan]
    places: Mapping[str, Mapping[KeyPath, KeyPath]]

    @property
    def replicates(self) -> int:
        """Runs of every arm at every point."""
        return self.experiment.replicates

    @property
    def seed(self) -> int:
        """Start of all randomness."""
        return self.experiment.seed

    @property
    def weights(self) -> NDArray[np.float64]:
        """Weight of every target, (n_target,)."""
        return np.array([aim.weight for aim in self.aims])

    @property
    def start(self) -> tuple[float, ...]:
        """Numbers of all parameters where the search starts."""
        return tuple(parameter.number(parameter.position(parameter.start)) for parameter in self.parameters)

    @property
    def days(self) -> float:
        """Simulated days of one evaluation."""
        return self.replicates * sum(plan.days for plan in self.plans.values())

    def origin(self) -> Origin:
        """What the runs depend on beside their values."""
        plain_text = replace(self.experiment, replicates=1)
        arms = {arm: text_fingerprint(plain_text.arm_text(arm)) for arm in self.plans}
        return Origin(arms, _code_fingerprint())

    def runs(self, numbers: Sequence[float]) -> dict[Key, Mapping[KeyPath, Quantity]]:
        """The runs that evaluating a point takes: key -> values inside the arm's scenario.

        A parameter that an arm does not use is not part of its key: such a run is made once for many points.
        """
        settings = settings_at(self.parameters, numbers)
        found: dict[Key, Mapping[KeyPath, Quantity]] = {}
        # The longest first: what is left when a batch ends is short.
        for arm in sorted(self.plans, key=lambda name: -self.plans[name].days):
            values = {inside: settings[path] for path, inside in self.places[arm].items()}
            texts = {dotted(inside): value.given for inside, value in values.items()}
            for replicate in range(self.replicates):
                found[run_key(arm, replicate, texts)] = values
        return found

    def recorded(self, runs: Mapping[Key, Values]) -> dict[str, list[RecordedRun]]:
        """Runs of one point by arm, as the analysis takes them."""
        by_arm: dict[str, list[RecordedRun]] = {arm: [] for arm in self.plans}
        for (arm, replicate, _), values in runs.items():
            by_arm[arm].append(self.plans[arm].recorded(replicate, values))
        return by_arm

    def values(self, runs: Mapping[Key, Values]) -> NDArray[np.float64]:
        """Simulated value of every target in every replicate, (n_target, n_replicate); nan where none.

        Computed by the functions that compare result files with targets (:mod:`abm.analysis.targets`).
        """
        groups = grouped(self.recorded(runs))
        pairs = dict.fromkeys((aim.target.arm, aim.target.quantity) for aim in self.aims)
        curves = {(arm, name): evaluate(self.targets.quantities[name], groups, arm) for arm, name in pairs}
        rows = []
        for aim in self.aims:
            arm, name = aim.target.arm, aim.target.quantity
            rows.append(curves[arm, name].at(aim.target.day + groups.experiments[arm].injury_day))
        return np.array(rows, dtype=np.float64).reshape(len(self.aims), self.replicates)

    def report(self, runs: Mapping[Key, Values]) -> Report:
        """The table that `abm plot` prints for result files with the same runs."""
        return compare_with_targets(grouped(self.recorded(runs)), self.targets)

    def residuals(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """√weight · z of every target for its mean over replicates, (n_target,).

        z is (simulated − target) / tolerance; on the right side of a bound it is 0.
        """
        means = mean_interval(values.T).mean
        return np.sqrt(self.weights) * self.deviations(means)

    def deviations(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        """Deviation z of every target for its simulated mean, 0 on the right side of a bound."""
        found = np.empty(len(self.aims))
        for i, (aim, mean) in enumerate(zip(self.aims, means, strict=True)):
            z = (mean - aim.target.mean) / aim.target.tolerance
            if aim.target.bound == "upper":
                z = max(0.0, z)
            elif aim.target.bound == "lower":
                z = min(0.0, z)
            found[i] = z
        return found

    def rms(self, residuals: NDArray[np.float64]) -> float:
        """Root of the weighted mean square of z: 1 means that targets are missed by one tolerance."""
        return math.sqrt(float(np.sum(residuals**2)) / float(np.sum(self.weights)))


def _code_fingerprint() -> str:
    """Of the code that simulates, 16 hexadecimal digits."""
    files = [file for room in _CODE for file in sorted((_PACKAGE / room).glob("*.py"))]
    texts = [f"{file.parent.name}/{file.name}\n{file.read_text(encoding='utf-8')}" for file in files]
    return text_fingerprint("\0".join(texts))[:16]
