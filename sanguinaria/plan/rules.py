"""The rules of the workflow. The workflow script of a rule has the rule's name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from sanguinaria.plan import benchmarks, experiments, verifications  # noqa: F401 (their imports define all stages)
from sanguinaria.plan.evaluation import ComparedTable, Evaluation, FigureStage
from sanguinaria.plan.expander import Made
from sanguinaria.plan.spectrograms import SpectrogramStage
from sanguinaria.plan.stages.stage import Stage


@cache
def rule_names() -> tuple[str, ...]:
    """Return the names of all rules that make a result, sorted."""
    made: list[type[Made]] = [Evaluation, ComparedTable, FigureStage, SpectrogramStage, *_stages(Stage)]
    return tuple(sorted(name for each in made for name in each.rules))


@cache
def all_stages() -> tuple[type[Stage], ...]:
    """Return the classes of all stages that a rule makes."""
    return tuple(_stages(Stage))


@cache
def wildcards_of_stages() -> dict[str, str]:
    """Return the wildcard of the rules that matches a stage's key, by stage, sorted."""
    return dict(sorted((stage.stage, stage.wildcard) for stage in _stages(Stage)))


def _stages(kind: type[Stage]) -> Iterator[type[Stage]]:
    """All stages that a rule makes."""
    for stage in kind.__subclasses__():
        if "stage" in vars(stage):
            yield stage
        yield from _stages(stage)
