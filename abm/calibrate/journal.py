"""The runs made so far, one line of JSON each: a kill loses none of them, and none is made twice."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from abm.calibrate.arms import ArmPlan
from abm.calibrate.simulate import Outcome
from abm.errors import RecordError
from abm.record.faults import os_fault

FORMAT = "abm-calibration"
VERSION = 1

#: Arm, replicate, and the text of every value that was set in it.
Key = tuple[str, int, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Origin:
    """What runs depend on beside their values.

    Attributes
    ----------
    arms : mapping of str to str
        Fingerprint of each arm's scenario and of the seed; a run of another one is not used.
    program : str
        Fingerprint of the code; runs of another one are used, and counted.
    """

    arms: Mapping[str, str]
    program: str


class Journal:
    """Runs by what determines them; a context manager that holds the file for itself.

    A line that was cut off by a kill is removed when the file is opened again.

    Attributes
    ----------
    runs : dict
        Outcome of every run in the file that can be used.
    unused : int
        Runs in the file that belong to another scenario or lack what is wanted now.
    foreign : int
        Runs that were made by another state of the program and are used nevertheless.
    """

    def __init__(self, path: Path, file: BinaryIO, origin: Origin) -> None:
        self.path = path
        self.runs: dict[Key, Outcome] = {}
        self.unused = self.foreign = 0
        self._file = file
        self._origin = origin

    @classmethod
    def open(cls, path: Path, origin: Origin, plans: Mapping[str, ArmPlan], *, resume: bool) -> Journal:
        """Start a new file, or continue one.

        Parameters
        ----------
        plans : mapping of str to ArmPlan
            A recorded run counts if it holds what the plan of its arm wants.
        resume : bool
            Continue the file, if there is one, instead of replacing it.

        Raises
        ------
        RecordError
            The file cannot be read or written, is in use, or damaged.
        """
        try:
            # Nothing is cut before the file is ours.
            file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b")
        except OSError as error:
            raise os_fault(path, "open the file", error) from error
        journal = cls(path, file, origin)
        try:
            _lock(file, path)
            journal._read(file.read() if resume else b"", plans)
        except BaseException:
            file.close()
            raise
        return journal

    def _read(self, content: bytes, plans: Mapping[str, ArmPlan]) -> None:
        whole = content[: content.rfind(b"\n") + 1]
        self._file.seek(len(whole))
        self._file.truncate()
        lines = whole.splitlines()
        if not lines:
            _append(self._file, {"format": FORMAT, "version": VERSION}, self.path)
            return
        _check_head(lines[0], self.path)
        for number, line in enumerate(lines[1:], 2):
            try:
                self._take(json.loads(line), plans)
            except (ValueError, KeyError, TypeError, AttributeError, IndexError):
                message = f"{self.path}: line {number} is damaged; remove it, or start again with --force"
                raise RecordError(message) from None

    def _take(self, entry: Mapping[str, Any], plans: Mapping[str, ArmPlan]) -> None:
        arm = str(entry["arm"])
        outcome = _outcome(entry, plans[arm]) if arm in plans else None
        if outcome is None or entry["of"] != self._origin.arms[arm]:
            self.unused += 1
            return
        self.foreign += entry["by"] != self._origin.program
        self.runs[run_key(arm, int(entry["replicate"]), entry["values"])] = outcome

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, key: Key, outcome: Outcome, plan: ArmPlan) -> None:
        """Write a run down, so that it survives a kill of this process and a loss of power.

        Raises
        ------
        RecordError
            The disk refuses.
        """
        arm, replicate, values = key
        entry: dict[str, Any] = {"arm": arm, "replicate": replicate, "values": dict(values)}
        entry |= {"of": self._origin.arms[arm], "by": self._origin.program}
        entry["seconds"] = round(outcome.seconds, 3)
        if outcome.series is None:
            entry["failure"] = outcome.failure
        else:
            entry["ticks"] = list(plan.ticks)
            entry["labels"] = _labels(plan)
            entry["series"] = {name: _listed(values) for name, values in outcome.series.items()}
        _append(self._file, entry, self.path)
        self.runs[key] = outcome


def _labels(plan: ArmPlan) -> dict[str, list[list[str]]]:
    return {name: [list(labels) for labels in dims.values()] for name, dims in plan.frame.wanted.items()}


def _sorted(values: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((str(path), str(text)) for path, text in values.items()))


def run_key(arm: str, replicate: int, values: Mapping[str, str]) -> Key:
    """What determines a run beside the scenario and the seed."""
    return arm, replicate, _sorted(values)


def _outcome(entry: Mapping[str, Any], plan: ArmPlan) -> Outcome | None:
    """A run as the present plan wants it; None when it holds less or other than that."""
    seconds = float(entry.get("seconds", 0.0))
    if "failure" in entry:
        return Outcome(0, None, str(entry["failure"]), seconds)
    labels, wanted = entry["labels"], _labels(plan)
    at = [entry["ticks"].index(tick) if tick in entry["ticks"] else -1 for tick in plan.ticks]
    if -1 in at:
        return None
    series: dict[str, NDArray[np.float64]] = {}
    for name, dims in wanted.items():
        if name not in labels:
            return None
        values = _array(entry["series"][name])[at]
        for axis, (here, asked) in enumerate(zip(labels[name], dims, strict=True), 1):
            if not set(asked) <= set(here):
                return None
            values = np.take(values, [here.index(label) for label in asked], axis)
        series[name] = values
    return Outcome(0, series, "", seconds)


def _listed(values: NDArray[np.float64]) -> list[Any]:
    """Nested lists; null for what is no number, which JSON lacks."""

    def plain(item: Any) -> Any:
        return [plain(one) for one in item] if isinstance(item, list) else item if isfinite(item) else None

    listed: list[Any] = plain(values.tolist())
    return listed


def _array(listed: Sequence[Any]) -> NDArray[np.float64]:
    return np.array(listed, dtype=np.float64)


def _append(file: BinaryIO, entry: Mapping[str, Any], path: Path) -> None:
    line = json.dumps(entry, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"
    try:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    except OSError as error:
        raise os_fault(path, "write the file", error) from error


def _lock(file: BinaryIO, path: Path) -> None:
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        message = f"{path}: another calibration writes to this folder; wait for it or choose another with -o"
        raise RecordError(message) from None


def _check_head(line: bytes, path: Path) -> None:
    try:
        head = json.loads(line)
        sound = head["format"] == FORMAT
    except (ValueError, KeyError, TypeError):
        sound = False
    if not sound:
        raise RecordError(f"{path}: this is no journal of a calibration; choose another folder with -o")
    if head.get("version") != VERSION:
        raise RecordError(f"{path}: written in version {head.get('version')}; this abm reads {VERSION}")
