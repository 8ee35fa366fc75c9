"""What results are reduced to: the specification of tables and figures, by the names that the user gave to entries."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Generic, Protocol, TypeVar

from sanguinaria.core.paths import RESULTS
from sanguinaria.plan.sections.comparison import Comparison
from sanguinaria.plan.stages.scores import QualityStage, ScoreStage
from sanguinaria.plan.stages.stage import RowStage, Stage, Trained
from sanguinaria.plan.stages.triggered import DetectionStage
from sanguinaria.plan.stages.victims import PoisonedStage
from sanguinaria.reports.figure_settings import Figure


@dataclass(frozen=True)
class SeedScores:
    """What one seed adds to a row of a table."""

    scores: ScoreStage
    poisoned: PoisonedStage


@dataclass(frozen=True)
class Detections:
    """What a trigger's detector says of clean and of triggered test utterances, both after the row's defence."""

    clean: DetectionStage
    triggered: DetectionStage


@dataclass(frozen=True)
class TableLine:
    """One configuration, by the user's names, and the results that it is reduced from.

    ``settings`` are the numbers by which a figure may arrange rows: the poisoning rate and its entries' own.
    """

    names: Mapping[str, str]
    settings: Mapping[str, float]
    seeds: tuple[SeedScores, ...]
    quality: Mapping[str, QualityStage]
    detections: Detections | None

    @property
    def stages(self) -> Iterator[Stage]:
        for seed in self.seeds:
            yield from (seed.scores, seed.poisoned)
        yield from self.quality.values()
        if self.detections is not None:
            yield from (self.detections.clean, self.detections.triggered)

    @property
    def inputs(self) -> Iterator[Path]:
        for stage in self.stages:
            yield from stage.row_files if isinstance(stage, RowStage) else ()
        yield from (seed.poisoned.manifest for seed in self.seeds)

    @property
    def specification(self) -> dict[str, object]:
        results = [{"scores": named(seed.scores), "manifest": str(seed.poisoned.manifest)} for seed in self.seeds]
        found = self.detections
        return {
            **self.names,
            "rate": self.settings["rate"],
            "results": results,
            "quality": {metric: named(quality) for metric, quality in self.quality.items()},
            "detections": found and {"clean": named(found.clean), "triggered": named(found.triggered)},
        }


@dataclass(frozen=True)
class Bound:
    """The values that a metric calls stealthy: from ``value`` on where higher is better, else up to it."""

    better: str
    value: float


class Reduced:
    """What rows of results are reduced to."""

    @property
    @abstractmethod
    def reduced(self) -> Iterator[Stage]:
        """The results that it is reduced from."""

    @cached_property
    def made_from(self) -> dict[str, Stage]:
        """Every result that it depends on, by its folder's path under the results."""
        found: dict[str, Stage] = {}
        pending = list(self.reduced)
        while pending:
            stage = pending.pop()
            if found.setdefault(f"{stage.stage}/{stage.key}", stage) is stage:
                pending.extend(stage.upstream)
        return dict(sorted(found.items()))

    @property
    def environments(self) -> list[Path]:
        """The files that describe the run environment of each training it depends on."""
        return [stage.environment for stage in self.made_from.values() if isinstance(stage, Trained)]


class Line(Protocol):
    """One line of a table, by the user's names."""

    @property
    def stages(self) -> Iterator[Stage]:
        """The results that it is reduced from."""

    @property
    def inputs(self) -> Iterator[Path]:
        """Their files."""

    @property
    def specification(self) -> dict[str, object]:
        """Names, numbers, and the results by their paths."""


L = TypeVar("L", bound=Line)


@dataclass(frozen=True)
class LineTable(Reduced, Generic[L]):
    """A table of lines, and what a paper printed in its place."""

    code: str
    name: str
    lines: tuple[L, ...]
    comparison: Comparison | None

    kind: ClassVar[str]

    @property
    def reduced(self) -> Iterator[Stage]:
        return (stage for line in self.lines for stage in line.stages)

    @property
    def inputs(self) -> list[Path]:
        """Every file that the table is made from, once, in the order of the lines."""
        return list(dict.fromkeys(path for line in self.lines for path in line.inputs))

    @property
    def table(self) -> Path:
        return RESULTS / "tables" / f"{self.name}.csv"

    @property
    def metrics(self) -> Path:
        """The long table beside it."""
        return self.table.with_suffix(".metrics.csv")

    @property
    def settings(self) -> dict[str, object]:
        """What else the table is reduced with."""
        return {}

    @cached_property
    def specification(self) -> str:
        """The lines as canonical JSON, each result by its path, and what all results are made from."""
        content = {
            "stage": self.kind,
            "code": self.code,
            "lines": [line.specification for line in self.lines],
            "comparison": None if self.comparison is None else self.comparison.model_dump(mode="json"),
            "results": {path: json.loads(stage.specification) for path, stage in self.made_from.items()},
        }
        return json.dumps(content | self.settings, sort_keys=True)


@dataclass(frozen=True)
class TableStage(LineTable[TableLine]):
    """The table of one experiment; the values that metrics call stealthy are of all metrics of the configuration."""

    bounds: Mapping[str, Bound]

    kind: ClassVar[str] = "tables"

    @property
    def settings(self) -> dict[str, object]:
        return {"bounds": {metric: asdict(bound) for metric, bound in self.bounds.items()}}


def named(rows: RowStage) -> list[str]:
    """The files of a stage as a table's specification names them."""
    return [str(path) for path in rows.row_files]


@dataclass(frozen=True)
class FigureStage:
    """Curves drawn from tables; the rows' settings may be their abscissae."""

    code: str
    name: str
    figure: Figure
    tables: tuple[TableStage, ...]

    @property
    def specification(self) -> str:
        """The figure's settings, whose series are drawn in their order, and the tables' rows by their names with the
        numbers among their settings."""
        rows = [{**row.names, **row.settings} for table in self.tables for row in table.lines]
        figure = self.figure.model_dump(mode="json")
        return json.dumps({"stage": "figures", "code": self.code, "figure": figure, "rows": rows})
