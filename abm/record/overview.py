"""What a result file holds, in words; printed by ``abm info``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from abm.record.layout import BRANCH, STATUS_RUNNING

if TYPE_CHECKING:
    from abm.record.reader import Run


def overview(run: Run) -> str:
    """Status, contents, summary and provenance of a result file."""
    lines = [
        f"{run.path}",
        f"  title       {run.title}",
        f"  run         arm {run.arm}, replicate {run.replicate}, seed {run.seed}",
        f"  status      {_status(run)}",
        f"  size        {_bytes(run.path.stat().st_size)}, format version {run.format_version}",
        "contents",
        f"  readout     {_times(run.time)}; {len(run.series_names)} series: {', '.join(run.series_names)}",
        f"  fields      {_times(run.field_times)}; {', '.join(run.cytokines)}",
        f"  cells       {_times(run.frame_times)}{_cells(run)}",
        f"  grid        {_grid(run)}",
        f"  regions     {', '.join(run.regions) or 'none'}",
        f"  events      {len(run.events)}",
        f"  checkpoints {_checkpoints(run)}",
    ]
    summary = run.summary
    if summary:
        lines.append("summary")
        width = max(map(len, summary))
        lines += [f"  {name:<{width}}  {item.value:.4g} {item.unit}" for name, item in summary.items()]
    lines.append("provenance")
    lines += [f"  {line}" for line in _provenance(run.provenance)]
    return "\n".join(lines)


def _status(run: Run) -> str:
    if run.status != STATUS_RUNNING:
        return f"{run.status}: {run.status_message}" if run.status_message else run.status
    if run.is_being_written:
        return "running"
    how = "continue it with `abm resume`" if run.checkpoint_ticks else "it has no checkpoint; run it again"
    return f"stopped without finishing (killed?); {how}"


def _times(times: NDArray[np.float64]) -> str:
    if len(times) == 0:
        return "none"
    points = "1 time" if len(times) == 1 else f"{len(times)} times"
    return f"{points}, {times[0]:g} to {times[-1]:g} d"


def _cells(run: Run) -> str:
    if len(run.frame_times) == 0:
        return ""
    last = run.frame(-1, columns=["id", "type"])
    kinds, counts = np.unique(last.names("type"), return_counts=True)
    return "; last: " + ", ".join(f"{count} {kind}" for kind, count in zip(kinds, counts, strict=True))


def _grid(run: Run) -> str:
    sizes = [len(run.coordinate(axis)) for axis in "xyz"]
    x = run.coordinate("x")
    spacing = f", spacing {x[1] - x[0]:g} um" if len(x) > 1 else ""
    return f"{' x '.join(map(str, sizes))} voxels{spacing}, {run.tissue.mean():.0%} tissue"


def _checkpoints(run: Run) -> str:
    days = [f"{tick * run.tick_minutes / 1440:g} d" for tick in run.checkpoint_ticks]
    return ", ".join(days) or "none"


def _provenance(text: str) -> list[str]:
    try:
        given = json.loads(text)
    except ValueError:
        return [text]
    if not isinstance(given, dict):
        return [text]
    return [
        f"{key}: {value if isinstance(value, str) else json.dumps(_brief(key, value))}"
        for key, value in given.items()
    ]


def _brief(key: str, value: Any) -> Any:
    """Of the run that a branch came from, all but its scenario, which is compressed and fills a screen."""
    if key != BRANCH or not isinstance(value, dict):
        return value
    return {name: _brief(name, below) for name, below in value.items() if name != "scenario"}


def _bytes(size: float) -> str:
    for unit in ("bytes", "KB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"
