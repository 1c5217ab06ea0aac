"""Sweeps: one scenario with many values, as many runs on as many cores as there are."""
