"""Groups of small jobs, each of which a cluster runs as one submission."""

from __future__ import annotations

from sanguinaria.plan.stages.stage import Stage


def group_name(stage: Stage, step: int = 0) -> str | None:
    """Return the name of the group that a stage's job belongs to.

    The jobs of a group are of one depth, so that no group waits for itself: what a job needs is of a smaller depth, or
    an earlier step of its stage. Measurements are of no depth, as no stage needs them. And the jobs of a group wait for
    the same kinds of long jobs, so that no training waits for a job that waits for another training.

    Args:
        stage: of the job.
        step: position of the job's rule among those of the stage that need each other.

    Returns:
        A name that holds for all stages with which the job may be submitted; ``None`` for a long job, which is
        submitted alone.
    """
    if stage.long:
        return None
    rank = "measurements" if stage.measures else f"depth{stage.depth}.{step}"
    device = "gpu" if stage.gpus else "cpu"
    return "-".join([rank, device, *sorted(stage.waits_for)])
