"""The distinct scenarios behind the cases of a sweep, and those of them that are checked in full."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abm.errors import Fault, ScenarioError
from abm.scenario.cost import Cost, estimate
from abm.scenario.parts import in_order
from abm.scenario.schema.scenario import Scenario
from abm.sweep.design import generator
from abm.sweep.resolve import DIGEST_BYTES, checked
from abm.sweep.sweep_file import Sweep

#: So few scenarios are all checked in full.
CHECK_ALL = 1_000
#: Of an axis of listed values so many are checked, of one that is sampled so many.
CHECKED_VALUES, CHECKED_DRAWS = 1_000, 50
CHECKED_CORNERS, CHECKED_AT_RANDOM = 64, 200
_SHOWN_FAULTS = 20


@dataclass(frozen=True)
class Scenarios:
    """Distinct scenarios of a sweep, in the order in which its cases first need them.

    Attributes
    ----------
    digests : (n, 16) uint8
        Names.
    point, arm : (n,) int64
        Where each is needed first.
    of_case : (n_point * n_arm,) int64
        Scenario of every point and arm, the arm fastest.
    """

    digests: NDArray[np.uint8]
    point: NDArray[np.int64]
    arm: NDArray[np.int64]
    of_case: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.digests)


def distinct_scenarios(sweep: Sweep) -> Scenarios:
    """Resolve every point in every arm; an arm that does not follow an axis has one for all its values."""
    design, resolver = sweep.design, sweep.resolver
    followed = [
        [i for i, axis in enumerate(design.axes) if any(resolver.follows(arm, path) for path in axis.paths)]
        for arm in sweep.arms
    ]
    numbers: dict[bytes, int] = {}
    met: dict[tuple[int, bytes], int] = {}
    first: list[tuple[int, int]] = []
    of_case = np.empty(len(design) * len(sweep.arms), np.int64)
    for point in range(len(design)):
        settings = None
        for a, arm in enumerate(sweep.arms):
            key = a, design.values[point, followed[a]].tobytes()
            number = met.get(key)
            if number is None:
                settings = design.settings(point) if settings is None else settings
                digest = resolver.digest(resolver.document(arm, settings))
                number = numbers.setdefault(digest, len(numbers))
                if number == len(first):
                    first.append((point, a))
                met[key] = number
            of_case[point * len(sweep.arms) + a] = number
    digests = np.frombuffer(b"".join(numbers), np.uint8).reshape(-1, DIGEST_BYTES)
    where = np.array(first, np.int64).reshape(-1, 2)
    return Scenarios(digests, where[:, 0], where[:, 1], of_case)


def chosen_for_checking(sweep: Sweep, scenarios: Scenarios, everything: bool = False) -> NDArray[np.int64]:
    """Numbers of the scenarios that are checked in full, ascending.

    All where they are few.  Otherwise every listed value of every axis once (of very long lists and of
    distributions some, both ends among them), the corners of the space, and some cases at random.
    """
    if everything or len(scenarios) <= CHECK_ALL:
        return np.arange(len(scenarios))
    values = sweep.design.values
    points: set[int] = set()
    for i, axis in enumerate(sweep.design.axes):
        _, first = np.unique(values[:, i], return_index=True)
        most = CHECKED_VALUES if axis.spread is None else CHECKED_DRAWS
        if len(first) > most:
            first = first[np.round(np.linspace(0, len(first) - 1, most)).astype(np.int64)]
        points.update(first.tolist())
    points.update(_corners(values))
    rng = generator(sweep.experiment.seed, "checked")
    points.update(rng.integers(0, len(values), CHECKED_AT_RANDOM).tolist())
    arms = len(sweep.arms)
    return np.unique([scenarios.of_case[point * arms + a] for point in points for a in range(arms)])


def _corners(values: NDArray[np.float64]) -> list[int]:
    """Points that lie farthest out in directions with every combination of signs, at most so many."""
    spread = np.ptp(values, axis=0)
    scaled = (values - values.min(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    axes = values.shape[1]
    if 2**axes <= CHECKED_CORNERS:
        signs = 2.0 * (np.indices((2,) * axes).reshape(axes, -1).T) - 1.0
    else:
        signs = np.random.default_rng(0).choice([-1.0, 1.0], (CHECKED_CORNERS, axes))
    return [int(np.argmax(scaled @ sign)) for sign in signs]


@dataclass(frozen=True)
class Checked:
    """Scenarios that were checked in full.

    Attributes
    ----------
    numbers : (n,) int64
        Which.
    scenarios : list of Scenario
    costs : list of Cost
    """

    numbers: NDArray[np.int64]
    scenarios: list[Scenario]
    costs: list[Cost]


def check_scenarios(sweep: Sweep, scenarios: Scenarios, numbers: NDArray[np.int64]) -> Checked:
    """Check scenarios as ``abm check`` does.

    Raises
    ------
    ScenarioError
        With every fault found; those of values of the sweep file stand at their place in it.
    """
    faults: dict[tuple[str, int, int, str], Fault] = {}
    more = 0
    good: list[Scenario] = []
    for number in numbers:
        point, arm = int(scenarios.point[number]), sweep.arms[int(scenarios.arm[number])]
        scenario, found = checked(sweep.resolver.document(arm, sweep.design.settings(point)))
        for fault in found:
            key = fault.file, fault.line, fault.column, fault.message
            if key in faults or len(faults) >= _SHOWN_FAULTS:
                more += key not in faults
                continue
            faults[key] = Fault(
                f"{fault.message} (arm {arm}, {sweep.design.text(point)})",
                *(fault.file, fault.line, fault.column, fault.path, fault.source_line),
            )
        if scenario is not None:
            good.append(scenario)
    if faults:
        last = [Fault(f"{more} more faults of other cases are not shown", str(sweep.path))] if more else []
        raise ScenarioError([*in_order(list(faults.values()), str(sweep.path)), *last])
    return Checked(numbers, good, [estimate(scenario) for scenario in good])
