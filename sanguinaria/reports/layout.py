"""The wide table as a page shows it: Markdown, and LaTeX in the arrangement of Bloodroot's Tables 1 and 2.

A row is a trigger (with its poisoning where a trigger has several, and with the one that is heard where that is
another). Columns are grouped by corpus, victim and defence;
a level that has one value only is not told. What is the same for every victim stands once per defence, and what is
the same for every defence too, such as PESQ, once per corpus. Where there are so many defences that no page is as wide,
as for a curve over the share that is pruned, each has rows of its own; where several corpora make a page too wide, each
has a part of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

import pandas as pd

from sanguinaria.core.atomic_files import write_text
from sanguinaria.core.errors import InputError

ROW = ("trigger", "poisoning")
GROUPS = ("corpus", "victim", "defence")
# What a column may vary with besides the corpus and the row, from the coarsest to the finest.
TRIGGER: tuple[str, ...] = ()
DEFENDED: tuple[str, ...] = ("defence",)
MODEL: tuple[str, ...] = ("victim", "defence")
LEVELS = (TRIGGER, DEFENDED, MODEL)
# In a benchmark's table what one of an utterance's marks is alone in, and what its watermark is.
MARK: tuple[str, ...] = ("read",)
WATERMARK: tuple[str, ...] = ("watermark",)

UNPOISONED = "none"
# The most columns of a victim and a defence that stand side by side.
MOST_GROUPS = 8
# The most columns of several corpora that stand side by side.
MOST_COLUMNS = 16
# A best of two says no more than the two numbers do.
FEWEST_RANKED = 3


@dataclass(frozen=True)
class Column:
    """How a column is shown.

    ``percent``: a fraction that is shown in per cent. ``level``: the coarsest at which it stands in the table.
    ``words``: what stands for false and for true.
    """

    heading: str
    label: str
    better: Literal["higher", "lower"] | None = None
    digits: int = 3
    percent: bool = False
    level: tuple[str, ...] = TRIGGER
    words: tuple[str, str] | None = None

    @property
    def scale(self) -> int:
        """What a value of the wide table is multiplied with."""
        return 100 if self.percent else 1

    @property
    def axis(self) -> str:
        """The label of an axis, its unit included."""
        return f"{self.label} (%)" if self.percent else self.label

    def text(self, value: float) -> str:
        """A value of the wide table as it is read."""
        if self.words is not None:
            return self.words[bool(value)]
        return f"{self.scale * value:.{self.digits}f}"


COLUMNS = {
    "rate": Column("rate", "poisoning rate", digits=2, percent=True),
    "benign_accuracy": Column("BA", "benign accuracy", "higher", 1, percent=True, level=MODEL),
    "attack_success_rate": Column("ASR", "attack success rate", "higher", 1, percent=True, level=MODEL),
    "false_trigger_rate": Column("FTR", "false-trigger rate", "lower", 1, percent=True, level=MODEL),
    "detection_rate": Column("detected", "detection rate", "higher", 1, percent=True, level=DEFENDED),
    "false_positive_rate": Column("FPR", "false-positive rate", "lower", 1, percent=True, level=DEFENDED),
    "bit_error_rate": Column("BER", "bit error rate", "lower", 1, percent=True, level=DEFENDED),
    "pesq": Column("PESQ", "PESQ", "higher", 2),
    "stoi": Column("STOI", "STOI", "higher", 3),
    "snr_db": Column("SNR dB", "SNR (dB)", "higher", 1),
    "si_sdr_db": Column("SI-SDR dB", "SI-SDR (dB)", "higher", 1),
    "lsd_db": Column("LSD dB", "log-spectral distance (dB)", "lower", 2),
    "visqol": Column("ViSQOL", "ViSQOL", "higher", 2),
    "dnsmos": Column("DNSMOS", "DNSMOS", "higher", 2),
    "dnsmos_change": Column("ΔDNSMOS", "change of DNSMOS", "higher", 2),
    "nisqa": Column("NISQA", "NISQA", "higher", 2),
    "nisqa_change": Column("ΔNISQA", "change of NISQA", "higher", 2),
    "distillmos": Column("Distill-MOS", "Distill-MOS", "higher", 2),
    "distillmos_change": Column("ΔDistill-MOS", "change of Distill-MOS", "higher", 2),
    "speaker_similarity": Column("same speaker", "similarity of the speaker", None, 2),
    "target_similarity": Column("target's voice", "similarity to the target", None, 2),
    "target_similarity_clean": Column("target's voice, clean", "similarity to the target before", None, 2),
    "word_agreement": Column("same word", "agreement of the word", "higher", 1, percent=True),
    "keyword_agreement": Column("same word", "agreement of the word", "higher", 1, percent=True),
    "label_agreement": Column("right word", "agreement with the label", "higher", 1, percent=True),
    "stealthy": Column("stealthy", "stealthy", words=("no", "yes")),
    # Of verifications.
    "equal_error_rate": Column("EER", "equal error rate", "lower", 2, percent=True, level=MODEL),
    "minimum_detection_cost": Column("minDCF", "minimum detection cost", "lower", 3, level=MODEL),
    "composite_quality": Column("CSQI", "composite speech quality index", "higher", 3, level=MODEL),
    # Of benchmarks.
    "f1": Column("F1", "F1", "higher", 1, percent=True, level=DEFENDED),
    "fixed_detection_rate": Column("TPR", "detection rate", "higher", 1, percent=True, level=DEFENDED),
    "fixed_false_positive_rate": Column("FPR", "false-positive rate", "lower", 1, percent=True, level=DEFENDED),
    "fixed_f1": Column("F1", "F1", "higher", 1, percent=True, level=DEFENDED),
    "bits_per_second": Column("bit/s", "bits per second", "higher", 0),
    "mean_bit_error_rate": Column("mean BER", "mean bit error rate", "lower", 2, percent=True, level=MARK),
    "mean_f1": Column("mean F1", "mean F1", "higher", 1, percent=True, level=MARK),
    "wrong_key_detection_rate": Column("wrong key found", "found with a wrong key", "lower", 1, True, MARK),
    "wrong_key_bit_error_rate": Column("wrong key BER", "bit error rate of wrong keys", None, 1, True, MARK),
    "wrong_key_lowest": Column("lowest wrong key BER", "lowest bit error rate of a wrong key", None, 1, True, MARK),
    "near_key_bit_error_rate": Column("near key BER", "bit error rate of near keys", None, 1, True, MARK),
    "near_key_lowest": Column("lowest near key BER", "lowest bit error rate of a near key", None, 1, True, MARK),
    "embedding_parameters": Column(
        "generator's parameters", "parameters of the generator", "lower", 0, level=WATERMARK
    ),
    "detection_parameters": Column("detector's parameters", "parameters of the detector", "lower", 0, level=WATERMARK),
    "embedding_gflops_per_second": Column("GFLOPs to mark", "GFLOPs to mark", "lower", 2, level=WATERMARK),
    "detection_gflops_per_second": Column("GFLOPs to detect", "GFLOPs to detect", "lower", 2, level=WATERMARK),
    "embedding_cpu_real_time_factor": Column("RTF marking", "real-time factor of marking", "lower", 4, level=WATERMARK),
    "detection_cpu_real_time_factor": Column(
        "RTF detecting", "real-time factor of detecting", "lower", 4, level=WATERMARK
    ),
    "embedding_gpu_real_time_factor": Column(
        "RTF marking, GPU", "real-time factor of marking", "lower", 4, level=WATERMARK
    ),
    "detection_gpu_real_time_factor": Column(
        "RTF detecting, GPU", "real-time factor of detecting", "lower", 4, level=WATERMARK
    ),
}
# Names and settings of a line, and counts: they say what was measured.
UNSHOWN = {"experiment", "seeds", "rate", "target", "heard", *ROW, *GROUPS}
COUNTS = "_utterances"


def column(name: str) -> Column:
    """How the column ``name`` is shown: an unknown one by its own name, as a plain number that is not ranked."""
    return COLUMNS.get(name) or Column(name, name)


def write_layouts(wide: Path, markdown_page: Path, latex_page: Path) -> None:
    """Lay a wide table out as Markdown and as LaTeX."""
    table = read_table(wide)
    write_text(markdown_page, markdown(table))
    write_text(latex_page, latex(table))


def read_table(path: Path) -> pd.DataFrame:
    """A table that this project wrote: "none" is a name, only an empty field is a missing value, and labels that look
    like numbers are none."""
    return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype={"target": str})


def markdown(table: pd.DataFrame) -> str:
    """The wide table in Markdown: rates in per cent with their 95 % intervals, the best bold, the second underlined.

    Args:
        table: one experiment's wide table, as ``sanguinaria.reports.tables`` writes it.

    Raises:
        InputError: there are no lines, a naming column is missing, or two lines have the same names.
    """
    page = _arrange(table)
    if _is_too_wide(page):
        return "\n".join(f"**{name}**\n\n{markdown(lines)}" for name, lines in _parts(table))
    headings = [*page.row_names, *(" · ".join([*_told(page, place), _heading(place)]) for place in page.places)]
    rows = [[*names, *(_markdown_cell(cell) for cell in cells)] for names, cells in page.lines]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (headings, ["---"] * len(headings), *rows))


def latex(table: pd.DataFrame) -> str:
    r"""The wide table as a ``tabular`` for the package ``booktabs``, or one for each corpus: to be ``\input`` into a
    ``table``.

    Args:
        table: one experiment's wide table, as ``sanguinaria.reports.tables`` writes it.

    Raises:
        InputError: as :func:`markdown`.
    """
    page = _arrange(table)
    if _is_too_wide(page):
        return "\n\\bigskip\n\n".join(f"{escaped(name)}\n\n{latex(lines)}" for name, lines in _parts(table))
    headings = [*(escaped(name) for name in page.row_names), *(_latex_heading(place) for place in page.places)]
    rows = [[*map(escaped, names), *(_latex_cell(cell) for cell in cells)] for names, cells in page.lines]
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{'l' * len(page.row_names)}{'c' * len(page.places)}}}",
            r"\toprule",
            *_spanning_headings(page),
            _latex_row(headings),
            r"\midrule",
            *(_latex_row(row) for row in rows),
            r"\bottomrule",
            "\\end{tabular}\n",
        ]
    )


@dataclass(frozen=True)
class _Place:
    """A column of the page: a column of the table at a corpus, and a victim and a defence if it varies with them."""

    name: str
    corpus: str
    victim: str = ""
    defence: str = ""

    @property
    def path(self) -> tuple[str, str, str]:
        return self.corpus, self.victim, self.defence


@dataclass(frozen=True)
class _Cell:
    name: str
    value: object
    low: float
    high: float
    rank: int | None

    @property
    def empty(self) -> bool:
        return bool(pd.isna(self.value))

    @property
    def text(self) -> str:
        # A column of words, if there ever is one, is shown as it is.
        return self.value if isinstance(self.value, str) else column(self.name).text(float(self.value))  # type: ignore[arg-type]

    def interval(self, dash: str) -> str:
        if pd.isna(self.low) or pd.isna(self.high):
            return ""
        return f"({column(self.name).text(self.low)}{dash}{column(self.name).text(self.high)})"


@dataclass(frozen=True)
class _Page:
    """The arranged table: ``lines`` are pairs of a row's names and its cells, one for each place."""

    row_names: tuple[str, ...]
    levels: tuple[str, ...]
    places: list[_Place]
    lines: list[tuple[tuple[str, ...], list[_Cell]]]


