"""A response on its way through the compiler and the kernel, without a tissue around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from abm.compile.build import labels_of
from abm.compile.modifiers import Changes
from abm.compile.responses import ResponseTables
from abm.kernels.responses import evaluate
from abm.scenario.schema.responses import Response
from abm.state.tables import Target
from tests.reference.tissue import experiment

PROBE = """
schema_version: 1
title: One cell type that can read anything
time: {duration: 1 h, cell_step: 10 min, field_step: 10 min}
record: {readout: 1 h}
domain: {size: [40 um, 40 um], spacing: 20 um, thickness: 20 um}
cytokines:
  X: {diffusion: 1 um^2/s, half_life: 1 h, baseline: 50 pg/ml}
  Y: {diffusion: 1 um^2/s, half_life: 1 h, baseline: 3 pg/ml}
cell_types:
  probe:
    radius: 5 um
    variables: {a: {value: 0}, b: {value: 0}, c: {value: 0}, d: {value: 0}, out: {equals: 0}}
"""
OWN = ("own a", "own b", "own c", "own d")
FIELDS = ("X", "Y")
BASELINES = {"X": 50.0, "Y": 3.0}


def kernel_values(response: Response, readings: Sequence[Mapping[str, float]]) -> list[float]:
    """The response through the compiler and the kernel, one value for each set of signals."""
    scenario = experiment(PROBE).base
    tables = ResponseTables(scenario, labels_of(scenario), Changes(scenario, (), ()))
    tables.add(response, Target.BEHAVIOUR, 0, "probe")
    tables.close_group()
    responses, rows = tables.finish()
    n = len(readings)
    variables = np.array([[signals.get(name, 0.0) for name in (*OWN, "own out")] for signals in readings])
    # What `sense` would have read from the fields, row by row of the signal table.
    read = [[signals.get(FIELDS[f], 0.0) for f in rows.first % len(FIELDS)] for signals in readings]
    values = np.array(read, np.float64).reshape(n, len(rows.first)).T.copy()
    behaviours, drift = np.full((n, 1), np.nan), np.zeros((n, 5))
    evaluate(responses, rows, 0, np.arange(n), values, variables, behaviours, drift)
    return behaviours[:, 0].tolist()


def kernel_value(response: Response, signals: Mapping[str, float]) -> float:
    return kernel_values(response, [signals])[0]


def response(**parts: Any) -> Response:
    return Response.model_validate(parts)
