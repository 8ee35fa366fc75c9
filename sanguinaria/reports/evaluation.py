"""Tables: the rows of each cell of an evaluation reduced to one line.

``T.csv`` is the wide table. ``T.metrics.csv`` has every metric of every cell in a line of its own, with its interval,
the number of utterances, readings or trials that it was and was not measured on, the factors of variation that the
interval is over, each with the number of its groups, and those that apply but were not moved. ``T.differences.csv``
compares lines in pairs, and ``T.runs.csv`` has the value of each run. Rates are fractions.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import pandas as pd

from sanguinaria.core import parquet
from sanguinaria.core.atomic_files import atomic
from sanguinaria.core.columns import Columns
from sanguinaria.reports.cells import CellRows, Kind
from sanguinaria.reports.differences import Line, differences
from sanguinaria.reports.interval_notes import interval_notes
from sanguinaria.reports.layout import write_layouts
from sanguinaria.reports.layout.context import Context
from sanguinaria.reports.run_values import run_values

# Significant digits of a number in a table.
DIGITS = 6


def kind(name: str) -> Kind:
    """The kind of evaluation of a section of the configuration: its columns, reduction and layout."""
    return cast(Kind, importlib.import_module(f"sanguinaria.reports.{name}").KIND)


def columns_of(specification: Mapping[str, Any]) -> Columns:
    """The columns of a table: its kind's own, and those of the metrics that its specification describes."""
    return Columns({**kind(specification["kind"]).columns, **Columns.of_plain(specification["columns"])})


def write_evaluation(
    specification: Mapping[str, Any],
    *,
    wide: Path,
    metrics: Path,
    paired: Path,
    runs: Path,
    markdown: Path,
    latex: Path,
) -> None:
    """Reduce an evaluation to its tables, and lay the wide one out.

    Args:
        specification: as :class:`sanguinaria.plan.evaluation.Evaluation` has it.
        wide, metrics, paired, runs: destinations of the wide table, of the long one, of the paired differences, and of
            the values of each run.
        markdown, latex: destinations of the wide table as pages.

    Raises:
        InputError: the wide table cannot be laid out.
    """
    lines = write_tables(specification, wide, metrics, paired, runs)
    table = read_table(wide)
    with_interval = [
        measured for line in lines for metric, measured in line.measured.items() if f"{metric}_low" in table
    ]
    context = Context(
        requested=frozenset(specification["columns"]),
        differences=read_differences(paired),
        notes=tuple(interval_notes(with_interval)),
    )
    write_layouts(
        table,
        kind(specification["kind"]).layout,
        columns_of(specification),
        specification["settings"],
        context=context,
        markdown_page=markdown,
        latex_page=latex,
    )


def write_tables(specification: Mapping[str, Any], wide: Path, metrics: Path, paired: Path, runs: Path) -> list[Line]:
    """Reduce the cells of an evaluation, and write its tables.

    Args:
        specification: as :class:`sanguinaria.plan.evaluation.Evaluation` has it.
        wide: destination of the wide table.
        metrics: destination of the long one.
        paired: destination of the paired differences.
        runs: destination of the values of each run.

    Returns:
        The lines that were reduced.
    """
    reduction = kind(specification["kind"])
    values, lines = [], []
    for cell in specification["cells"]:
        reduced = reduction.reduce(read_cell(cell), specification["settings"])
        values.append({**cell["factors"], **reduced.values})
        lines.append(Line(cell["factors"], reduced.measured))
    write_table(reduction.finish(pd.DataFrame(values)), wide)
    write_table(pd.DataFrame([row for line in lines for row in _long_rows(line)]), metrics)
    write_table(differences(lines, columns_of(specification), reduction.comparisons), paired)
    write_table(run_values(lines, list(specification["cells"][0]["factors"]) if lines else []), runs)
    return lines


def _long_rows(line: Line) -> Iterator[dict[str, object]]:
    for metric, value in line.measured.items():
        estimate = value.estimate
        yield {
            **line.factors,
            "metric": metric,
            "value": estimate.value,
            "low": estimate.low,
            "high": estimate.high,
            "scored": value.scored,
            "unscored": value.unscored,
            "interval_over": " ".join(f"{factor}:{groups}" for factor, groups in estimate.covers.items()),
            "not_moved": " ".join(estimate.not_moved),
        }


def read_cell(cell: Mapping[str, Any]) -> CellRows:
    """Read the rows of a cell of a specification."""
    rows, quality = (
        {kind_of_rows: [_read(*files) for files in seeds] for kind_of_rows, seeds in cell[part].items()}
        for part in ("rows", "quality")
    )
    return CellRows(factors=cell["factors"], settings=cell["settings"], runs=cell["runs"], rows=rows, quality=quality)


@cache
def _read(*files: str) -> Any:
    """The rows of one result, which may lie in several files; rows of utterances are sorted by utterance."""
    if len(files) == 1 and files[0].endswith(".json"):
        return json.loads(Path(files[0]).read_text(encoding="utf-8"))
    table = pd.concat([parquet.read(Path(file)) for file in files], ignore_index=True)
    order = [name for name in ("utterance_id", "key") if name in table]
    return table.sort_values(order, ignore_index=True) if order else table


def write_table(table: pd.DataFrame, destination: Path) -> None:
    """Write a table as CSV."""
    with atomic(destination) as temporary:
        table.to_csv(temporary, index=False, float_format=f"%.{DIGITS}g", lineterminator="\n")


def read_table(path: Path) -> pd.DataFrame:
    """Read a table that :func:`write_table` wrote.

    "none" is a name, only an empty field is a missing value, and labels that look like numbers stay texts.
    """
    return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype={"target": str})


def read_differences(path: Path) -> pd.DataFrame:
    """Read the paired differences of a table, whose empty names are texts."""
    table = pd.read_csv(path, keep_default_na=False, dtype=str)
    return table.assign(p_holm=pd.to_numeric(table["p_holm"]))


def write_efficiency(specification: Mapping[str, Any], destination: Path) -> None:
    """Write a line for each watermark of a benchmark: what marking and detecting cost, and on which processor."""
    from sanguinaria.reports.benchmarks import efficiency

    cells = ({**cell, "rows": _costs(cell), "quality": {}} for cell in specification["cells"])
    write_table(efficiency([read_cell(cell) for cell in cells]), destination)


def _costs(cell: Mapping[str, Any]) -> dict[str, Any]:
    return {name: files for name, files in cell["rows"].items() if name == "efficiency"}
