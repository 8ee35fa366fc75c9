"""The columns of the tables as the reports define them: heading, unit, digits, and which way is better."""

from __future__ import annotations

from sanguinaria.reports.layout import COLUMNS
from sanguinaria.workflow.generated_pages.markdown import code, table

BETTER = {"higher": "higher", "lower": "lower", None: "–"}


def column_reference() -> str:
    """Return the page: one row for each measured column."""
    rows = [
        [
            code(name),
            column.heading,
            column.label,
            "fraction; shown in %" if column.percent else "",
            str(column.digits),
            BETTER[column.better],
        ]
        for name, column in COLUMNS.items()
    ]
    headings = ["column in CSV", "heading", "quantity", "unit", "digits shown", "better"]
    return "\n".join(
        [
            "# Measured columns\n",
            "This list is generated from the code. [Columns of the tables](../columns.md) says how each value is "
            "measured, and lists the columns of names and counts. Rates are fractions in the CSV files, and per cent "
            "on pages and figures.\n",
            table(headings, rows),
        ]
    )
