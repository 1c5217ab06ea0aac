"""What a row of the table of functions says, and what an argument can be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from abm.scenario.claims.expressions import Shape


class Takes(Enum):
    """What an argument is; the value is its name in messages."""

    ARM = "an arm"
    CYTOKINE = "a cytokine"
    REGION = "a region"
    CELL_TYPE = "a cell type"
    PHENOTYPE = "a phenotype"
    VARIABLE = "a cell variable"
    COMPARTMENT = "a compartment"
    SERIES = "a recorded series"
    TIME = "a time"
    COUNT = "a count"
    VALUE = "a value"
    CURVE = "a value over time"
    CONDITION = "a condition"


@dataclass(frozen=True)
class Parameter:
    """One argument of a function."""

    name: str
    takes: Takes
    needed: bool = True


#: What a course also takes beside the function's own arguments.
WHEN = ("at", "from", "to")

# Units that follow from the arguments.
AS_GIVEN, TIMES_TIME, OF_SERIES, QUOTIENT = "as given", "given × time", "of the series", "x/y"
CONDITION = "condition"

# Parts of the readout that a function rests on.
SIGNAL, THRESHOLD = "nociceptive signal", "withdrawal threshold"


@dataclass(frozen=True)
class Function:
    """One row of the table.

    Attributes
    ----------
    name, group, meaning, example : str
    parameters : tuple of Parameter
        In the order in which they may be given without their names.
    shape : Shape
        Of the result.  Curves also take ``at=``, or ``from=`` and ``to=`` for the mean of a window.
    unit : str
        Of the result: a unit, or `AS_GIVEN`, `TIMES_TIME`, `OF_SERIES`, `QUOTIENT`; `CONDITION` has none.
    rests_on : str
        Part of the scenario's readout without which there is nothing to read.
    """

    name: str
    group: str
    parameters: tuple[Parameter, ...]
    shape: Shape
    unit: str
    meaning: str
    example: str
    rests_on: str = ""

    @property
    def is_timed(self) -> bool:
        """Whether it takes ``at=``, ``from=`` and ``to=`` beside its own arguments."""
        return self.shape is Shape.CURVE and self.unit != CONDITION

    @property
    def signature(self) -> str:
        """As it is written, optional arguments with ``=``."""
        given = [p.name if p.needed else f"{p.name}=" for p in self.parameters]
        return f"{self.name}({', '.join(given)})"
