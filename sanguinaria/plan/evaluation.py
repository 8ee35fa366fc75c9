"""Evaluations: the tables of experiments, benchmarks and verifications, by the names that the user gave to entries.

An evaluation is a grid of factors (corpus, trigger, victim, defence, attack, distortion, …) by seeds. Each of its cells
names, for every kind of rows, the result of each seed that has these rows.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from sanguinaria.core.columns import Columns
from sanguinaria.core.paths import RESULTS
from sanguinaria.core.runs import Run
from sanguinaria.plan.sections.comparison import Comparison
from sanguinaria.plan.stages.stage import Stage, Trained
from sanguinaria.reports.figure_settings import Figure
from sanguinaria.reports.printed import printed_digest

# For each run the stage whose rows are reduced; for each generator where no model is between; none where there is none.
Seeds = tuple[Stage, ...]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of an evaluation's grid.

    Attributes:
        factors: the names of its entries, by factor; they are a line's names in the table.
        settings: numbers that the reduction uses, and by which a figure may arrange lines.
        runs: of each run its seeds, by the factors of variation that apply to the cell: what is not random in it has no
            seed, and what has one seed in all runs was not moved.
        rows: by kind of rows.
        quality: by the column of a metric of quality.
    """

    factors: Mapping[str, str]
    settings: Mapping[str, float]
    runs: tuple[Run, ...]
    rows: Mapping[str, Seeds]
    quality: Mapping[str, Seeds] = field(default_factory=dict)

    @property
    def stages(self) -> Iterator[Stage]:
        """The results that the cell is reduced from."""
        for seeds in (*self.rows.values(), *self.quality.values()):
            yield from seeds

    @property
    def specification(self) -> dict[str, object]:
        """The cell for JSON, each result by the paths of its rows."""
        return {
            "factors": dict(self.factors),
            "settings": dict(self.settings),
            "runs": [dict(run) for run in self.runs],
            "rows": {name: _files(seeds) for name, seeds in sorted(self.rows.items())},
            "quality": {name: _files(seeds) for name, seeds in sorted(self.quality.items())},
        }


def _files(seeds: Seeds) -> list[list[str]]:
    return [[str(path) for path in stage.row_files] for stage in seeds]


def _sorted(content: object) -> object:
    """Plain mappings with their keys in order: that of a configuration's keys changes no table."""
    return json.loads(json.dumps(content, sort_keys=True, default=dict))


def table_files(name: str, kind: str, compared: bool) -> list[Path]:
    """Return all files of a table; the first two are for programs.

    Args:
        name: of the table.
        kind: the section of the configuration.
        compared: whether it is compared with a table of a paper.
    """
    forms = ["csv", "metrics.csv", "differences.csv", "runs.csv", "md", "tex", "provenance.json"]
    if kind == "benchmarks":
        forms.append("efficiency.csv")
    if compared:
        forms += ["comparison.csv", "comparison.md"]
    return [RESULTS / "tables" / f"{name}.{form}" for form in forms]


def figure_files(name: str, has_points: bool) -> list[Path]:
    """Return all files of a figure; spectrograms have no points."""
    forms = ["svg", "png", "provenance.json", *(["csv"] if has_points else [])]
    return [RESULTS / "figures" / f"{name}.{form}" for form in forms]


class Reduced:
    """A table or figure: it is made from results, and its path has no hash."""

    @property
    @abstractmethod
    def reduced(self) -> Iterator[Stage]:
        """The results that it is reduced from."""

    @cached_property
    def made_from(self) -> dict[str, Stage]:
        """Every result that it depends on, by its folder's path under the results."""
        stages: dict[str, Stage] = {}
        pending = list(self.reduced)
        while pending:
            stage = pending.pop()
            if stages.setdefault(f"{stage.stage}/{stage.key}", stage) is stage:
                pending.extend(stage.upstream)
        return dict(sorted(stages.items()))

    @property
    def environments(self) -> list[Path]:
        """The files that describe the run environment of its trainings."""
        return [stage.environment for stage in self.made_from.values() if isinstance(stage, Trained)]

    @property
    def provenance(self) -> dict[str, object]:
        """The specifications of all results that it depends on."""
        return {path: json.loads(stage.specification) for path, stage in self.made_from.items()}


