"""What a schema cannot know: names, dimensions, times, geometry."""

from __future__ import annotations

from abm.errors import Fault
from abm.scenario.nodes import MapNode
from abm.scenario.schema.scenario import Scenario


def check(scenario: Scenario, document: MapNode) -> tuple[list[Fault], list[Fault]]:
    """Faults and warnings of a scenario that satisfies the schema."""
    return [], []
