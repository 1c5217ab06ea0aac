"""What every test may rely on: no display, reproducible property tests, the project's root."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before anything imports matplotlib, in this process or in one started by a test.
os.environ["MPLBACKEND"] = "Agg"

# Programs in the background of a script are deaf to Ctrl-C, and so are those that they start: tests send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

try:
    from hypothesis import HealthCheck, settings
except ImportError:  # the compiled package can be smoke-tested without the dev tools
    pass
else:
    # Derandomised: a red test is red for everybody. `--hypothesis-profile=explore` hunts for more.
    # No deadline: the first example of a kernel test pays for its compilation.
    settings.register_profile(
        "reproducible", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.register_profile("explore", derandomize=False, deadline=None, max_examples=1000)
    settings.load_profile("reproducible")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def threads_restored() -> Iterator[None]:
    """A test may change the number of threads; the others have the one before."""
    import numba

    before = numba.get_num_threads()
    yield
    numba.set_num_threads(before)


@pytest.fixture(scope="session")
def root() -> Path:
    """Top folder of the source tree."""
    return ROOT
