"""Scenario to model: the only place where units end, names become indices and rules become tables."""
