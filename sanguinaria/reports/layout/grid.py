"""Pages in the arrangement of Bloodroot's Tables 1 and 2: triggers by groups of corpus, victim and defence.

A row is a trigger, with its poisoning where a trigger has several, and with the trigger of the tests where that is
another one. Columns are grouped by corpus, victim and defence; a level of one value has no heading. A value that is the
same for every victim stands once per defence, and one that is the same for every defence too, such as PESQ, once per
corpus. Where the defences are too many for the width of a page, as in a curve over the share that is pruned, each has
rows of its own; where several corpora make a page too wide, each has a part of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import pandas as pd

from sanguinaria.core.columns import FEW, Column, Columns
from sanguinaria.core.errors import InputError
from sanguinaria.reports.layout.context import PLAIN, Context
from sanguinaria.reports.layout.markdown import markdown_table, text_blocks
from sanguinaria.reports.layout.markup import UNDEFINED, UNDEFINED_NOTE, escaped, is_bound, is_undefined, latex_row
from sanguinaria.reports.layout.page_width import NARROW_COLUMNS, TEXT_WIDTH, column_width, fitting_blocks
from sanguinaria.reports.layout.poisoned_notes import poisoned_notes
from sanguinaria.reports.layout.ranks import rank_rows

ROW = ("trigger", "poisoning")
GROUPS = ("corpus", "victim", "defence")
# The factors that a column may depend on besides the corpus and the row, from the coarsest level to the finest.
TRIGGER: tuple[str, ...] = ()
DEFENDED: tuple[str, ...] = ("defence",)
MODEL: tuple[str, ...] = ("victim", "defence")
LEVELS = (TRIGGER, DEFENDED, MODEL)

# The most columns of a victim and a defence that stand side by side.
MAXIMUM_GROUPS = 8
# The most columns of several corpora that stand side by side.
MAXIMUM_COLUMNS = 16
# Names and settings of a line, and counts: they describe the measurement.
UNSHOWN = {"experiment", "seeds", "rate", "target", "test_trigger", *ROW, *GROUPS}
COUNTS = "_utterances"


@dataclass(frozen=True)
class Grid:
    """The layout as a grid of triggers by corpora, victims and defences; it has no settings."""


def grid_markdown(table: pd.DataFrame, columns: Columns, context: Context = PLAIN) -> str:
    """Return a wide table in Markdown, with rates in per cent and their 95 % intervals; the best value is bold, with
    all that a paired test does not distinguish from it, and the next one underlined.

    What is wider than a line of text is a table for each victim and defence, one below the other.

    Args:
        table: one experiment's wide table, as ``sanguinaria.reports.evaluation`` writes it.
        columns: of the table.
        context: what is shown beside the values.

    Raises:
        InputError: there are no lines, a naming column is missing, or two lines have the same names.
    """
    page = _arrange(table, columns, context)
    groups = [" · ".join(_group_names(page, place)) for place in page.places]
    headings = [
        f"{group} · {_title(place)}" if group else _title(place)
        for group, place in zip(groups, page.places, strict=True)
    ]
    rows = [[*names, *(_markdown_cell(cell) for cell in cells)] for names, cells in page.lines]
    if len(text_blocks([*page.row_names, *headings], rows, len(page.row_names), groups)) == 1:
        tables = [markdown_table([*page.row_names, *headings], rows)]
    else:
        tables = list(_grouped_tables(page, groups, rows))
    return "\n".join([*tables, f"{'; '.join(_legend(page, in_words=True))}.\n"])


def _grouped_tables(page: _Page, groups: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table for each group of columns below the group's names, or several where one is wider than a line of text."""
    first = len(page.row_names)
    headings = [*page.row_names, *map(_title, page.places)]
    for _, members in groupby(range(len(groups)), key=groups.__getitem__):
        own = [first + index for index in members]
        shown = [[row[index] for index in (*range(first), *own)] for row in (headings, *rows)]
        # Within one group a table may be divided between any two columns.
        blocks = text_blocks(shown[0], shown[1:], first, range(len(own)))
        title = _group_title(page, page.places[own[0] - first])
        for number, block in enumerate(blocks):
            yield f"**{title}{' (continued)' if number else ''}**\n\n{_block(shown, first, block)}"


def _group_title(page: _Page, place: _Place) -> str:
    """The place's names on the levels of several values; a value that does not depend on one is that of every one."""
    names = [value or f"every {level}" for level, value in zip(GROUPS, place.path, strict=True) if level in page.levels]
    return " · ".join(names) or "all"


def _block(lines: Sequence[Sequence[str]], first: int, block: Sequence[int]) -> str:
    """A table of some columns of the lines, without rows that have nothing in them."""
    headings, *rows = ([*line[:first], *(line[index] for index in block)] for line in lines)
    return markdown_table(headings, [row for row in rows if any(row[first:])] or rows)


