"""What ``abm sweep plan`` and ``abm sweep status`` print."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from abm.cli.outcome import duration
from abm.cli.wording import counted

if TYPE_CHECKING:
    from abm.sweep.plan import Planned
    from abm.sweep.status import SweepStatus


def forecast_lines(planned: Planned) -> Iterator[str]:
    """What was planned and what it will take."""
    manifest, forecast = planned.manifest, planned.forecast
    axes = ", ".join(
        f"{axis.name} ({counted(len(axis.nodes), 'value') if axis.nodes else 'sampled'})"
        for axis in manifest.design.axes
    )
    yield f"{manifest.folder}: no faults"
    yield f"{manifest.title}: {axes}".removeprefix(": ")
    points, arms = len(manifest.design), len(manifest.arms)
    parts = [counted(points, "point"), counted(arms, "arm"), counted(manifest.replicates, "replicate")]
    yield f"cases       {manifest.n_case} = {' x '.join(parts)}"
    same = manifest.n_case - manifest.n_run
    yield f"runs        {manifest.n_run}" + (f" ({same} cases are the same as others)" if same else "")
    checked, scenarios = planned.checked, len(manifest.scenarios)
    rest = "all" if checked == scenarios else f"{checked}; each of the others when its run starts"
    yield f"checked     {rest} of {counted(scenarios, 'scenario')}"
    if forecast.known:
        yield f"known       {forecast.known} runs are complete in this folder; {forecast.runs} to be made"
    kind = "as the runs so far" if forecast.measured else "estimate, good to a factor of two"
    yield f"time        {forecast.core_hours:.3g} core-hours ({kind})"
    yield f"memory      {forecast.memory / 1e6:.0f} MB per worker"
    yield f"disk        {_bytes(forecast.disk)} at most, before compression"
    yield f"files       about {forecast.files} on a cluster; on one machine one per worker"
    yield f"chunk       {counted(manifest.chunk, 'run')} per job of a cluster"
    yield f"To run it: abm sweep run {manifest.folder}"


def forecast_as_json(planned: Planned) -> str:
    """The same as one JSON document."""
    manifest = planned.manifest
    document = {
        "folder": str(manifest.folder),
        "cases": manifest.n_case,
        "runs": manifest.n_run,
        "scenarios": len(manifest.scenarios),
        "checked": planned.checked,
        "chunk": manifest.chunk,
        "forecast": asdict(planned.forecast),
    }
    return json.dumps(document, indent=1)


def status_lines(status: SweepStatus) -> Iterator[str]:
    """A table of how far a sweep is."""
    if status.title:
        yield status.title
    same = f" for {status.cases} cases" if status.cases != status.runs else ""
    yield f"runs        {status.runs}{same}"
    yield f"complete    {status.complete} ({status.complete / max(status.runs, 1):.1%})"
    yield f"failed      {status.failed}"
    yield f"missing     {status.missing}"
    writing = f"{counted(len(status.writers), 'process')}".replace("processs", "processes")
    hosts = ", ".join(dict.fromkeys(status.writers))
    yield f"writing     {writing}{f' on {hosts}' if hosts else ''}; {counted(status.shards, 'shard')}"
    if status.rate > 0.0 and status.missing:
        left = "" if math.isnan(status.seconds_left) else f", {duration(status.seconds_left)} left"
        yield f"rate        {60.0 * status.rate:.3g} runs/min{left}"
    yield f"time        {status.core_seconds / 3600.0:.3g} core-hours so far"
    if status.complete:
        yield f"slowest     {duration(status.slowest[1])}: {status.slowest[0]}"
    for reason, count, example in status.reasons:
        yield f"failed      {count}: {reason} (e.g. {example})"
    if status.unused:
        yield f"unused      {status.unused} rows in the folder belong to no run of this plan"
    for text in status.unreadable:
        yield f"unreadable  {text}"


def status_as_json(status: SweepStatus) -> str:
    """The same as one JSON document."""
    document = asdict(status)
    if math.isnan(status.seconds_left):
        document["seconds_left"] = None
    if math.isnan(status.slowest[1]):
        document["slowest"] = None
    return json.dumps(document, indent=1, ensure_ascii=False)


def _bytes(count: float) -> str:
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"