def _arrange(table: pd.DataFrame) -> _Page:
    _check(table)
    row = _row(table)
    rows = list(dict.fromkeys(table[list(row)].itertuples(index=False, name=None)))
    several = (table.groupby("trigger")["poisoning"].nunique() > 1).any()
    shown = [place for place, name in enumerate(row) if several or name != "poisoning"]
    places = list(_places(table, row))
    cells = [list(_cells(table, place, row, rows)) for place in places]
    return _Page(
        row_names=tuple(row[place] for place in shown),
        levels=tuple(level for level in GROUPS if level not in row and table[level].nunique() > 1),
        places=places,
        lines=[
            (tuple(names[place] for place in shown), [cells_[index] for cells_ in cells])
            for index, names in enumerate(rows)
        ],
    )


def _is_too_wide(page: _Page) -> bool:
    """Whether each corpus is to have a part of its own."""
    return "corpus" in page.levels and len(page.places) > MOST_COLUMNS


def _parts(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The lines of each corpus, and its name, with those of levels that its part does not tell and others' would."""
    for corpus, lines in table.groupby("corpus", sort=False):
        alone = [
            str(lines[level].iloc[0]) for level in GROUPS[1:] if lines[level].nunique() == 1 < table[level].nunique()
        ]
        yield " · ".join([str(corpus), *alone]), lines


def _row(table: pd.DataFrame) -> tuple[str, ...]:
    """The columns of the table that name a row of the page."""
    row = ("trigger", "heard", "poisoning") if _hears_others(table) else ROW
    row = ("target", *row) if _has_targets(table) else row
    wide = len(table[list(MODEL)].drop_duplicates()) > MOST_GROUPS
    return (*row, "defence") if wide else row


def _hears_others(table: pd.DataFrame) -> bool:
    """Whether models hear other triggers than their own."""
    return "heard" in table and bool((table["heard"] != table["trigger"]).any())


def _has_targets(table: pd.DataFrame) -> bool:
    """Whether a corpus has several."""
    return "target" in table and bool((table.groupby("corpus")["target"].nunique() > 1).any())


def _check(table: pd.DataFrame) -> None:
    names = [*GROUPS, *ROW, *(name for name in ("target", "heard") if name in table)]
    if missing := [name for name in names if name not in table]:
        raise InputError(f"table: column {missing[0]!r} is missing; give a table as results/tables/ has them")
    if table.empty:
        raise InputError("table: it has no lines, so there is nothing to lay out; give a table with at least one")
    if (twice := table.duplicated(names)).any():
        line = ", ".join(table.loc[twice, names].iloc[0].astype(str))
        raise InputError(f"table: two lines for {line}; lay out one experiment at a time")


def _places(table: pd.DataFrame, row: tuple[str, ...]) -> Iterator[_Place]:
    """The page's columns, as they stand from left to right."""
    levels = {name: _level(table, row, name) for name in table if _shown(table, str(name))}
    for corpus, lines in table.groupby("corpus", sort=False):
        for level in dict.fromkeys(_without(row, level) for level in reversed(LEVELS)):
            for path in _paths(lines, level):
                at_path = lines.loc[(lines[list(level)] == list(path)).all(axis=1)]
                for name in levels:
                    if levels[name] == level and at_path[name].notna().any():
                        yield _Place(name, str(corpus), **dict(zip(level, path, strict=True)))


def _shown(table: pd.DataFrame, name: str) -> bool:
    bound = name.endswith(("_low", "_high")) and name.rpartition("_")[0] in table
    return not (bound or name in UNSHOWN or name.endswith(COUNTS))


def _level(table: pd.DataFrame, row: tuple[str, ...], name: str) -> tuple[str, ...]:
    """The coarsest level from the column's own on at which a row has one value."""
    levels = [_without(row, level) for level in LEVELS[LEVELS.index(column(name).level) :]]
    for level in levels:
        if table.groupby(["corpus", *row, *level])[name].nunique(dropna=False).max() == 1:
            return level
    return levels[-1]


def _without(row: tuple[str, ...], level: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in level if name not in row)


def _paths(lines: pd.DataFrame, level: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The (victim, defence) pairs, or defences, in the table's order with the victim's foremost."""
    order = {name: list(dict.fromkeys(lines[name])) for name in level}
    found = dict.fromkeys(lines[list(level)].itertuples(index=False, name=None)) if level else {(): None}
    return sorted(found, key=lambda path: [order[name].index(value) for name, value in zip(level, path, strict=True)])


def _cells(
    table: pd.DataFrame, place: _Place, row: tuple[str, ...], rows: Sequence[tuple[str, ...]]
) -> Iterator[_Cell]:
    chosen = table[table["corpus"] == place.corpus]
    for level, value in zip(GROUPS[1:], place.path[1:], strict=True):
        chosen = chosen[chosen[level] == value] if value else chosen
    index = pd.MultiIndex.from_tuples(rows, names=row)
    lines = chosen.drop_duplicates(list(row)).set_index(list(row)).reindex(index)
    bounds = [lines.get(f"{place.name}_{end}", pd.Series(float("nan"), lines.index)) for end in ("low", "high")]
    ranks = _ranks(lines[place.name], column(place.name).better)
    for value, low, high, rank in zip(lines[place.name], *bounds, ranks, strict=True):
        yield _Cell(place.name, value, low, high, rank)


def _ranks(values: pd.Series, better: str | None) -> list[int | None]:
    """Among the rows of a defence 1 for the best values, 2 for the next, none for the others and where nothing was
    poisoned, or another trigger is heard than that which was: there is no attack."""
    attacks = values.index.get_level_values("poisoning") != UNPOISONED
    if "heard" in values.index.names:
        attacks &= values.index.get_level_values("heard") == values.index.get_level_values("trigger")
    ranked = values[attacks].dropna()
    if better is None or ranked.empty:
        return [None] * len(values)
    several = "defence" in ranked.index.names
    groups = ranked.groupby(ranked.index.get_level_values("defence") if several else [""] * len(ranked))
    best = groups.rank(method="dense", ascending=better == "lower")
    best = best[groups.transform("size") >= FEWEST_RANKED].reindex(values.index)
    return [int(rank) if rank <= 2 else None for rank in best]


def _told(page: _Page, place: _Place) -> list[str]:
    """The place's names on those levels that have several values."""
    return [value for level, value in zip(GROUPS, place.path, strict=True) if level in page.levels and value]


def _heading(place: _Place) -> str:
    arrow = {"higher": " ↑", "lower": " ↓", None: ""}[column(place.name).better]
    return column(place.name).heading + arrow


def _markdown_cell(cell: _Cell) -> str:
    if cell.empty:
        return ""
    marked = {1: f"**{cell.text}**", 2: f"<u>{cell.text}</u>", None: cell.text}[cell.rank]
    return f"{marked} {cell.interval('–')}".rstrip()


def _latex_heading(place: _Place) -> str:
    return escaped(_heading(place)).replace(" ↑", r"~$\uparrow$").replace(" ↓", r"~$\downarrow$")


def _latex_cell(cell: _Cell) -> str:
    if cell.empty:
        return ""
    text = escaped(cell.text)
    marked = {1: rf"\textbf{{{text}}}", 2: rf"\underline{{{text}}}", None: text}[cell.rank]
    interval = cell.interval("--")
    return rf"{marked} {{\footnotesize {interval}}}" if interval else marked


def _spanning_headings(page: _Page) -> Iterator[str]:
    """For every level that is told a row of headings over its groups, and the rules below them."""
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
            yield _latex_row(row)
            yield " ".join(rules)


def _latex_row(cells: Sequence[str]) -> str:
    return rf"{' & '.join(cells)} \\"


_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{character: rf"\{character}" for character in "&%$#_{}"},
    }
)


def escaped(text: str) -> str:
    return text.translate(_LATEX)
