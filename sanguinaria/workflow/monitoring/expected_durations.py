"""Expected durations of the jobs of a run, before any has finished: stated rates, corrected by earlier runs' logs."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import mean

from sanguinaria.plan.stages.stage import Stage

# From a folder below results/ and a key to a planned stage; ``None`` for tables and figures, which are none.
FindStage = Callable[[str, str], Stage | None]


def expected_durations(jobs: Iterable[tuple[str, Path]], find_stage: FindStage) -> dict[str, float]:
    """Return mean expected durations in seconds by rule.

    Args:
        jobs: rule and first output of the jobs to come.
        find_stage: looks a stage up in the plan.
    """
    from sanguinaria.plan.cost.jobs import BOOKKEEPING_LOGS

    device = _device()
    seconds: dict[tuple[str, str], float] = {}
    rules: dict[str, list[float]] = {}
    for rule, output in jobs:
        folder, key = folder_of(output)
        stage = None if rule.endswith(BOOKKEEPING_LOGS) else find_stage(folder, key)
        if (rule, key) not in seconds:
            seconds[rule, key] = _seconds_of_a_job(stage, device)
        rules.setdefault(rule, []).append(seconds[rule, key])
    return {rule: mean(durations) for rule, durations in rules.items()}


def folder_of(output: Path) -> tuple[str, str]:
    """Return stage and key of a result's file; two empty strings for a table or figure, which has no folder.

    >>> folder_of(Path("results/victims/lstm-0123456789ab/model.safetensors"))
    ('victims', 'lstm-0123456789ab')
    """
    return output.parts[1:3] if len(output.parts) > 3 else ("", "")  # type: ignore[return-value]


def _seconds_of_a_job(stage: Stage | None, device: str) -> float:
    """The expected duration of one job of a stage, or of one that lists or summarises."""
    from sanguinaria.plan.cost.jobs import bookkeeping_jobs, working_jobs
    from sanguinaria.plan.cost.rates import stated_seconds
    from sanguinaria.plan.cost.specifications import of_stage
    from sanguinaria.plan.cost.work import Part, Work
    from sanguinaria.workflow.durations import expected_seconds

    listing = stated_seconds(Work(kind="", parts=(Part(rate="bookkeeping", units=1),)))
    if stage is None:
        return listing
    specification = of_stage(stage)
    work = expected_seconds(stage, device) - bookkeeping_jobs(specification) * listing
    return work / working_jobs(specification)


def _device() -> str:
    """The short name of the machine's first GPU, or ``cpu``."""
    from sanguinaria.plan.cost.rates import CPU, device_name

    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        names = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return CPU
    return device_name(names[0]) if names else CPU
