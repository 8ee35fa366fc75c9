"""Pages of several parts: for each rate a table of one factor by another, then listings of all other columns."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from sanguinaria.core.columns import Column, Columns
from sanguinaria.reports.layout.markdown import markdown_table, text_blocks
from sanguinaria.reports.layout.markup import UNDEFINED, UNDEFINED_NOTE, escaped, is_bound, is_undefined, latex_row
from sanguinaria.reports.layout.page_width import NARROW_COLUMNS, TEXT_WIDTH, column_width, fitting_blocks


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A part with a line for each combination of some factors, and a column for each value.

    Attributes:
        title: with the name of ``each`` in braces.
        names: factors whose values name a line.
        each: the factor for each of whose values there is a part of its own.
        level: the level of the columns that are listed; any but ``without`` where ``None``.
        without: the level of columns that are not listed.
    """

    title: str
    names: tuple[str, ...]
    each: str | None = None
    level: tuple[str, ...] | None = None
    without: tuple[str, ...] | None = None

    def lists(self, column: Column) -> bool:
        """Whether a column belongs to the listing."""
        return column.level != self.without if self.level is None else column.level == self.level


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A layout in parts.

    Attributes:
        row: factors whose values name a line; a factor of one value is left out unless it is in ``always``.
        always: see ``row``.
        across: the factor whose values are the columns of a rate's part.
        rates: the columns that have a part of their own, and its title, with an evaluation's settings in braces.
        counts: those of them that are counts: without an interval, and left out where all are 0.
        digits: of columns that have others in a rate's part.
        listings: parts of all other columns.
        unshown: columns that are in no part.
    """

    row: tuple[str, ...]
    always: tuple[str, ...]
    across: str
    rates: Mapping[str, str]
    counts: tuple[str, ...]
    digits: Mapping[str, int] = field(default_factory=dict)
    listings: tuple[Listing, ...]
    unshown: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """A table of texts with its title; the first columns of each row, ``names`` of them, are names."""

    title: str
    headings: list[str]
    rows: list[list[str]]
    names: int


def arrange_parts(
    table: pd.DataFrame,
    layout: Parts,
    columns: Columns,
    settings: Mapping[str, object],
    requested: Collection[str] = (),
) -> Iterator[Part]:
    """Arrange a wide table; parts without a value are left out.

    Args:
        table: as ``sanguinaria.reports.evaluation`` writes it.
        layout: of its kind.
        columns: of the table.
        settings: of the evaluation, for the titles.
        requested: the columns of metrics that are listed without a value, too, with a dash in each line.

    Yields:
        A table for each rate of the layout, then those of each listing.
    """
    names = [name for name in layout.row if name in layout.always or table[name].nunique() > 1]
    shares = {name: f"{100 * value:g} %" for name, value in settings.items() if isinstance(value, float)}
    for rate, title in layout.rates.items():
        if _has_values(table, layout, rate):
            yield _rate_part(table, layout, columns, names, rate, title.format(**shares))
    for listing in layout.listings:
        yield from _listing_parts(table, layout, columns, names, listing, requested)


def _has_values(table: pd.DataFrame, layout: Parts, rate: str) -> bool:
    if rate not in table or table[rate].isna().all():
        return False
    return rate not in layout.counts or bool(table[rate].any())


def _rate_part(table: pd.DataFrame, layout: Parts, columns: Columns, names: list[str], rate: str, title: str) -> Part:
    if rate in layout.counts:
        column = Column(heading=rate, label=rate, digits=0)
    else:
        column = replace(columns[rate], digits=layout.digits.get(rate, columns[rate].digits))
    across = list(dict.fromkeys(table[layout.across]))
    rows = []
    for _, lines in table.groupby(list(layout.row), sort=False):
        by_factor = lines.set_index(layout.across)
        cells = [_cell(by_factor.loc[value], rate, column) for value in across]
        rows.append([*map(str, lines.iloc[0][names]), *cells])
    return Part(title, [*names, *across], rows, len(names))


def _cell(line: pd.Series, name: str, column: Column) -> str:
    """A value with its interval, where it has one."""
    if pd.isna(line[name]):
        return ""
    bounds = [line.get(f"{name}_{end}") for end in ("low", "high")]
    interval = "" if any(map(pd.isna, bounds)) else f" ({column.text(bounds[0])}–{column.text(bounds[1])})"
    return column.text(line[name]) + interval


def _listing_parts(
    table: pd.DataFrame,
    layout: Parts,
    columns: Columns,
    row: list[str],
    listing: Listing,
    requested: Collection[str],
) -> Iterator[Part]:
    unshown = {*layout.unshown, *layout.row, layout.across, *layout.rates}
    listed = [
        str(name)
        for name in table
        if name not in unshown and not is_bound(table, str(name)) and listing.lists(columns[str(name)])
    ]
    # A factor of one value is left out of every part; only the factor across the other parts names the lines of this.
    names = [name for name in listing.names if name in row or name == layout.across]
    groups = table.groupby(listing.each, sort=False) if listing.each else [("", table)]
    for value, lines in groups:
        undefined = {name for name in listed if is_undefined(table[name], requested)}
        shown = [name for name in listed if name in undefined or lines[name].notna().any()]
        if shown:
            title = listing.title.format(**{listing.each: value}) if listing.each else listing.title
            yield _listing_part(lines.drop_duplicates(names), columns, names, shown, title, undefined)


def _listing_part(
    lines: pd.DataFrame, columns: Columns, names: list[str], shown: list[str], title: str, undefined: Collection[str]
) -> Part:
    empty = {name: UNDEFINED if name in undefined else "" for name in shown}
    rows = [
        [
            *map(str, line[names]),
            *(empty[name] if pd.isna(line[name]) else columns[name].text(line[name]) for name in shown),
        ]
        for _, line in lines.iterrows()
    ]
    title = f"{title} ({UNDEFINED_NOTE})" if undefined else title
    return Part(title, [*names, *(_heading(columns[name]) for name in shown)], rows, len(names))


def _heading(column: Column) -> str:
    return column.heading + (" %" if column.percent else "")


def markdown_part(part: Part) -> str:
    """Return a part in Markdown, below its title, as tables none of which is wider than a line of text."""
    blocks = text_blocks(part.headings, part.rows, part.names, range(len(part.headings) - part.names))
    tables = (
        [[*line[: part.names], *(line[index] for index in block)] for line in (part.headings, *part.rows)]
        for block in blocks
    )
    return f"**{part.title}**\n\n" + "\n".join(markdown_table(lines[0], lines[1:]) for lines in tables)


def latex_part(part: Part) -> str:
    r"""Return a part below its title as ``tabular``s for the package ``booktabs``, none wider than a page."""
    columns = [[(text, "") for text in column] for column in zip(part.headings, *part.rows, strict=True)]
    widths = [column_width(column) for column in columns]
    values = range(part.names, len(widths))
    blocks = fitting_blocks(widths[part.names :], values, TEXT_WIDTH - sum(widths[: part.names]))
    title = escaped(part.title).replace("–", "--")
    return "\n".join(
        [
            rf"{{{NARROW_COLUMNS}",
            rf"\textbf{{{title}}}\par\smallskip",
            "\n\n\\medskip\n".join(_tabular(part, [part.names + column for column in block]) for block in blocks),
            "\\par}\n",
        ]
    )


def _tabular(part: Part, values: Sequence[int]) -> str:
    headings, *rows = (
        [*line[: part.names], *(line[index] for index in values)] for line in (part.headings, *part.rows)
    )
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{'l' * part.names}{'c' * len(values)}}}",
            r"\toprule",
            _latex_cells(headings),
            r"\midrule",
            *map(_latex_cells, rows),
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def _latex_cells(cells: Sequence[str]) -> str:
    return latex_row([escaped(cell).replace("–", "--") for cell in cells])