def grid_latex(table: pd.DataFrame, columns: Columns, context: Context = PLAIN) -> str:
    r"""Return a wide table as ``tabular``s for the package ``booktabs``, with a legend, to be ``\input``.

    What is too wide for a page is in several, one below the other.

    Args:
        table: one experiment's wide table, as ``sanguinaria.reports.evaluation`` writes it.
        columns: of the table.
        context: what is shown beside the values.

    Raises:
        InputError: as :func:`grid_markdown`.
    """
    page = _arrange(table, columns, context)
    if _is_too_wide(page):
        parts = (f"{escaped(name)}\n\n{grid_latex(lines, columns, context)}" for name, lines in _parts(table))
        return "\n\\bigskip\n\n".join(parts)
    legend = escaped("; ".join(_legend(page))).replace("–", "--")
    return "\n".join(
        [
            rf"{{{NARROW_COLUMNS}",
            "\n\n\\medskip\n".join(_tabular(block) for block in _blocks(page)),
            rf"\par\smallskip{{\footnotesize {legend}.\par}}",
            "}\n",
        ]
    )


def _blocks(page: _Page) -> list[_Page]:
    """Parts of the page that are as wide as a page of paper at most; each has the names of the rows."""
    rows = [cells for _, cells in page.lines]
    widths = [
        column_width([(_heading(place), ""), *((row[index].text, row[index].interval("–")) for row in rows)])
        for index, place in enumerate(page.places)
    ]
    names = zip(*(names for names, _ in page.lines), strict=True)
    named = sum(
        column_width([(text, "") for text in (heading, *column)])
        for heading, column in zip(page.row_names, names, strict=True)
    )
    blocks = fitting_blocks(widths, [place.path for place in page.places], TEXT_WIDTH - named)
    return [
        replace(
            page,
            places=[page.places[index] for index in block],
            lines=[(names, [cells[index] for index in block]) for names, cells in page.lines],
        )
        for block in blocks
    ]


def _tabular(page: _Page) -> str:
    headings = [*(escaped(name) for name in page.row_names), *(_latex_heading(place) for place in page.places)]
    rows = [[*map(escaped, names), *(_latex_cell(cell) for cell in cells)] for names, cells in page.lines]
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{'l' * len(page.row_names)}{'c' * len(page.places)}}}",
            r"\toprule",
            *_spanning_headings(page),
            latex_row(headings),
            r"\midrule",
            *(latex_row(row) for row in rows),
            r"\bottomrule",
            "\\end{tabular}",
        ]
    )


def _legend(page: _Page, *, in_words: bool = False) -> Iterator[str]:
    """What the headings, marks and brackets mean."""
    shown = {_words(place) if in_words else place.column.heading: place.column.axis for place in page.places}
    in_per_cent = [heading for heading, axis in shown.items() if axis == f"{heading} (%)"]
    if in_per_cent:
        yield f"in per cent: {', '.join(in_per_cent)}"
    yield from (
        f"{heading}: {axis}" for heading, axis in shown.items() if heading != axis and heading not in in_per_cent
    )
    cells = [cell for _, cells in page.lines for cell in cells]
    if any(cell.interval("–") for cell in cells):
        yield "in parentheses: 95 % intervals"
    if any(cell.interval("–") and cell.is_of_few for cell in cells):
        yield f"n: number of utterances, where they are fewer than {FEW}"
    if any(cell.rank for cell in cells):
        yield "bold: the best, and all that paired tests do not distinguish from it (Holm, 5 %); underlined: the next"
    if any(cell.undefined for cell in cells):
        yield UNDEFINED_NOTE
    yield from page.notes


@dataclass(frozen=True)
class _Place:
    """A column of the page: a column of the table at a corpus, and a victim and a defence if it varies with them."""

    name: str
    column: Column
    corpus: str
    victim: str = ""
    defence: str = ""

    @property
    def path(self) -> tuple[str, str, str]:
        return self.corpus, self.victim, self.defence


@dataclass(frozen=True)
class _Cell:
    column: Column
    value: object
    low: float
    high: float
    rank: int | None
    undefined: bool
    count: float

    @property
    def empty(self) -> bool:
        return bool(pd.isna(self.value))

    @property
    def text(self) -> str:
        if self.empty:
            return UNDEFINED if self.undefined else ""
        # A column of texts is shown as it is.
        return self.value if isinstance(self.value, str) else self.column.text(float(self.value))  # type: ignore[arg-type]

    def interval(self, dash: str) -> str:
        if pd.isna(self.low) or pd.isna(self.high):
            return ""
        ends = f"{self.column.text(self.low)}{dash}{self.column.text(self.high)}"
        return f"({ends}, n = {self.count:.0f})" if self.is_of_few else f"({ends})"

    @property
    def is_of_few(self) -> bool:
        """Whether the value is a rate of few utterances."""
        return self.count < FEW


