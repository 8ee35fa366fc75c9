"""PKDMark's student network (section III-C2)."""

from __future__ import annotations

import copy

from sanguinaria.watermarks._invertible.layers import InvertibleNetwork, transformation
from sanguinaria.watermarks._pkdmark.network import ORDER, PkdNetwork


def student_of(teacher: PkdNetwork, blocks: int, width: int) -> PkdNetwork:
    """Build a student with fewer blocks and channels, and a copy of the teacher's message encoding, which it trains.

    Args:
        teacher: stays as it is.
        blocks: of the student's invertible network.
        width: of each of its transformations.

    Returns:
        The student: its invertible network is new, and the rest is a copy of the teacher's.
    """
    student = copy.deepcopy(teacher)
    student.keyed.blocks = blocks
    student.keyed.invertible = InvertibleNetwork(
        blocks, lambda: transformation(student.layout, student.band.bins, width), ORDER
    )
    return student
