"""What every run of a sweep returns, declared before the first one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from abm.compile.build import compile_model
from abm.engine import readout
from abm.errors import CompileError, Fault, ScenarioError
from abm.record.layout import Column, Dimension, Series
from abm.record.summary import summarise
from abm.record.sweep_layout import FieldFrames, SweepDeclaration
from abm.record.sweep_merge import RESERVED
from abm.scenario.nodes import listed, nearest
from abm.scenario.parts import mark_at
from abm.scenario.schema.scenario import Scenario
from abm.sweep.axes import Axis
from abm.sweep.expand import Checked, Scenarios
from abm.sweep.sweep_file import Sweep

MINUTES_PER_DAY = 1440.0
_WHOLE = 1e-9


def summary_columns() -> tuple[Column, ...]:
    """Scalars of a pain curve, as the end of a result file has them."""
    flat = np.ones(2)
    return tuple(
        Column(name, "f8", unit, text) for name, _, unit, text in summarise(np.arange(2.0), flat, flat)
    )


def declare(sweep: Sweep, scenarios: Scenarios, checked: Checked) -> SweepDeclaration:
    """What every run returns; one model of every arm is built to know its series and grid.

    Raises
    ------
    ScenarioError
        There is no such series or cytokine, times do not fit the steps, or nothing would be returned.
    """
    faults: list[Fault] = []
    returns = sweep.file.returns
    has_threshold = any(
        s.readout is not None and s.readout.withdrawal_threshold is not None for s in checked.scenarios
    )
    summary = summary_columns() if returns.summary and has_threshold else ()
    wanted_models = bool(returns.series) or returns.fields is not None
    looked_at = _one_per_arm(scenarios, checked) if wanted_models else []
    dimensions, series = _series(sweep, looked_at, faults) if returns.series else ((), ())
    time = _times(sweep, checked, faults) if returns.series else ()
    frames = _frames(sweep, checked, looked_at, faults) if returns.fields is not None else None
    if not faults and not (summary or series or frames or returns.files):
        why = "" if has_threshold else ": without a threshold in the readout there is no summary"
        message = f"every run would return nothing{why}; name series, fields or files"
        faults.append(mark_at(sweep.document, ("returns",)).fault(message, "returns"))
    taken = {*(column.name for column in summary), *(one.name for one in series), *RESERVED}
    taken |= {dimension.name for dimension in dimensions}
    for axis in sweep.design.axes:
        if axis.name in taken:
            message = f"'{axis.name}' is returned under this name; give the axis another"
            mark = mark_at(sweep.document, ("vary", axis.name))
            faults.append(mark.fault(message, f"vary.{axis.name}"))
    if faults:
        raise ScenarioError(faults)
    return SweepDeclaration(
        parameters=tuple(parameter_column(axis) for axis in sweep.design.axes),
        summary=summary,
        dimensions=dimensions,
        series=series,
        time=time,
        fields=frames,
    )


def parameter_column(axis: Axis) -> Column:
    """Column of an axis in tables."""
    return Column(axis.name, "f8", axis.unit or "1", axis.label)


def _one_per_arm(scenarios: Scenarios, checked: Checked) -> list[Scenario]:
    arms = scenarios.arm[checked.numbers]
    return [checked.scenarios[int(np.flatnonzero(arms == arm)[0])] for arm in np.unique(arms)]


def _series(
    sweep: Sweep, looked_at: Sequence[Scenario], faults: list[Fault]
) -> tuple[tuple[Dimension, ...], tuple[Series, ...]]:
    """The series asked for, with the labels that any arm has."""
    labels: dict[str, dict[str | float, None]] = {}
    about: dict[str, Dimension] = {}
    known: dict[str, Series] = {}
    for scenario in looked_at:
        try:
            model = compile_model(scenario, 0)
        except CompileError as error:
            faults.append(mark_at(sweep.document, ("scenario",)).fault(str(error), "scenario"))
            continue
        for dimension in readout.dimensions(model):
            about.setdefault(dimension.name, dimension)
            labels.setdefault(dimension.name, {}).update(dict.fromkeys(dimension.labels))
        known |= {one.name: one for one in readout.series(model)}
    if not known:
        return (), ()
    chosen = []
    for i, name in enumerate(sweep.file.returns.series):
        if name in known:
            chosen.append(known[name])
            continue
        message = f"no series '{name}'{nearest(name, known)}; series: {listed(known, 60)}"
        faults.append(mark_at(sweep.document, ("returns", "series", i)).fault(message, f"returns.series.{i}"))
    used = {dim for one in chosen for dim in one.dims}
    dimensions = tuple(
        Dimension(name, tuple(found), about[name].unit, about[name].long_name)  # type: ignore[arg-type]
        for name, found in labels.items()
        if name in used
    )
    return dimensions, tuple(dict.fromkeys(chosen))


def interval(sweep: Sweep, scenario: Scenario) -> float:
    """Distance of the points of the series [min]; 0 where there are none."""
    every = sweep.file.returns.every
    return float(scenario.record.readout if every is None else every)


def _times(sweep: Sweep, checked: Checked, faults: list[Fault]) -> tuple[float, ...]:
    """Points of the series [d] up to the end of the longest run."""
    steps = {(interval(sweep, s), float(s.time.cell_step)) for s in checked.scenarios}
    mark = mark_at(sweep.document, ("returns", "every"))
    intervals = {every for every, _ in steps}
    if len(intervals) > 1:
        message = "record.readout differs between cases; say with 'every' how far apart the points are"
        faults.append(mark.fault(message, "returns.every"))
        return ()
    (every,) = intervals
    if every <= 0.0:
        faults.append(mark.fault("there are no readouts; give 'every'", "returns.every"))
        return ()
    for _, step in steps:
        if not _is_whole(every / step):
            message = f"{every:g} min is not a whole number of cell steps of {step:g} min"
            faults.append(mark.fault(message, "returns.every"))
            return ()
    end = max(float(scenario.time.duration) for scenario in checked.scenarios)
    return tuple(i * every / MINUTES_PER_DAY for i in range(int(end / every + _WHOLE) + 1))


def _is_whole(value: float) -> bool:
    return abs(value - round(value)) < _WHOLE * max(1.0, abs(value))


def _frames(
    sweep: Sweep, checked: Checked, looked_at: Sequence[Scenario], faults: list[Fault]
) -> FieldFrames | None:
    wanted = sweep.file.returns.fields
    assert wanted is not None
    grids = {(s.domain.size, s.domain.spacings) for s in checked.scenarios}
    where = ("returns", "fields")
    mark = mark_at(sweep.document, where)
    if len(grids) > 1:
        faults.append(
            mark.fault("the cases differ in their grid, so fields cannot be stacked", "returns.fields")
        )
        return None
    known = list(dict.fromkeys(name for s in looked_at for name in s.cytokines))
    cytokines = wanted.cytokines or tuple(known)
    for i, name in enumerate(cytokines):
        if name not in known:
            message = f"no cytokine '{name}'{nearest(name, known)}; cytokines: {listed(known)}"
            faults.append(mark_at(sweep.document, (*where, "cytokines", i)).fault(message, "returns.fields"))
    steps = {float(scenario.time.cell_step) for scenario in checked.scenarios}
    faults += [
        mark.fault(f"{minutes.given} is not a whole number of cell steps", "returns.fields.at")
        for minutes in wanted.at
        if not all(_is_whole(minutes / step) for step in steps)
    ]
    if faults:
        return None
    shape = compile_model(looked_at[0], 0).grid.shape
    times = tuple(sorted({float(minutes) / MINUTES_PER_DAY for minutes in wanted.at}))
    return FieldFrames(times, cytokines, tuple(int(n) for n in shape))
