"""Numba kernels on plain arrays: the innermost loops, with no objects and no configuration.

Every kernel is a module-level function; parameters travel as arguments, never in closures.  Kernels
report trouble by the codes of :mod:`abm.kernels.status` and never raise inside a loop.
"""
