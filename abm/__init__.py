"""Agent-based simulation of inflamed nervous tissue.

The names below are loaded on first use, so that importing the package costs nothing:

``load_scenario``
    Read and check a scenario file.
``run``
    Simulate one arm of a scenario into one HDF5 file.
``open_run``
    Open a result file for reading.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abm.engine.run import run
    from abm.scenario.load import load_scenario
    from abm.view.run_view import open_run

__all__ = ["__version__", "load_scenario", "open_run", "run"]

__version__ = "0.1.0.dev0"

_HOME_OF = {
    "load_scenario": "abm.scenario.load",
    "open_run": "abm.view.run_view",
    "run": "abm.engine.run",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use (PEP 562)."""
    try:
        home = _HOME_OF[name]
    except KeyError:
        message = f"module 'abm' has no attribute {name!r}; it offers {', '.join(__all__)}"
        raise AttributeError(message) from None
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
