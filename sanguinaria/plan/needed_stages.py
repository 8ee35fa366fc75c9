"""Results that a target needs, with or without those that are finished."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from sanguinaria.core.paths import RESULTS
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


def specification_file(kind: str, name: str) -> Path:
    """Return the file of what a table or figure was made from.

    Args:
        kind: ``tables`` or ``figures``.
        name: of the table or figure.
    """
    return RESULTS / kind / "specifications" / f"{name}.json"


def is_made(plan: Plan, target: str) -> bool:
    """Return whether all files of a table or figure are there, and were made from what the plan says.

    Args:
        plan: of the configuration.
        target: name of the table or figure.
    """
    kind = "tables" if target in plan.tables else "figures"
    planned = (plan.tables.made.get(target), plan.figures.made.get(target), plan.spectrograms.made.get(target))
    specification = next((each.specification for each in planned if each is not None), None)
    stored = specification_file(kind, target)
    try:
        # Written when the jobs are planned: files that are older were made from another one.
        return stored.read_text(encoding="utf-8") == f"{specification}\n" and all(
            path.stat().st_mtime_ns >= stored.stat().st_mtime_ns for path in plan.targets[target]
        )
    except OSError:
        return False


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
