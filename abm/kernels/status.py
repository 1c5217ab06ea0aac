"""Codes by which cell kernels report trouble; the engine turns a code into a message.

A kernel that can fail returns ``(status, row)``: the code and the row of the cell table it concerns.
The arrays it was writing are then half finished and must not be used.  Codes are append-only.
"""

from __future__ import annotations

OK = 0
OUT_OF_DOMAIN = 1
BAD_RATE = 2
BAD_SPEED = 3
BAD_BIAS = 4
BAD_PERSISTENCE = 5
BAD_DIRECTION = 6
TOO_FAST = 7
ID_OUT_OF_RANGE = 8
NOT_IN_ID_ORDER = 9
BAD_VOXEL = 10

MESSAGES: dict[int, str] = {
    OK: "no fault",
    OUT_OF_DOMAIN: "position is not a finite point inside the domain",
    BAD_RATE: "event rate is negative, infinite or not a number",
    BAD_SPEED: "migration speed is negative, infinite or not a number",
    BAD_BIAS: "migration bias is not within 0 and 1",
    BAD_PERSISTENCE: "migration persistence time is negative or not a number",
    BAD_DIRECTION: "chemotaxis vector is infinite or not a number",
    TOO_FAST: "migration speed x time step exceeds 10,000 voxels",
    ID_OUT_OF_RANGE: "cell id is not within 0 and 2**48 - 1",
    NOT_IN_ID_ORDER: "requests are not in increasing order of cell id",
    BAD_VOXEL: "voxel index is outside the grid",
}