@dataclass(frozen=True, kw_only=True)
class ComparedTable:
    """A table beside a paper's printed numbers: made anew where these or the table change, and makes no table anew.

    Attributes:
        code: hash of the code that compares.
        kind: of the evaluation.
        columns: of its metrics of quality.
        comparison: with which numbers.
    """

    code: str
    kind: str
    columns: Columns
    comparison: Comparison

    rules: ClassVar[tuple[str, ...]] = ("comparison",)

    @property
    def specification(self) -> str:
        """The comparison as JSON, with a hash of the printed numbers."""
        content = {
            "stage": "comparisons",
            "code": self.code,
            "kind": self.kind,
            "columns": _sorted(self.columns.plain()),
            "comparison": _sorted(self.comparison.model_dump(mode="json")),
            "printed": printed_digest(self.comparison.paper, self.comparison.table),
        }
        return json.dumps(content)


@dataclass(frozen=True, kw_only=True)
class Evaluation(Reduced):
    """The table of one experiment, benchmark or verification.

    Attributes:
        code: hash of the code that makes the table.
        kind: the section of the configuration, and the module of ``sanguinaria.reports`` that reduces its cells.
        name: of the entry.
        cells: in the order of the table's lines.
        columns: of the metrics of quality.
        settings: that the reduction uses.
        compared: with a table of a paper, if there is one.
    """

    code: str
    kind: str
    name: str
    cells: tuple[Cell, ...]
    columns: Columns
    settings: Mapping[str, object] = field(default_factory=dict)
    compared: ComparedTable | None = None

    rules: ClassVar[tuple[str, ...]] = ("table", "efficiency_table")

    @property
    def reduced(self) -> Iterator[Stage]:
        return (stage for cell in self.cells for stage in cell.stages)

    @property
    def inputs(self) -> list[Path]:
        """Every file that the table is made from, once, in the order of the cells."""
        return list(dict.fromkeys(path for stage in self.reduced for path in stage.row_files))

    def results_of(self, kind_of_rows: str) -> list[Stage]:
        """The results with some kind of rows, each once, in the order of the cells."""
        return list(dict.fromkeys(stage for cell in self.cells for stage in cell.rows.get(kind_of_rows, ())))

    @property
    def table(self) -> Path:
        """The wide table."""
        return RESULTS / "tables" / f"{self.name}.csv"

    @property
    def metrics(self) -> Path:
        """The long table beside it."""
        return self.table.with_suffix(".metrics.csv")

    @property
    def files(self) -> list[Path]:
        """All files of the table, as :func:`table_files` has them."""
        return table_files(self.name, self.kind, self.compared is not None)

    @cached_property
    def specification(self) -> str:
        """The evaluation as JSON, each result by its path, with the specifications of all of them.

        Factors stay in their order, which is that of the tables' columns; anything else is in alphabetical order, so
        that another order of the configuration's keys or metrics makes the same tables.
        """
        content = {
            "stage": "tables",
            "code": self.code,
            "kind": self.kind,
            "cells": [cell.specification for cell in self.cells],
            "columns": _sorted(self.columns.plain()),
            "settings": _sorted(self.settings),
            "results": self.provenance,
        }
        return json.dumps(content)


@dataclass(frozen=True)
class FigureStage:
    """A figure drawn from tables of experiments; the cells' settings may be its abscissae."""

    code: str
    name: str
    figure: Figure
    tables: tuple[Evaluation, ...]
    colours: Mapping[str, str]

    rules: ClassVar[tuple[str, ...]] = ("figure",)

    @property
    def specification(self) -> str:
        """The figure's settings, whose series are drawn in their order, the tables' lines by their factors with the
        numbers among their settings, and the colours of their triggers."""
        cells = [cell for table in self.tables for cell in table.cells]
        content = {
            "stage": "figures",
            "code": self.code,
            "figure": self.figure.model_dump(mode="json"),
            "lines": [{**cell.factors, **cell.settings} for cell in cells],
            "colours": {cell.factors["trigger"]: self.colours[cell.factors["trigger"]] for cell in cells},
            "columns": Columns(pair for table in self.tables for pair in table.columns.items()).plain(),
        }
        return json.dumps(content)
