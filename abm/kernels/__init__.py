"""Numba kernels on plain arrays: the innermost loops, with no objects and no configuration.

Every kernel is a module-level function; parameters travel as arguments, never in closures.  Kernels
report trouble by the codes of :mod:`abm.kernels.status` and never raise inside a loop.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from numba import config

# numba compares a cached kernel with the file it stands in, not with the files whose functions and tuples
# it was compiled with: after an update a stale one would read arrays of another layout, and crash or be
# wrong.  So each state of these sources has a cache of its own.
_SOURCES = ("kernels", "state")


def cache_folder() -> Path | None:
    """Where compiled kernels of exactly these sources are kept; None where no place can be written.

    The folder that NUMBA_CACHE_DIR names, else ``__pycache__`` beside the sources, else the user's cache.
    """
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256(f"boundscheck {config.BOUNDSCHECK}".encode())
    for file in sorted(file for room in _SOURCES for file in (package / room).glob("*.py")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    usual = [package / "kernels" / "__pycache__", home / "abm"]
    for place in [Path(config.CACHE_DIR)] if config.CACHE_DIR else usual:
        folder = place / f"kernels-{digest.hexdigest()[:16]}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return None


_folder = cache_folder()
if _folder is not None:
    config.CACHE_DIR = str(_folder)


def _look_for_scipy_in_vain() -> None:
    """Let numba look for SciPy's linear algebra, which it does once, without finding it.

    Loading that would take a third of the time in which a worker starts, and no kernel multiplies matrices.
    """
    wanted = "scipy.linalg.cython_blas"
    if wanted in sys.modules:
        return
    sys.modules[wanted] = None
    try:
        import numba.np.arraymath  # noqa: F401 - it looks when it is imported
    finally:
        del sys.modules[wanted]


_look_for_scipy_in_vain()
