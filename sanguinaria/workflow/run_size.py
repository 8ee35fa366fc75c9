"""Size of a run for which no target was named: everything that a configuration makes may be days of work."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from sanguinaria.core.errors import InputError
from sanguinaria.plan.cost.finished import is_finished
from sanguinaria.plan.cost.jobs import bookkeeping_jobs, working_jobs
from sanguinaria.plan.cost.specifications import of_stage
from sanguinaria.plan.needed_stages import needed_stages, roots
from sanguinaria.plan.plan import Plan

# Jobs of a run without a target; more are a run of hours, which has to be asked for.
LIMIT = 1000


def check_size(plan: Plan, arguments: Sequence[str], names_targets: Callable[[], bool]) -> None:
    """Check that a run of more than a thousand jobs was asked for.

    Args:
        plan: of the configuration.
        arguments: of the command line, without the program's name.
        names_targets: whether the command line restricts the run; it is called for large runs alone.

    Raises:
        InputError: no target is named, and there are more jobs; the message lists the targets with their jobs.
    """
    total = number_of_jobs(plan, list(plan.targets))
    if total <= LIMIT or names_targets():
        return
    width = max(map(len, plan.targets))
    lines = [f"  {name:<{width}}  {number_of_jobs(plan, [name]):>7,} jobs" for name in plan.targets]
    command = shlex.join(arguments)
    raise InputError(
        "\n".join(
            [
                f"Nothing was run: no target is named, and everything that the configuration makes is {total:,} jobs.",
                *lines,
                "Results that targets share count with each. Hours and disk: python -m sanguinaria cost TARGET …",
                f"Name targets:  snakemake {next(iter(plan.targets))} {command}",
                f"Or everything: snakemake all {command}",
            ]
        )
    )


def number_of_jobs(plan: Plan, targets: Sequence[str]) -> int:
    """Return the number of jobs of targets whose results are to be computed; tables and figures are not counted.

    Args:
        plan: of the configuration.
        targets: names of tables and figures.
    """
    stages = needed_stages((stage for target in targets for stage in roots(plan, target)), is_finished)
    return sum(working_jobs(content) + bookkeeping_jobs(content) for content in map(of_stage, stages.values()))
