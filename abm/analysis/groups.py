"""Result files by arm and replicate."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from abm.analysis.experiment import ROLES, VEHICLE, Experiment, read_experiment
from abm.errors import RecordError
from abm.record import Run, open_run
from abm.record.layout import STATUS_COMPLETE, STATUS_RUNNING


class RunGroups(Mapping[str, list[Run]]):
    """Open runs by arm; a context manager that closes them.

    Arms come in the order of their role (controls, then the injured without treatment, then the treated by
    their first dose), equal ones by name; replicates come by number.

    Attributes
    ----------
    experiments : dict of str to Experiment
        What was done in each arm.
    notices : list of str
        What a reader of the results must know: runs that are not complete, arms of unequal size,
        files of different programs or seeds.
    """

    def __init__(self, arms: Mapping[str, list[Run]], notices: Iterable[str] = ()) -> None:
        found = {arm: read_experiment(runs[0]) for arm, runs in arms.items()}
        order = sorted(arms, key=lambda arm: arm_rank(arm, found[arm]))
        self._arms = {arm: sorted(arms[arm], key=lambda run: run.replicate) for arm in order}
        self.experiments: dict[str, Experiment] = {arm: found[arm] for arm in order}
        self.notices = [*notices, *_differences(self._arms)]

    def __getitem__(self, arm: str) -> list[Run]:
        return self._arms[arm]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arms)

    def __len__(self) -> int:
        return len(self._arms)

    def __enter__(self) -> RunGroups:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every file."""
        for run in self.runs:
            run.close()

    @property
    def runs(self) -> list[Run]:
        """All runs, arm by arm."""
        return [run for runs in self._arms.values() for run in runs]

    def arm_with_role(self, role: str) -> str | None:
        """The first arm of a role (``control``, ``vehicle``, ``treated``), if there is one."""
        return next((arm for arm, made in self.experiments.items() if made.role == role), None)

    @property
    def vehicle(self) -> str | None:
        """The arm that treatments are measured against: injured, without treatment."""
        return self.arm_with_role(VEHICLE)

    def describe(self) -> str:
        """Arms and replicates in words, and the notices."""
        lines = [
            f"{arm}: replicates {', '.join(str(run.replicate) for run in runs)}; "
            f"to day {min(map(_last_day, runs)):g}"
            for arm, runs in self.items()
        ]
        return "\n".join([*lines, *self.notices])


