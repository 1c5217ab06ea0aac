"""The result file of one run: its layout as data, the writer and the reader.

A reader needs neither the engine nor numba: ``from abm.record import open_run``.
"""

from abm.record.checkpoints import Checkpoint
from abm.record.frames import CellFrame, FieldFrame, LabelledArray, Scalar
from abm.record.layout import (
    CellTable,
    Column,
    Dimension,
    FieldStack,
    RunDeclaration,
    Series,
)
from abm.record.reader import Run, open_run
from abm.record.writer import RunWriter

__all__ = [
    "CellFrame",
    "CellTable",
    "Checkpoint",
    "Column",
    "Dimension",
    "FieldFrame",
    "FieldStack",
    "LabelledArray",
    "Run",
    "RunDeclaration",
    "RunWriter",
    "Scalar",
    "Series",
    "open_run",
]
