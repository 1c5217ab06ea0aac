"""How many processes and threads to use."""

from __future__ import annotations

import os

# BLAS would start as many threads in every worker as the machine has cores.
_BLAS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
# numba's usual choice, omp, slows small loops several-fold when another process uses one of the cores.
LAYER = "workqueue"


def usable_cores() -> int:
    """Cores that this process may use: those of its affinity mask, and of its SLURM task if there is one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    granted = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return max(1, min(cores, int(granted))) if granted.isdigit() else cores


def default_processes(threads: int) -> int:
    """Workers that fill the usable cores."""
    return max(1, usable_cores() // threads)


def environment(threads: int) -> dict[str, str]:
    """Environment of a worker; what the user has set for BLAS and numba's threading layer stays."""
    given = dict(os.environ)
    given["NUMBA_NUM_THREADS"] = str(threads)
    for name, value in (*((name, str(threads)) for name in _BLAS), ("NUMBA_THREADING_LAYER", LAYER)):
        given.setdefault(name, value)
    return given
