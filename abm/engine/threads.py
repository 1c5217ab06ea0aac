"""How many threads the kernels use."""

from __future__ import annotations

import numba


def use_threads(count: int) -> int:
    """Let parallel kernels of this process use ``count`` threads; returns how many they really use.

    numba fixes the most it can use when it is imported (``NUMBA_NUM_THREADS``, else the cores it sees).

    Raises
    ------
    ValueError
        If ``count`` is below one.
    """
    if count < 1:
        raise ValueError(f"threads is {count}, allowed: 1 or more")
    numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    return int(numba.get_num_threads())
