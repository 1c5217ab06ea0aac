"""What is simulated of each arm: as long as its last target needs, read out only where targets lie."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from abm.analysis.experiment import CONTROL
from abm.analysis.groups import RunGroups
from abm.analysis.quantities import READOUT_REGION, REFERENCE, Quantity, evaluate
from abm.analysis.target_files import TargetSet
from abm.calibrate.recorded import Frame, RecordedRun, Values, Wanted, picked, stacked
from abm.calibrate.targets import Aim
from abm.errors import CompileError, Fault, RecordError
from abm.scenario.load import Experiment
from abm.scenario.quantity import Quantity as PhysicalQuantity
from abm.scenario.schema.scenario import Scenario
from abm.units import readable

if TYPE_CHECKING:
    from abm.compile.model import Model
    from abm.record import Run

_WHOLE = 1e-6  # a day this near to a tick [ticks] is that tick


@dataclass(frozen=True)
class ArmPlan:
    """How one arm is simulated.

    Attributes
    ----------
    frame : Frame
        What is kept of it.
    scenario : Scenario
        With the values before fitting; as long as needed.
    ticks : tuple of int
        When it is read out, ascending from 0.
    tick_minutes : float [min]
    """

    frame: Frame
    scenario: Scenario
    ticks: tuple[int, ...]
    tick_minutes: float

    @property
    def days(self) -> float:
        """Length [d]."""
        return self.ticks[-1] * self.tick_minutes / 1440.0

    @property
    def time(self) -> np.ndarray:
        """When it is read out [d], as a result file has it."""
        return np.array([tick * self.tick_minutes / 1440.0 for tick in self.ticks])

    def recorded(self, replicate: int, values: Values) -> RecordedRun:
        """A run of this arm from what was kept of it."""
        return RecordedRun(self.frame, replicate, self.time, values)


def plan_arms(
    experiment: Experiment, aims: Sequence[Aim], targets: TargetSet, faults: list[Fault]
) -> dict[str, ArmPlan]:
    """Plans of all arms that the targets need, the control arm of the folds included.

    The naive tissue of each is built once to see that every quantity can be computed.
    """
    quantities = {aim.target.quantity: targets.quantities[aim.target.quantity] for aim in aims}
    wanted_arms = list(dict.fromkeys(aim.target.arm for aim in aims))
    naive = {}
    looked_at = [arm for arm in experiment.arms if arm in wanted_arms or _may_be_control(experiment, arm)]
    for arm in looked_at:
        try:
            naive[arm] = _naive(experiment, arm)
        except CompileError as error:
            faults.append(Fault(f"the arm cannot be simulated: {error}", path=f"arms.{arm}"))
    if len(naive) < len(looked_at):
        return {}
    groups = grouped({arm: [run] for arm, run in naive.items()})
    control = groups.arm_with_role(CONTROL)
    needed: dict[str, set[float]] = {arm: set() for arm in wanted_arms}
    series: dict[str, list[Quantity]] = {arm: [] for arm in wanted_arms}
    for aim in aims:
        arm, quantity = aim.target.arm, quantities[aim.target.quantity]
        day = aim.target.day + groups.experiments[arm].injury_day
        sources = [arm]
        if quantity.relative_to == REFERENCE and control is not None and control != arm:
            sources.append(control)
        for source in sources:
            needed.setdefault(source, set()).add(day)
            series.setdefault(source, []).append(quantity)
    plans = {}
    for arm in looked_at:
        if arm not in needed:
            continue
        scenario, region = experiment.arms[arm], groups.experiments[arm].readout_region
        ticks = _ticks(arm, scenario, sorted(needed[arm]), faults)
        wanted = _wanted(series[arm], region)
        if ticks:
            plans[arm] = _plan(experiment, arm, scenario, ticks, naive[arm], wanted)
    _try_quantities(groups, aims, quantities, faults)
    _same_clock(plans, control, faults)
    return plans


def _may_be_control(experiment: Experiment, arm: str) -> bool:
    """Whether the analysis could take an arm as the control; spares it looking at the others."""
    scenario = experiment.arms[arm]
    kinds = (injury.kind.lower() for injury in scenario.injuries)
    return not scenario.interventions and all(kind.startswith("sham") for kind in kinds)


def grouped(runs: dict[str, list[RecordedRun]]) -> RunGroups:
    """Runs in memory by arm, as the analysis takes result files."""
    # A RecordedRun has all that quantities are computed from; nothing else of a Run is asked for.
    return RunGroups(cast("dict[str, list[Run]]", runs))


def _naive(experiment: Experiment, arm: str) -> RecordedRun:
    """The tissue of an arm before the first step, with every series."""
    from abm.compile.build import compile_model
    from abm.engine.readout import dimensions, read_out, series
    from abm.engine.run import replicate_seed
    from abm.engine.state import new_state

    model = compile_model(experiment.arms[arm], replicate_seed(experiment.seed, 0))
    labels = {d.name: tuple(map(str, d.labels)) for d in dimensions(model)}
    wanted = {one.name: {dim: labels[dim] for dim in one.dims} for one in series(model)}
    units = {one.name: one.unit for one in series(model)}
    shape = model.grid.shape
    x, y, z = (axis.reshape(-1) for axis in model.grid.centres())
    frame = Frame(
        arm=arm,
        scenario_text=experiment.arm_text(arm),
        seed=experiment.seed,
        coordinates={"x": x, "y": y, "z": z},
        tissue=model.tissue.reshape(shape) != 0,
        regions={
            name: mask.reshape(shape) != 0
            for name, mask in zip(model.names.regions, model.regions, strict=True)
        },
        wanted=wanted,
        units=units,
    )
    readout = read_out(model, new_state(model))
    values = stacked([picked(readout, wanted, known_labels(model))])
    return RecordedRun(frame, 0, np.zeros(1), values)


def known_labels(model: Model) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Labels of each dimension of every series a model reads out."""
    from abm.engine.readout import dimensions, series

    labels = {d.name: tuple(map(str, d.labels)) for d in dimensions(model)}
    return {one.name: tuple(labels[dim] for dim in one.dims) for one in series(model)}


