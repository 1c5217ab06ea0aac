"""The runs that are being looked at, read only, each kept open once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Generic, TypeVar

from abm.analysis.experiment import read_experiment
from abm.analysis.groups import arm_rank, result_files
from abm.errors import RequestError
from abm.record import Run
from abm.record.following import FollowedRun
from abm.view.play.planes import Plane, read_plane
from abm.view.play.ranges import RangeSampler

PLANE_BYTES = 48 << 20  # of planes kept for all runs together
MOST_RUNS = 64

Value = TypeVar("Value")


class Memory(Generic[Value]):
    """What was read last, up to a number of bytes; safe in several threads.

    Parameters
    ----------
    most : int [bytes]
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._items: OrderedDict[object, tuple[Value, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: object, make: Callable[[], Value], size: Callable[[Value], int]) -> Value:
        """The value of a key, made when it is not kept; `size` says how many bytes it takes."""
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
                return self._items[key][0]
        value = make()
        taken = size(value)
        with self._lock:
            if key not in self._items and taken <= self._most:
                self._items[key] = value, taken
                self._size += taken
                while self._size > self._most:
                    self._size -= self._items.popitem(last=False)[1][1]
        return value


class PlayedRun:
    """One run of a session.

    Attributes
    ----------
    id : str
        Its name in requests.
    followed : FollowedRun
    ranges : RangeSampler
    """

    def __init__(self, name: str, path: Path, planes: Memory[Plane]) -> None:
        self.id = name
        self.followed = FollowedRun(path)
        self.ranges = RangeSampler()
        self._planes = planes
        self._identity = self.followed.version[:2]

    @contextmanager
    def reading(self) -> Iterator[Run]:
        """The run as its file is now; see :meth:`abm.record.following.FollowedRun.reading`."""
        self._forget_other_file()
        with self.followed.reading() as run:
            yield run

    def plane(self, cytokine: str, frame: int, z: str) -> Plane:
        """A layer or projection of one field, kept for a while; see :func:`.planes.read_plane`."""
        self._forget_other_file()
        return self._planes.get(
            (self.id, self._identity, cytokine, frame, z),
            lambda: read_plane(self.followed, cytokine, frame, z),
            lambda plane: plane.nbytes,
        )

    def _forget_other_file(self) -> None:
        """A run that was repeated with --force is another file of the same name."""
        identity = self.followed.version[:2]
        if identity != self._identity:
            self._identity, self.ranges = identity, RangeSampler()


class Session(Mapping[str, PlayedRun]):
    """Opened runs by their id; a context manager that closes them.

    Parameters
    ----------
    paths : iterable of path
        Result files, or folders of them; the same file twice counts once.  Files keep their order; with
        a folder among them runs are in the order of the arms in figures.

    Raises
    ------
    RecordError
        A file that is none, no file at all, or more than 64.
    """

    def __init__(self, paths: Iterable[str | Path]) -> None:
        paths = list(paths)
        files = list(dict.fromkeys(path.resolve() for path in result_files(paths)))
        if len(files) > MOST_RUNS:
            raise RequestError(f"{len(files)} files were given; {MOST_RUNS} can be looked at together")
        planes: Memory[Plane] = Memory(PLANE_BYTES)
        with ExitStack() as opened:
            self._runs: dict[str, PlayedRun] = {}
            for number, path in enumerate(files):
                played = PlayedRun(str(number), path, planes)
                opened.callback(played.followed.close)
                self._runs[played.id] = played
            if any(Path(path).is_dir() for path in paths):
                self._runs = dict(sorted(self._runs.items(), key=lambda item: _rank(item[1])))
            self._opened = opened.pop_all()

    def __getitem__(self, name: str) -> PlayedRun:
        return self._runs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._runs)

    def __len__(self) -> int:
        return len(self._runs)

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every file."""
        self._opened.close()


def _rank(played: PlayedRun) -> tuple[tuple[int, float, str], int]:
    with played.reading() as run:
        return arm_rank(run.arm, read_experiment(run)), run.replicate
