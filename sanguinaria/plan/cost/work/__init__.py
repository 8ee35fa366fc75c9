"""The work of a stage, from its specification: what is computed, how often, and over how much audio."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sanguinaria.plan.cost.specifications import Specification
from sanguinaria.plan.cost.work import audio, measuring, training
from sanguinaria.plan.cost.work.parts import Part, Work

__all__ = ["WORK", "Part", "Work", "work_of"]

# By the folder of the results.
WORK: Mapping[str, Callable[[Specification], Work]] = {**audio.WORK, **training.WORK, **measuring.WORK}


def work_of(stage: Specification) -> Work:
    """Return the work of all jobs of a stage.

    Args:
        stage: nested specification (:mod:`sanguinaria.plan.cost.specifications`).
    """
    return WORK[stage["stage"]](stage)