def group_runs(paths: str | Path | Iterable[str | Path], *, finished_only: bool = False) -> RunGroups:
    """Open result files and sort them by arm and replicate.

    Parameters
    ----------
    paths : path or iterable of paths
        Files, or folders whose ``*.h5`` are taken.
    finished_only : bool
        Leave out runs that are not complete where their arm has a complete one; the notices name them.

    Raises
    ------
    RecordError
        A folder without result files, a file that is none, or two files of the same arm and replicate.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    arms: dict[str, list[Run]] = {}
    seen: dict[tuple[str, int], Path] = {}
    with ExitStack() as opened:
        for path in result_files(given):
            run = opened.enter_context(open_run(path))
            key = (run.arm, run.replicate)
            if key in seen:
                raise RecordError(
                    f"{path} and {seen[key]} both hold arm {run.arm!r}, replicate {run.replicate}; "
                    "give only one of them"
                )
            seen[key] = path
            arms.setdefault(run.arm, []).append(run)
        notices = [text for runs in arms.values() for run in runs if (text := _unfinished(run))]
        if finished_only:
            arms = {arm: _finished(runs) for arm, runs in arms.items()}
        groups = RunGroups(arms, notices)
        opened.pop_all()
    return groups


def result_files(paths: Iterable[str | Path]) -> Iterator[Path]:
    """Files as they are, folders as the ``*.h5`` inside, by name.

    Raises
    ------
    RecordError
        Nothing was given, or a folder holds no result file.
    """
    none = True
    for path in map(Path, paths):
        none = False
        if not path.is_dir():
            yield path
            continue
        inside = sorted(file for file in path.glob("*.h5") if not file.name.startswith("."))
        if not inside:
            raise RecordError(f"{path}: there is no result file (*.h5) in this folder")
        yield from inside
    if none:
        raise RecordError("no result file was given; name files or folders that hold *.h5")


def arm_rank(arm: str, experiment: Experiment) -> tuple[int, float, str]:
    """What arms are sorted by: their role, then the day of their first dose, then their name."""
    first = min((dose.day for dose in experiment.doses), default=float("inf"))
    return ROLES.index(experiment.role), first, arm


def _finished(runs: list[Run]) -> list[Run]:
    kept = [run for run in runs if run.status == STATUS_COMPLETE]
    if not kept:
        return runs
    for run in runs:
        if run not in kept:
            run.close()
    return kept


def _last_day(run: Run) -> float:
    return float(run.time[-1]) if len(run.time) else 0.0


def _unfinished(run: Run) -> str:
    """Sentence about a run that is not complete; empty for one that is."""
    if run.status == STATUS_COMPLETE:
        return ""
    if run.status == STATUS_RUNNING:
        state = "is still being written" if run.is_being_written else "stopped without finishing"
    else:
        state = run.status
    reason = f" ({run.status_message})" if run.status_message else ""
    return f"{run.path.name}: {state}{reason}; it ends on day {_last_day(run):.4g}"


def _differences(arms: Mapping[str, list[Run]]) -> Iterator[str]:
    """What makes arms hard to compare."""
    numbers = {arm: {run.replicate for run in runs} for arm, runs in arms.items()}
    if len({frozenset(n) for n in numbers.values()}) > 1:
        sizes = ", ".join(f"{arm} {len(n)}" for arm, n in numbers.items())
        yield f"the arms do not have the same replicates ({sizes}); differences use those they share"
    seeds = sorted({run.seed for runs in arms.values() for run in runs})
    if len(seeds) > 1:
        listed = ", ".join(map(str, seeds))
        yield f"the runs have different seeds ({listed}), so arms do not share their noise"
    made = sorted({origin(run) for runs in arms.values() for run in runs})
    if len(made) > 1:
        more = f"; and {len(made) - 2} more" if len(made) > 2 else ""
        yield f"the runs were made by {len(made)} different programs: {'; '.join(made[:2])}{more}"


def origin(run: Run) -> str:
    """Program, commit and library that made a run, in short, e.g. ``abm 0.1.0, commit 1a2b3c4``."""
    record = provenance(run)
    parts = []
    software, source = record.get("software"), record.get("source")
    if isinstance(software, Mapping) and software.get("abm"):
        parts.append(f"abm {software['abm']}")
    if isinstance(source, Mapping) and source.get("commit"):
        changed = " with changes" if source.get("dirty") else ""
        parts.append(f"commit {str(source['commit'])[:7]}{changed}")
    if record.get("library_sha256"):
        parts.append(f"library {str(record['library_sha256'])[:7]}")
    return ", ".join(parts) or "unknown origin"


def origin_text(runs: Iterable[Run]) -> str:
    """The runs behind a figure or film, a line each: file, arm, seed, program, commit, fingerprints."""
    lines = []
    for run in runs:
        record = provenance(run)
        software, source = record.get("software"), record.get("source")
        version = software.get("abm") if isinstance(software, dict) else None
        commit = source.get("commit") if isinstance(source, dict) else None
        parts = [
            f"{run.path.name}: arm {run.arm}, replicate {run.replicate}, seed {run.seed}, {run.status}",
            f"abm {version}" if version else "",
            f"commit {commit}" if commit else "",
            *(
                f"{word} sha256 {record[key]}"
                for word, key in (("scenario", "scenario_sha256"), ("library", "library_sha256"))
                if record.get(key)
            ),
        ]
        lines.append(", ".join(filter(None, parts)))
    return "\n".join(lines)


def provenance(run: Run) -> Mapping[str, object]:
    """The provenance of a run as a mapping; empty when it is not JSON."""
    try:
        record = json.loads(run.provenance)
    except ValueError:
        return {}
    return record if isinstance(record, Mapping) else {}
