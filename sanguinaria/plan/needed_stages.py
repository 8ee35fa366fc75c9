"""Results that a target needs, with or without those that are finished."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sanguinaria.plan.evaluation import Evaluation
from sanguinaria.plan.plan import Plan
from sanguinaria.plan.stages.stage import Stage


def tables_of(plan: Plan, target: str) -> list[Evaluation]:
    """Return the tables that a target is, or is drawn from; none for spectrograms.

    Args:
        plan: of the configuration.
        target: name of a table or figure.
    """
    if target in plan.tables:
        return [plan.tables[target]]
    return list(plan.figures[target].tables) if target in plan.figures else []


def roots(plan: Plan, target: str) -> list[Stage]:
    """Return the results that a table or figure is reduced from.

    Args:
        plan: of the configuration.
        target: name of the table or figure.

    Raises:
        KeyError: there is none of that name.
    """
    if tables := tables_of(plan, target):
        return [stage for table in tables for stage in table.reduced]
    return list(plan.spectrograms[target].reduced)


def needed_stages(stages: Iterable[Stage], is_finished: Callable[[Stage], bool]) -> dict[str, Stage]:
    """Return stages and all that they depend on, by key, without what is finished and what that alone depends on.

    Args:
        stages: of a plan.
        is_finished: whether a stage's files are there.
    """
    needed: dict[str, Stage] = {}
    pending = list(stages)
    while pending:
        stage = pending.pop()
        if stage.key not in needed and not is_finished(stage):
            needed[stage.key] = stage
            pending.extend(stage.upstream)
    return needed
