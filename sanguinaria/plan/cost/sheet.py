"""The sheet: jobs, hours and disk of targets, in all and of what is not finished."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields

from sanguinaria.plan.cost.disk import bytes_of
from sanguinaria.plan.cost.jobs import bookkeeping_jobs, working_jobs
from sanguinaria.plan.cost.specifications import of_stage
from sanguinaria.plan.cost.work import work_of
from sanguinaria.plan.needed_stages import needed_stages, roots
from sanguinaria.plan.plan import Plan
from sanguinaria.plan.stages.stage import Stage

# How long all jobs of a stage take, in seconds.
Seconds = Callable[[Stage], float]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The cost of some results.

    Attributes:
        jobs: their number.
        cpu_hours: of one core.
        gpu_hours: of one GPU, by jobs that request one.
        gigabytes: of their files, 10⁹ bytes.
    """

    jobs: int = 0
    cpu_hours: float = 0.0
    gpu_hours: float = 0.0
    gigabytes: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(**{field.name: getattr(self, field.name) + getattr(other, field.name) for field in fields(self)})


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the sheet: the cost in all, and of what is not finished."""

    name: str
    total: Cost
    remaining: Cost


class Sheet:
    """Costs of targets.

    Args:
        plan: of the configuration.
        targets: names of tables and figures.
        seconds: of a stage.
        uses_gpu: whether jobs that request a GPU have one.
        is_finished: whether a stage's files are there.
    """

    def __init__(
        self,
        plan: Plan,
        targets: Iterable[str],
        seconds: Seconds,
        uses_gpu: bool,
        is_finished: Callable[[Stage], bool],
    ) -> None:
        self._seconds, self._uses_gpu, self._is_finished = seconds, uses_gpu, is_finished
        self._costs: dict[str, Cost] = {}
        self._finished: dict[str, bool] = {}
        self.roots = {target: roots(plan, target) for target in targets}
        self.stages = needed_stages([stage for stages in self.roots.values() for stage in stages], lambda stage: False)

    def by_target(self) -> list[Line]:
        """Return a line for each target by itself, with all that it shares with others."""
        return [
            self._line(target, stages, needed_stages(stages, self.finished)) for target, stages in self.roots.items()
        ]

    def by_rule(self) -> list[Line]:
        """Return a line for each kind of result, of all targets together."""
        remaining = self._remaining()
        kinds = dict.fromkeys(stage.stage for stage in self.stages.values())
        return [
            Line(
                name=kind,
                total=self._sum(stage for stage in self.stages.values() if stage.stage == kind),
                remaining=self._sum(stage for stage in remaining.values() if stage.stage == kind),
            )
            for kind in sorted(kinds)
        ]

    def total(self) -> Line:
        """Return the line of all targets together, in which what they share counts once."""
        return Line(
            name="total", total=self._sum(self.stages.values()), remaining=self._sum(self._remaining().values())
        )

    def finished(self, stage: Stage) -> bool:
        """Return whether a stage's files are there."""
        if stage.key not in self._finished:
            self._finished[stage.key] = self._is_finished(stage)
        return self._finished[stage.key]

    def _remaining(self) -> Mapping[str, Stage]:
        return needed_stages([stage for stages in self.roots.values() for stage in stages], self.finished)

    def _line(self, name: str, stages: Iterable[Stage], remaining: Mapping[str, Stage]) -> Line:
        needed = needed_stages(stages, lambda stage: False)
        return Line(name=name, total=self._sum(needed.values()), remaining=self._sum(remaining.values()))

    def _sum(self, stages: Iterable[Stage]) -> Cost:
        return sum((self._cost(stage) for stage in stages), Cost())

    def _cost(self, stage: Stage) -> Cost:
        if stage.key not in self._costs:
            content = of_stage(stage)
            hours = self._seconds(stage) / 3600
            on_gpu = self._uses_gpu and work_of(content).gpu
            self._costs[stage.key] = Cost(
                jobs=working_jobs(content) + bookkeeping_jobs(content),
                cpu_hours=0.0 if on_gpu else hours,
                gpu_hours=hours if on_gpu else 0.0,
                gigabytes=bytes_of(content) / 1e9,
            )
        return self._costs[stage.key]
