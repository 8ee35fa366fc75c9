"""The wide table as a page shows it, in Markdown and in LaTeX."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from sanguinaria.core.atomic_files import write_text
from sanguinaria.core.columns import Columns
from sanguinaria.reports.layout.context import PLAIN, Context
from sanguinaria.reports.layout.grid import Grid, grid_latex, grid_markdown
from sanguinaria.reports.layout.markup import escaped
from sanguinaria.reports.layout.parts import Parts, arrange_parts, latex_part, markdown_part


def write_layouts(
    table: pd.DataFrame,
    layout: Grid | Parts,
    columns: Columns,
    settings: Mapping[str, object],
    *,
    context: Context = PLAIN,
    markdown_page: Path,
    latex_page: Path,
) -> None:
    """Arrange a wide table by the layout of its kind, and write it as Markdown and as LaTeX.

    Args:
        table: the wide table.
        layout: of its kind of evaluation.
        columns: of the table.
        settings: of the evaluation, which titles may name.
        context: what is shown beside the values.
        markdown_page, latex_page: destinations.

    Raises:
        InputError: there are no lines, a naming column is missing, or two lines have the same names.
    """
    if isinstance(layout, Grid):
        write_text(markdown_page, grid_markdown(table, columns, context))
        write_text(latex_page, grid_latex(table, columns, context))
        return
    parts = list(arrange_parts(table, layout, columns, settings, context.requested))
    notes = f"\n{'; '.join(context.notes)}.\n" if context.notes else ""
    write_text(markdown_page, "\n".join(map(markdown_part, parts)) + notes)
    legend = rf"{{\footnotesize {escaped(notes.strip())}\par}}" if notes else ""
    write_text(latex_page, "\n".join([*map(latex_part, parts), legend]))
