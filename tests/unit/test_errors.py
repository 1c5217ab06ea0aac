"""The family of errors."""

from __future__ import annotations

import pickle

from abm.errors import Fault, ScenarioError


def test_faults_survive_the_way_from_a_worker() -> None:
    error = ScenarioError([Fault("no unit", file="a.yaml", line=3, column=7, path="time.duration")])
    again = pickle.loads(pickle.dumps(error))
    assert again.faults == error.faults
    assert str(again) == "a.yaml:3:7: error: time.duration: no unit"


def test_a_caret_stands_under_the_value() -> None:
    text = str(Fault("no unit", file="a.yaml", line=1, column=3, source_line="a: 5"))
    assert text.splitlines()[1:] == ["    a: 5", "      ^"]
