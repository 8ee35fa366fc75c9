"""Checks of a run before its jobs are planned: targets, files that they need, and how many jobs they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sanguinaria.plan.corpus_remarks import corpus_remarks
from sanguinaria.plan.plan import Plan
from sanguinaria.plan.requirements import check_requirements
from sanguinaria.plan.rules import rule_names
from sanguinaria.workflow.option_checks import check_options
from sanguinaria.workflow.parse import asked_targets, check_targets, computes

# The rule of all targets.
ALL = "all"


def check_run(plan: Plan, arguments: Sequence[str], *, dry_run: bool, names_targets: Callable[[], bool]) -> list[str]:
    """Check what a command line asks for, and expand the tables and figures that it needs.

    Args:
        plan: of the configuration.
        arguments: of the command line, without the program's name.
        dry_run: whether nothing is to be computed.
        names_targets: whether the command line restricts the run, by Snakemake's own parser.

    Returns:
        Remarks on the corpora of the targets, to be shown.

    Raises:
        InputError: a target or another name is unknown, a file or recordings are missing, a rate poisons nothing, or a
            run of many jobs names no target.
    """
    check_targets(arguments, plan.targets, (ALL, *rule_names()))
    check_options(arguments, plan.targets, (ALL, *rule_names()))
    targets = asked_targets(arguments, plan.targets)
    # Here, so that a missing file is an error of the configuration, and not one of a rule.
    plan.expand(targets)
    if not computes(arguments):
        return []
    check_requirements(plan, targets)
    if len(targets) == len(plan.targets) and ALL not in arguments and not dry_run:
        from sanguinaria.workflow.run_size import check_size

        check_size(plan, arguments, names_targets)
    return corpus_remarks(plan, targets)
