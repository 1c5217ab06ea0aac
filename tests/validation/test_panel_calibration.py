"""The extended panel does not move what the default tissue was calibrated to."""

from __future__ import annotations

import numpy as np
import pytest

from abm.engine.readout import read_out
from abm.library import catalogue
from tests.reference.tissue import advance, model

pytestmark = [pytest.mark.validation, pytest.mark.slow]

PANEL = tuple(name for name in catalogue.module_names() if name.startswith("library/panel/"))
SLAB = """
schema_version: 1
title: Slab of the calibration
extends: [library/dorsal_horn]
time: {duration: 14 d, cell_step: 10 min, field_step: 10 min}
domain:
  size: [2 mm, 2 mm]
  spacing: 20 um
  thickness: 20 um
  represents: 1.7 mm^3
  boundaries: {x_min: csf, x_max: csf, y_min: csf, y_max: csf}
regions:
  site: {disc: {center: [0.75 mm, 1 mm], radius: 400 um}}
arms:
  sham: {injuries: [{kind: sham, site: site, edge: 40 um}]}
  cci: {injuries: [{kind: CCI, site: site, edge: 40 um}]}
"""
DAYS = (1.0, 3.0, 7.0, 14.0)
MOST_SHIFT = 0.06
"""Of threshold / baseline; three replicates gave 0.039 at most, the tolerances are 0.07 to 0.15."""


def course(arm: str, *modules: str) -> np.ndarray:
    """Threshold over the baseline on the days; the noise is that of seed 1 in every call."""
    m = model(SLAB.replace("dorsal_horn]", ", ".join(("dorsal_horn", *modules)) + "]"), arm)
    state, values = None, []
    for before, day in zip((0.0, *DAYS), DAYS, strict=False):
        state = advance(m, state, days=day - before)
        values.append(float(read_out(m, state)["withdrawal_threshold"]) / 1.2)
    return np.array(values)


@pytest.mark.timeout(1200)
def test_the_course_of_constriction_stays() -> None:
    shift = course("cci", *PANEL) - course("cci")
    assert np.all(np.abs(shift) < MOST_SHIFT)
    assert np.any(shift != 0.0)


@pytest.mark.timeout(1200)
def test_a_sham_operation_does_not_hurt() -> None:
    assert np.all(course("sham", *PANEL) > 0.99)
