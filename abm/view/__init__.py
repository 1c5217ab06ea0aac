"""Looking at recorded runs: figures for print, made from result files alone."""

from abm.view.figures import KINDS, plot_files, plot_groups
from abm.view.options import Options

__all__ = ["KINDS", "Options", "plot_files", "plot_groups"]
