"""A worker of a sweep: makes runs one after another and keeps their rows in a shard of its own."""

from __future__ import annotations

import os
import resource
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

from abm.errors import AbmError, Interrupted
from abm.provenance import machine, software_versions, to_json
from abm.record.shards import ShardWriter
from abm.record.sweep_layout import FAILED, ShardRow, SweepDeclaration
from abm.sweep.engine import gist
from abm.sweep.manifest import SHARDS, Manifest

#: How long a worker waits for its next run before it makes the rows so far safe [s].
IDLE_SECONDS = 0.1


@dataclass(frozen=True)
class SetUp:
    """First message to a worker."""

    folder: Path


@dataclass(frozen=True)
class Order:
    """A run that is to be made."""

    run: int
    attempts: int = 1


class Begun:
    """The first step of the first run is made, so all kernels are compiled."""


@dataclass(frozen=True)
class Ran:
    """A run is over; its row is in the shard, though a kill may still take it.

    Attributes
    ----------
    run, status : int
    seconds : float
    message : str
        First line of why it failed.
    """

    run: int
    status: int
    seconds: float
    message: str = ""


@dataclass(frozen=True)
class Kept:
    """The oldest `rows` runs of a worker that were not safe yet are safe now."""

    rows: int


@dataclass(frozen=True)
class Broken:
    """A run met an unexpected error; another attempt may not."""

    run: int
    text: str
    seconds: float


@dataclass(frozen=True)
class Stuck:
    """The worker cannot go on: the disk is full, the folder gone."""

    text: str


def origin_of_process() -> str:
    """What a shard says about the process that wrote it: JSON."""
    return to_json({"software": software_versions(), "machine": machine()})


def open_shard_of(folder: Path, declaration: SweepDeclaration) -> ShardWriter:
    """A new shard of this process in the folder of a sweep."""
    return ShardWriter.create(folder / SHARDS, declaration, origin_of_process())


def failed_row(manifest: Manifest, run: int, attempts: int, message: str, seconds: float) -> ShardRow:
    """Row of a run that could not be made."""
    import time

    return ShardRow(
        id=manifest.ids[run : run + 1].tobytes(),
        status=FAILED,
        replicate=manifest.where(run)[2],
        seed=manifest.seed_of(run),
        parameters=manifest.parameters_of(run),
        attempts=min(attempts, 255),
        seconds=seconds,
        ended=time.time(),
        message=message,
    )


def limit_memory(memory: float) -> None:
    """Let this process have so much memory [bytes] beside what it has mapped already."""
    if memory == float("inf"):
        return
    mapped = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = mapped * os.sysconf("SC_PAGE_SIZE") + int(memory)
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


class Worker:
    """The worker's end of the pipe."""

    def __init__(self, pipe: Connection, threads: int) -> None:
        self.pipe = pipe
        self.threads = threads
        self.stopped = False
        self.begun = False

    def serve(self) -> None:
        """Work until the parent closes the pipe, dies, or asks to stop."""
        # Ctrl-C, which the terminal sends to all, is the parent's affair.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._stop)
        try:
            set_up = self.pipe.recv()
            self._serve(set_up.folder)
        except (EOFError, OSError):
            return  # The parent is gone; what is in the shard stays.
        except AbmError as error:
            self.pipe.send(Stuck(str(error)))

    def _serve(self, folder: Path) -> None:
        from abm.engine.threads import use_threads
        from abm.sweep.cases import resolver_of
        from abm.sweep.simulate import Simulator

        use_threads(self.threads)
        manifest = Manifest.load(folder)
        simulator = Simulator(manifest, resolver_of(manifest), self._asked)
        limit_memory(manifest.limits.memory)
        with open_shard_of(folder, manifest.declaration) as shard:
            while not self.stopped:
                if not self.pipe.poll(IDLE_SECONDS):
                    self._keep(shard)
                    continue
                try:
                    order = self.pipe.recv()
                except (EOFError, OSError):
                    break
                if not self._make(simulator, shard, order):
                    break
            self._keep(shard)

    def _make(self, simulator: object, shard: ShardWriter, order: Order) -> bool:
        """Make one run; whether to go on."""
        import time

        from abm.sweep.simulate import Simulator, described

        assert isinstance(simulator, Simulator)
        begin = time.perf_counter()
        try:
            row = simulator.row(order.run, order.attempts)
        except Interrupted:
            return False
        except AbmError:
            raise
        except Exception as error:  # noqa: BLE001 - told to the parent, which tries again or records it
            self.pipe.send(Broken(order.run, described(error), time.perf_counter() - begin))
            return True
        shard.append(row)
        self.pipe.send(Ran(order.run, row.status, row.seconds, gist(row.message)))
        before = shard.durable_rows
        if shard.flush_if_due():
            self.pipe.send(Kept(shard.durable_rows - before))
        return True

    def _keep(self, shard: ShardWriter) -> None:
        before = shard.durable_rows
        if shard.rows > before:
            shard.flush()
            self.pipe.send(Kept(shard.rows - before))

    def _asked(self) -> bool:
        """Asked at every step: whether to stop; the first time, the parent learns that kernels are ready."""
        if not self.begun:
            self.begun = True
            self.pipe.send(Begun())
        return self.stopped

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self.stopped = True


def main(arguments: list[str]) -> None:
    """Start a worker: the number of its file descriptor and of its threads."""
    descriptor, threads = (int(argument) for argument in arguments)
    Worker(Connection(descriptor), threads).serve()
