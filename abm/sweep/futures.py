"""Engines that deal chunks to a pool of other processes: Dask and MPI."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from abm.errors import AbmError, RecordError
from abm.sweep.chunk import chunks_of, lost, work_chunk
from abm.sweep.engine import Ended
from abm.sweep.manifest import Manifest


class EngineError(AbmError):
    """An engine cannot be used: a package or a program is missing, or nobody answers."""

    exit_code = 3


class Pool(Protocol):
    """What takes tasks: Dask's client, or an executor of mpi4py."""

    workers: int

    def submit(self, function: Callable[..., list[Ended]], folder: str, runs: Sequence[int]) -> Any:
        """A future with done(), result() and cancel()."""

    def close(self) -> None:
        """Let it go."""


class FuturesEngine:
    """Chunks of runs as tasks of a pool.

    Parameters
    ----------
    pool : Pool
    """

    #: Chunks per worker at least, so that none waits for a long last one.
    CHUNKS_PER_WORKER = 4

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._open: list[tuple[Any, list[int]]] = []

    def submit(self, manifest: Manifest, runs: Sequence[int]) -> None:
        """Deal all runs."""
        fair = -(-len(runs) // (self.CHUNKS_PER_WORKER * max(1, self.pool.workers)))
        folder = str(manifest.folder.absolute())
        for chunk in chunks_of(runs, max(1, min(manifest.chunk, fair))):
            self._open.append((self.pool.submit(work_chunk, folder, chunk), chunk))

    def reports(self, seconds: float) -> list[Ended]:
        """Runs of the chunks that ended since the last call.

        Raises
        ------
        RecordError
            A worker cannot write.
        """
        over = [entry for entry in self._open if entry[0].done()]
        if not over:
            time.sleep(seconds)
            return []
        self._open = [entry for entry in self._open if entry not in over]
        ended: list[Ended] = []
        for future, runs in over:
            try:
                ended += future.result()
            except RecordError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a lost worker looks like to the pool
                ended += lost(runs, error)
        return ended

    @property
    def is_busy(self) -> bool:
        """Whether chunks are still to be reported."""
        return bool(self._open)

    def cancel(self) -> None:
        """Take back the chunks that have not begun."""
        for future, _ in self._open:
            future.cancel()

    def close(self) -> None:
        """Let the pool go."""
        self.pool.close()


class DaskPool:
    """Workers of Dask: of a scheduler that runs already, or of a batch system, or of this machine.

    Parameters
    ----------
    address : str
        Of a scheduler, e.g. ``tcp://login:8786``; or ``slurm``, ``pbs``, ``lsf``, ``sge``: jobs of
        dask-jobqueue, configured by its own file; or empty for workers on this machine.
    workers : int
        So many are started.

    Raises
    ------
    EngineError
        Dask is not installed, or nobody answers.
    """

    #: Clusters of dask-jobqueue by the name of the batch system.
    CLUSTERS = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "lsf": "LSFCluster", "sge": "SGECluster"}  # noqa: RUF012
    _RETRIES = 3
    _MEMORY = "2GB"  # of a job, where the configuration of dask-jobqueue says nothing

    def __init__(self, address: str, workers: int) -> None:
        try:
            from distributed import Client, LocalCluster
        except ImportError as error:
            raise EngineError("the engine dask needs Dask; install abm[hpc]") from error
        self.workers = workers
        self._cluster: Any = None
        if address in self.CLUSTERS:
            self._cluster = self._jobs(address)
            # Adapting replaces jobs that are lost; scaling to a number does not.
            self._cluster.adapt(minimum=workers, maximum=workers)
        elif not address:
            self._cluster = LocalCluster(  # type: ignore[no-untyped-call]
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
            )
        try:
            place = self._cluster if self._cluster is not None else address
            self._client = Client(place)  # type: ignore[no-untyped-call]
        except OSError as error:
            raise EngineError(f"no scheduler of Dask answers at {address}: {error}") from error
        if address and address not in self.CLUSTERS:
            self.workers = max(1, len(self._client.scheduler_info()["workers"]))

    def _jobs(self, system: str) -> Any:
        """A cluster of jobs of one core each."""
        try:
            import dask
            import dask_jobqueue
        except ImportError as error:
            raise EngineError(f"dask on {system} needs dask-jobqueue; install abm[hpc]") from error
        memory = dask.config.get(f"jobqueue.{system}.memory", None) or self._MEMORY
        return getattr(dask_jobqueue, self.CLUSTERS[system])(processes=1, cores=1, memory=memory)

    def submit(self, function: Callable[..., list[Ended]], folder: str, runs: Sequence[int]) -> Any:
        """A future of Dask; a chunk whose worker is lost is started again elsewhere."""
        return self._client.submit(function, folder, tuple(runs), pure=False, retries=self._RETRIES)

    def close(self) -> None:
        """Leave the scheduler; end the workers that were started here."""
        self._client.close()  # type: ignore[no-untyped-call]
        if self._cluster is not None:
            self._cluster.close()


class MpiPool:
    """The other ranks of ``mpirun -n N python -m mpi4py.futures -m abm sweep run DIR --engine mpi``.

    Raises
    ------
    EngineError
        mpi4py is not installed, or there is only one rank.
    """

    def __init__(self) -> None:
        try:
            from mpi4py import MPI
            from mpi4py.futures import MPIPoolExecutor
        except ImportError as error:
            raise EngineError("the engine mpi needs mpi4py; install abm[hpc]") from error
        self._executor = MPIPoolExecutor()
        self._executor.bootup()
        self.workers = self._executor.num_workers
        if self.workers < 1 or MPI.COMM_WORLD.Get_size() < 2:
            start = "mpirun -n 3 python -m mpi4py.futures -m abm sweep run DIR --engine mpi"
            raise EngineError(f"the engine mpi is started as: {start}")

    def submit(self, function: Callable[..., list[Ended]], folder: str, runs: Sequence[int]) -> Any:
        """A future of the executor."""
        return self._executor.submit(function, folder, tuple(runs))

    def close(self) -> None:
        """Let the ranks end."""
        self._executor.shutdown(wait=True, cancel_futures=True)
