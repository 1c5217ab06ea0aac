"""What a result file says about its run: scenario, arm, seed, status, where it came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py

from abm.record.layout import BRANCH, STATUS_RUNNING
from abm.record.opening import read
from abm.record.storage import is_being_written


class RunHead:
    """An open result file, without its data."""

    def __init__(self, path: Path, file: h5py.File) -> None:
        self.path = path
        self._file = file

    def _line(self, name: str) -> str:
        return str(read(self._file[name].asstr(), (), self.path))

    def _text(self, name: str) -> str:
        return str(self._file.attrs[name])

    @property
    def title(self) -> str:
        """Title of the scenario."""
        return self._text("title")

    @property
    def arm(self) -> str:
        """Arm of the experiment."""
        return self._text("arm")

    @property
    def status(self) -> str:
        """``running`` (also after a kill), ``complete``, ``interrupted`` or ``failed``."""
        return self._text("status")

    @property
    def status_message(self) -> str:
        """Why the run stopped."""
        return self._text("status_message")

    @property
    def is_being_written(self) -> bool:
        """Whether a process is writing the file now; ``running`` without it means killed."""
        return self.status == STATUS_RUNNING and is_being_written(self.path)

    @property
    def replicate(self) -> int:
        """Number of the replicate."""
        return int(self._file.attrs["replicate"])

    @property
    def seed(self) -> int:
        """Seed of the experiment."""
        return int(self._file.attrs["seed"])

    @property
    def tick_minutes(self) -> float:
        """Length of one tick [min]."""
        return float(self._file.attrs["tick_minutes"])

    @property
    def format_version(self) -> int:
        """Version of the layout."""
        return int(self._file.attrs["format_version"])

    @property
    def scenario_text(self) -> str:
        """Resolved YAML of this run."""
        return self._line("scenario")

    @property
    def provenance(self) -> str:
        """JSON text."""
        return self._line("provenance")

    @property
    def branch(self) -> dict[str, Any] | None:
        """What the provenance of a branch says about the run it came from; None for any other run.

        Its entries are file, arm, tick, day, scenario (compressed) and branch: the same of that run.
        """
        try:
            origin = json.loads(self.provenance).get(BRANCH)
        except (ValueError, AttributeError):
            return None
        return origin if isinstance(origin, dict) else None
