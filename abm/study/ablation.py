"""Ablation: an experiment once intact, and once for every rule and intervention with that one switched off.

All runs of one replicate share their noise, so a difference between two of them is due to what was switched
off alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from abm.analysis.ablation import Ablated
from abm.engine.run import replicate_seed
from abm.errors import Fault, RecordError, ScenarioError
from abm.scenario.cost import estimate
from abm.scenario.load import Experiment
from abm.scenario.nodes import nearest
from abm.study.ablation_changes import changes_in
from abm.study.ablation_variants import INTACT, Skipped, Variant, variants_of, with_small_records
from abm.study.arms import chosen_arms
from abm.study.job import Job, RunResult, Watcher
from abm.study.plan import Plan, file_name, plan_runs
from abm.study.runner import Silence, execute

MOST_PROBLEMS = 6
RUN_SECONDS = 0.6  # of compiling the model and writing the file, beside the steps; measured on small tissue


@dataclass(frozen=True)
class AblationPlan:
    """What an ablation will run.

    Attributes
    ----------
    experiment : Experiment
        Intact; the chosen arms, with readouts as the only records.
    folder : Path
        ``intact/`` and a folder for every variant.
    variants : tuple of Variant
    skipped : tuple of Skipped
    runs : Plan
        Empty while only looking.
    """

    experiment: Experiment
    folder: Path
    variants: tuple[Variant, ...]
    skipped: tuple[Skipped, ...]
    runs: Plan

    @property
    def n_run(self) -> int:
        """Runs in all, those of the intact experiment included."""
        arms = len(self.experiment.arms) + sum(len(v.experiment.arms) for v in self.variants)
        return arms * self.experiment.replicates

    def seconds(self, processes: int) -> float:
        """Estimated wall time of all runs, good to a factor of two."""
        made = (self.experiment, *(v.experiment for v in self.variants))
        whole = sum(
            estimate(scenario).seconds + RUN_SECONDS for one in made for scenario in one.arms.values()
        )
        return whole * self.experiment.replicates / min(processes, max(1, self.n_run))

    def ablated(self) -> list[Ablated]:
        """Where the runs of every variant are, the intact experiment first."""
        intact = Ablated("intact", "intact", self._files(INTACT, list(self.experiment.arms)))
        return [
            intact,
            *(
                Ablated(
                    v.name, v.kind, self._files(v.folder, list(v.experiment.arms)), v.unchanged, v.same_as
                )
                for v in self.variants
            ),
        ]

    def _files(self, folder: str, arms: Sequence[str]) -> dict[str, dict[int, Path]]:
        n = self.experiment.replicates
        return {arm: {r: self.folder / folder / file_name(arm, r, n) for r in range(n)} for arm in arms}


def plan_ablation(
    experiment: Experiment,
    folder: str | Path,
    *,
    arms: Sequence[str] | None = None,
    only: Sequence[str] = (),
    kinds: Sequence[str] = (),
    force: bool = False,
    resume: bool = False,
    look: bool = False,
    measure: str = "threshold",
    by: str | None = None,
    command: Sequence[str] = (),
) -> AblationPlan:
    """Decide what to switch off and which runs that takes.

    Parameters
    ----------
    arms : sequence of str, optional
        Only these arms.
    only : sequence of str
        Names, parts of names, or patterns with ``*`` and ``?``; everything when empty.
    kinds : sequence of str
        Only terms, responses or interventions; all when empty.
    force, resume
        As for `abm.study.runner.run_experiment`.
    look : bool
        Plan no runs: whatever is on disk is left unread.
    measure, by : str
        What the ranking will ask for (`abm.analysis.ablation.rank_ablations`): it must exist, which is said
        now and not after hours of simulation.

    Raises
    ------
    ScenarioError
        No such arm, nothing of that name, or nothing to rank by.
    RecordError
        Result files are in the way.
    """
    lean = with_small_records(experiment, chosen_arms(experiment, arms))
    names = list(lean.arms)
    _check_ranking(lean, measure, by)
    chosen = selected(lean, only, kinds)
    seed = replicate_seed(lean.seed, 0)
    variants, skipped = variants_of(lean, names, seed, lambda name, kind: (name, kind) in chosen)
    plan = AblationPlan(lean, Path(folder), tuple(variants), tuple(skipped), Plan())
    if not variants:
        reasons = "; ".join(f"{s.name}: {s.reason}" for s in skipped)
        raise ScenarioError([Fault(f"nothing is left to switch off ({reasons or 'there are no rules'})")])
    if look:
        return plan
    return replace(plan, runs=_runs(plan, force, resume, command))


def _check_ranking(experiment: Experiment, measure: str, by: str | None) -> None:
    """Refuse what could not be ranked once all runs are made."""
    faults = []
    for arm, scenario in experiment.arms.items():
        if scenario.readout is None:
            faults.append(Fault(f"arm {arm} has no 'readout', so there is no pain to rank by"))
        elif measure == "threshold" and scenario.readout.withdrawal_threshold is None:
            faults.append(
                Fault(f"arm {arm} has no withdrawal threshold; --measure nociception ranks by the signal")
            )
    outcomes = [f"pain in {arm}" for arm in experiment.arms]
    outcomes += [f"relief by {arm}" for arm, scenario in experiment.arms.items() if scenario.interventions]
    if by is not None and by not in outcomes:
        faults.append(Fault(f"no outcome {by!r}{nearest(by, outcomes)}; there are {', '.join(outcomes)}"))
    if faults:
        raise ScenarioError(faults)


def selected(experiment: Experiment, only: Sequence[str], kinds: Sequence[str]) -> set[tuple[str, str]]:
    """Name and kind of everything that is to be switched off."""
    known: dict[tuple[str, str], None] = {}

    def note(name: str, kind: str) -> bool:
        known[name, kind] = None
        return False

    for arm, scenario in experiment.arms.items():
        for _ in changes_in(scenario, experiment.arm_documents[arm], 0, note):
            pass
    possible = {(name, kind) for name, kind in known if not kinds or kind in kinds}
    faults, chosen = [], set() if only else possible
    for text in only:
        found = {(name, kind) for name, kind in possible if name.lower() == text.lower()}
        found = found or {(name, kind) for name, kind in possible if _fits(name.lower(), text.lower())}
        if not found:
            near = nearest(text, [name for name, _ in possible])
            faults.append(
                Fault(f"--only {text!r}: no rule or intervention of that name{near}; --list names all")
            )
        chosen |= found
    if faults:
        raise ScenarioError(faults)
    return chosen


def _fits(name: str, text: str) -> bool:
    return fnmatchcase(name, text) if set("*?") & set(text) else text in name


def _runs(plan: AblationPlan, force: bool, resume: bool, command: Sequence[str]) -> Plan:
    """The runs of all variants, or everything that forbids them."""
    whole, problems = Plan(), []
    made = [(INTACT, plan.experiment), *((v.folder, v.experiment) for v in plan.variants)]
    for folder, experiment in made:
        try:
            part = plan_runs(experiment, plan.folder / folder, force=force, resume=resume, command=command)
        except RecordError as error:
            problems += str(error).splitlines()
            continue
        whole.jobs += part.jobs
        whole.skipped += part.skipped
    if problems:
        more = len(problems) - MOST_PROBLEMS
        shown = [*problems[:MOST_PROBLEMS], *([f"and {more} more of the kind"] if more > 0 else [])]
        raise RecordError("\n".join(shown))
    return whole


def run_ablation(
    plan: AblationPlan, *, threads: int = 1, processes: int | None = None, progress: Watcher | None = None
) -> list[RunResult]:
    """Make the runs of a plan; parameters as for `abm.study.runner.run_experiment`."""
    watcher = ByFile(Silence() if progress is None else progress)
    return execute(plan.runs, threads=threads, processes=processes, progress=watcher)


class ByFile:
    """A watcher between, which tells apart runs of the same arm and replicate in different variants."""

    def __init__(self, inner: Watcher) -> None:
        self.inner = inner

    def begin(self, jobs: list[Job], processes: int) -> None:
        """These runs are about to start."""
        self.inner.begin([_by_file(job) for job in jobs], processes)

    def advanced(self, job: Job, days: float) -> None:
        """Tell that a run has reached this simulated time [d]."""
        self.inner.advanced(_by_file(job), days)

    def ended(self, job: Job, result: RunResult) -> None:
        """One run is over."""
        self.inner.ended(_by_file(job), result)

    def stopping(self) -> None:
        """The user asked to stop."""
        self.inner.stopping()


def _by_file(job: Job) -> Job:
    return replace(job, arm=str(job.path))