def _plan(
    experiment: Experiment, arm: str, scenario: Scenario, ticks: list[int], naive: RecordedRun, wanted: Wanted
) -> ArmPlan:
    tick = float(scenario.time.field_step)
    minutes = ticks[-1] * tick
    duration = PhysicalQuantity(minutes, unit="min", given=readable(minutes, "min"))
    time = scenario.time.model_copy(update={"duration": duration})
    made = naive.frame
    frame = Frame(
        arm=arm,
        scenario_text=made.scenario_text,
        seed=experiment.seed,
        coordinates=made.coordinates,
        tissue=made.tissue,
        regions=made.regions,
        wanted={
            name: {dim: wanted[name][dim] for dim in dims if dim in wanted[name]}
            for name, dims in made.wanted.items()
            if name in wanted
        },
        units=made.units,
    )
    return ArmPlan(frame, scenario.model_copy(update={"time": time}), tuple(ticks), tick)


def _wanted(quantities: Iterable[Quantity], region: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """Series and labels that some quantities read; the dimensions in the order of the definitions."""
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for quantity in quantities:
        kept = found.setdefault(quantity.series, {})
        for dim, label in quantity.select.items():
            real = region if dim == "region" and label == READOUT_REGION else label
            kept[dim] = tuple(dict.fromkeys((*kept.get(dim, ()), real)))
    return found


def _ticks(arm: str, scenario: Scenario, days: list[float], faults: list[Fault]) -> list[int]:
    """Readouts around every day, those of a real run: quantities are linear between them."""
    tick, end = float(scenario.time.field_step), float(scenario.time.duration)
    last = round(end / tick)
    interval = round(float(scenario.record.readout) / tick)
    if interval == 0:
        faults.append(Fault("record.readout is off, so no target can be read", path=f"arms.{arm}"))
        return []
    ticks = {0}
    beyond = [day for day in days if day * 1440.0 / tick > last + _WHOLE]
    if beyond:
        listed = ", ".join(f"{day:.4g}" for day in beyond)
        message = (
            f"the runs end on day {end / 1440.0:.4g}, but there are targets on day {listed}; "
            "lengthen them with the setting time.duration, or leave targets out with until"
        )
        faults.append(Fault(message, path=f"arms.{arm}"))
    for day in (day for day in days if day not in beyond):
        at = day * 1440.0 / tick
        below = math.floor(at / interval + _WHOLE / interval) * interval
        ticks.add(below)
        if at - below > _WHOLE:
            ticks.add(min(below + interval, last))
    return sorted(ticks)


def _try_quantities(
    groups: RunGroups, aims: Sequence[Aim], quantities: dict[str, Quantity], faults: list[Fault]
) -> None:
    """Report quantities that the arms cannot show."""
    for arm, name in dict.fromkeys((aim.target.arm, aim.target.quantity) for aim in aims):
        try:
            evaluate(quantities[name], groups, arm)
        except RecordError as error:
            faults.append(Fault(f"{name!r} cannot be computed: {error}", path=f"arms.{arm}"))


def _same_clock(plans: dict[str, ArmPlan], control: str | None, faults: list[Fault]) -> None:
    """Folds divide by the control at the same times, so both must be read out then."""

    def clock(plan: ArmPlan) -> tuple[float, ...]:
        return plan.tick_minutes, float(plan.scenario.record.readout)

    if control not in plans:
        return
    for arm, plan in plans.items():
        if clock(plan) != clock(plans[control]):
            message = (
                f"has other steps or another interval of readouts than {control!r}, which folds divide by"
            )
            faults.append(Fault(message, path=f"arms.{arm}"))
