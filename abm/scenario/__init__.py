"""The scenario language: YAML with units in, validated and frozen objects out.

``read`` (text -> nodes with positions) -> ``merge`` (extends, arms, --set) -> ``validate`` (schema) ->
``check`` (names, dimensions, times, geometry).  Every stage reports all faults it finds; ``load``
ties them together.
"""
