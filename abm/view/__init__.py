"""Looking at recorded runs, from result files alone: figures for print, the player, movies.

The names below are loaded on first use: the player does without matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from abm.view.figures import KINDS, plot_files, plot_groups
    from abm.view.options import Options

__all__ = ["KINDS", "Options", "plot_files", "plot_groups"]

_HOME_OF = {
    "KINDS": "abm.view.figures",
    "Options": "abm.view.options",
    "plot_files": "abm.view.figures",
    "plot_groups": "abm.view.figures",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'abm.view' has no attribute {name!r}; it offers {', '.join(__all__)}")
    return getattr(import_module(_HOME_OF[name]), name)
