"""The wide table as a page shows it, in Markdown and in LaTeX."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd

from sanguinaria.core.atomic_files import write_text
from sanguinaria.core.columns import Columns
from sanguinaria.reports.layout.grid import Grid, grid_latex, grid_markdown
from sanguinaria.reports.layout.parts import Parts, arrange_parts, latex_part, markdown_part


def write_layouts(
    table: pd.DataFrame,
    layout: Grid | Parts,
    columns: Columns,
    settings: Mapping[str, object],
    *,
    requested: Collection[str] = (),
    markdown_page: Path,
    latex_page: Path,
) -> None:
    """Arrange a wide table by the layout of its kind, and write it as Markdown and as LaTeX.

    Args:
        table: the wide table.
        layout: of its kind of evaluation.
        columns: of the table.
        settings: of the evaluation, which titles may name.
        requested: the columns of the metrics that the evaluation requests, which are shown without a value, too.
        markdown_page, latex_page: destinations.

    Raises:
        InputError: there are no lines, a naming column is missing, or two lines have the same names.
    """
    if isinstance(layout, Grid):
        write_text(markdown_page, grid_markdown(table, columns, requested))
        write_text(latex_page, grid_latex(table, columns, requested))
        return
    parts = list(arrange_parts(table, layout, columns, settings, requested))
    write_text(markdown_page, "\n".join(map(markdown_part, parts)))
    write_text(latex_page, "\n".join(map(latex_part, parts)))