@dataclass(frozen=True)
class _Page:
    """The arranged table: ``lines`` are pairs of a row's names and its cells, one for each place; ``notes`` are for the
    legend."""

    row_names: tuple[str, ...]
    levels: tuple[str, ...]
    places: list[_Place]
    lines: list[tuple[tuple[str, ...], list[_Cell]]]
    notes: tuple[str, ...] = ()


def _arrange(table: pd.DataFrame, columns: Columns, context: Context) -> _Page:
    _check(table)
    row = _row(table)
    rows = list(dict.fromkeys(table[list(row)].itertuples(index=False, name=None)))
    several = (table.groupby("trigger")["poisoning"].nunique() > 1).any()
    shown = [place for place, name in enumerate(row) if several or name != "poisoning"]
    places = list(_places(table, row, columns, context.requested))
    cells = [list(_cells(table, place, row, rows, context)) for place in places]
    return _Page(
        row_names=tuple(row[place] for place in shown),
        levels=tuple(level for level in GROUPS if level not in row and table[level].nunique() > 1),
        places=places,
        lines=[
            (tuple(names[place] for place in shown), [cells_[index] for cells_ in cells])
            for index, names in enumerate(rows)
        ],
        notes=(*poisoned_notes(table), *context.notes),
    )


def _is_too_wide(page: _Page) -> bool:
    """Whether each corpus gets a part of its own."""
    return "corpus" in page.levels and len(page.places) > MAXIMUM_COLUMNS


