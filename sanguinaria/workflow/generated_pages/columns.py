"""The columns of the tables as the code defines them: heading, unit, digits, and which way is better."""

from __future__ import annotations

from collections.abc import Mapping

from sanguinaria.core import plugins
from sanguinaria.core.columns import Column
from sanguinaria.metrics import Metric
from sanguinaria.reports.evaluation import kind
from sanguinaria.workflow.generated_pages.markdown import code, table

# Sections of the configuration whose entries become tables.
KINDS = ("experiments", "benchmarks", "verifications")
HEADINGS = ("column in CSV", "heading", "quantity", "unit", "digits shown", "better")


def column_reference() -> str:
    """Return the page: a table of columns for each kind of evaluation, and one for the metrics."""
    parts = [
        "# Measured columns\n",
        "This list is generated from the code. [Columns of the tables](../columns.md) defines each value, and lists "
        "the columns of names and counts. Rates are fractions in the CSV files, and per cent on pages and figures. "
        "Most values have an interval in two further columns, `…_low` and `…_high`.\n",
    ]
    for name in KINDS:
        parts += [f"## {name}\n", _table(kind(name).columns)]
    parts += [
        "## metrics\n",
        "The column of a metric is the name of its entry in the configuration, with its unit. These are the names "
        "where the entry has the name of its kind, with default settings: "
        "[all settings](../configuration/metrics.md).\n",
        _table(_metrics()),
    ]
    return "\n".join(parts)


def _table(columns: Mapping[str, Column]) -> str:
    return table(HEADINGS, [_row(name, column) for name, column in columns.items()])


def _row(name: str, column: Column) -> list[str]:
    unit = "fraction; shown in %" if column.percent else ""
    return [code(name), column.heading, column.label, unit, str(column.digits), column.better or "–"]


def _metrics() -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for name in plugins.kinds("metrics"):
        metric = plugins.build("metrics", {"kind": name})
        assert isinstance(metric, Metric)
        columns[metric.column_name(name)] = metric.column(name)
    return columns
