"""The simulation: one step of the tissue, and a run from start to end."""