def _parts(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The title and the lines of each corpus; the title names levels of one value in it and several elsewhere."""
    for corpus, lines in table.groupby("corpus", sort=False):
        alone = [
            str(lines[level].iloc[0]) for level in GROUPS[1:] if lines[level].nunique() == 1 < table[level].nunique()
        ]
        yield " · ".join([str(corpus), *alone]), lines


def _row(table: pd.DataFrame) -> tuple[str, ...]:
    """The columns of the table that name a row of the page."""
    row = ("trigger", "test_trigger", "poisoning") if _has_other_test_triggers(table) else ROW
    row = ("target", *row) if _has_targets(table) else row
    wide = len(table[list(MODEL)].drop_duplicates()) > MAXIMUM_GROUPS
    return (*row, "defence") if wide else row


def _has_other_test_triggers(table: pd.DataFrame) -> bool:
    """Whether models are tested with other triggers than their own."""
    return "test_trigger" in table and bool((table["test_trigger"] != table["trigger"]).any())


def _has_targets(table: pd.DataFrame) -> bool:
    """Whether a corpus has several targets."""
    return "target" in table and bool((table.groupby("corpus")["target"].nunique() > 1).any())


def _check(table: pd.DataFrame) -> None:
    names = [*GROUPS, *ROW, *(name for name in ("target", "test_trigger") if name in table)]
    if missing := [name for name in names if name not in table]:
        raise InputError(f"table: column {missing[0]!r} is missing; give a table as results/tables/ has them")
    if table.empty:
        raise InputError("table: it has no lines, so there is nothing to lay out; give a table with at least one")
    if (twice := table.duplicated(names)).any():
        line = ", ".join(table.loc[twice, names].iloc[0].astype(str))
        raise InputError(f"table: two lines for {line}; lay out one experiment at a time")


def _places(
    table: pd.DataFrame, row: tuple[str, ...], columns: Columns, requested: Collection[str]
) -> Iterator[_Place]:
    """The page's columns, as they stand from left to right."""
    # A level of one value would divide the columns of a finer one into two groups.
    fixed = (*row, *(name for name in MODEL if table[name].nunique() == 1))
    levels = {
        str(name): _level(table, row, fixed, columns[str(name)], str(name))
        for name in table
        if _shown(table, str(name))
    }
    for corpus, lines in table.groupby("corpus", sort=False):
        for level in dict.fromkeys(_without(fixed, level) for level in reversed(LEVELS)):
            for path in _paths(lines, level):
                at_path = lines.loc[(lines[list(level)] == list(path)).all(axis=1)]
                for name in levels:
                    filled = at_path[name].notna().any() or is_undefined(table[name], requested)
                    if levels[name] == level and filled:
                        yield _Place(name, columns[name], str(corpus), **dict(zip(level, path, strict=True)))


def _shown(table: pd.DataFrame, name: str) -> bool:
    return not (is_bound(table, name) or name in UNSHOWN or name.endswith(COUNTS))


def _level(
    table: pd.DataFrame, row: tuple[str, ...], fixed: tuple[str, ...], column: Column, name: str
) -> tuple[str, ...]:
    """The coarsest level from the column's own on at which a row has one value."""
    levels = [_without(fixed, level) for level in LEVELS[LEVELS.index(column.level) :]]
    for level in levels:
        if table.groupby(["corpus", *row, *level])[name].nunique(dropna=False).max() == 1:
            return level
    return levels[-1]


def _without(fixed: tuple[str, ...], level: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in level if name not in fixed)


def _paths(lines: pd.DataFrame, level: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The (victim, defence) pairs, or defences, in the table's order with the victim's foremost."""
    order = {name: list(dict.fromkeys(lines[name])) for name in level}
    paths = dict.fromkeys(lines[list(level)].itertuples(index=False, name=None)) if level else {(): None}
    return sorted(paths, key=lambda path: [order[name].index(value) for name, value in zip(level, path, strict=True)])


def _cells(
    table: pd.DataFrame,
    place: _Place,
    row: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    context: Context,
) -> Iterator[_Cell]:
    chosen = table[table["corpus"] == place.corpus]
    for level, value in zip(GROUPS[1:], place.path[1:], strict=True):
        chosen = chosen[chosen[level] == value] if value else chosen
    index = pd.MultiIndex.from_tuples(rows, names=row)
    lines = chosen.drop_duplicates(list(row)).set_index(list(row)).reindex(index)
    unknown = pd.Series(float("nan"), lines.index)
    lows, highs = (lines.get(f"{place.name}_{end}", unknown) for end in ("low", "high"))
    counts = lines.get(place.column.count, unknown)
    ranks = rank_rows(lines[place.name], place.column.better, _compared(place, context.differences))
    undefined = is_undefined(table[place.name], context.requested)
    for value, low, high, rank, count in zip(lines[place.name], lows, highs, ranks, counts, strict=True):
        yield _Cell(place.column, value, low, high, rank, undefined, count)


def _compared(place: _Place, differences: pd.DataFrame | None) -> pd.DataFrame | None:
    """The paired differences of a column of the page."""
    if differences is None:
        return None
    chosen = differences[(differences["metric"] == place.name) & (differences["corpus"] == place.corpus)]
    for level, value in zip(GROUPS[1:], place.path[1:], strict=True):
        chosen = chosen[chosen[level].isin(["", value])] if value else chosen
    return chosen


def _group_names(page: _Page, place: _Place) -> list[str]:
    """The place's names on those levels that have several values."""
    return [value for level, value in zip(GROUPS, place.path, strict=True) if level in page.levels and value]


def _heading(place: _Place) -> str:
    return place.column.heading + _arrow(place)


def _title(place: _Place) -> str:
    return _words(place) + _arrow(place)


def _words(place: _Place) -> str:
    return place.column.title or place.column.heading


def _arrow(place: _Place) -> str:
    return {"higher": " ↑", "lower": " ↓", None: ""}[place.column.better]


def _markdown_cell(cell: _Cell) -> str:
    if cell.empty:
        return cell.text
    marked = {1: f"**{cell.text}**", 2: f"<u>{cell.text}</u>", None: cell.text}[cell.rank]
    return f"{marked} {cell.interval('–')}".rstrip()


def _latex_heading(place: _Place) -> str:
    return escaped(_heading(place)).replace(" ↑", r"~$\uparrow$").replace(" ↓", r"~$\downarrow$")


def _latex_cell(cell: _Cell) -> str:
    if cell.empty:
        return cell.text.replace("–", "--")
    text = escaped(cell.text)
    marked = {1: rf"\textbf{{{text}}}", 2: rf"\underline{{{text}}}", None: text}[cell.rank]
    interval = cell.interval("--")
    return rf"{marked} {{\footnotesize {interval}}}" if interval else marked


def _spanning_headings(page: _Page) -> Iterator[str]:
    """For every shown level a row of headings over its groups, and the rules below them."""
    first = len(page.row_names) + 1
    for level in page.levels:
        depth = GROUPS.index(level)
        row, rules, start = [""] * len(page.row_names), [], first
        for path, places in groupby(page.places, key=lambda place, depth=depth: place.path[: depth + 1]):  # type: ignore[misc]
            width = len(list(places))
            if path[-1]:
                row.append(rf"\multicolumn{{{width}}}{{c}}{{{escaped(path[-1])}}}")
                rules.append(rf"\cmidrule(lr){{{start}-{start + width - 1}}}")
            else:
                row.extend([""] * width)
            start += width
        if rules:
            yield latex_row(row)
            yield " ".join(rules)
