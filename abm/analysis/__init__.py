"""From recorded runs to numbers: replicates, intervals, differences between arms, comparison with targets.

Everything here reads result files only; neither the engine nor the scenario language is needed.
"""

from abm.analysis.compare import paired_difference, percent_mpe, summary_table
from abm.analysis.curves import Curves, collect
from abm.analysis.groups import RunGroups, group_runs
from abm.analysis.statistics import Interval, mean_interval
from abm.analysis.targets import compare_with_targets, read_targets

__all__ = [
    "Curves",
    "Interval",
    "RunGroups",
    "collect",
    "compare_with_targets",
    "group_runs",
    "mean_interval",
    "paired_difference",
    "percent_mpe",
    "read_targets",
    "summary_table",
]
