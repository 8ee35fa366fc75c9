"""A benchmark's tables as a page shows them, in Markdown and in LaTeX: for each rate one part, the watermarks by the
distortions, then what does not depend on distortions, and what each watermark costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from sanguinaria.core.atomic_files import write_text
from sanguinaria.reports.layout import WATERMARK, Column, column, escaped, read_table

ROW = ("watermark", "marks", "read")
# The parts whose columns are the distortions.
RATES = {
    "bit_error_rate": "Bit error rate (%)",
    "detection_rate": "Detected at the detector's own threshold (%)",
    "false_positive_rate": "Clean utterances detected at the detector's own threshold (%)",
    "fixed_detection_rate": "Detected at the threshold for {share:g} % of clean validation utterances (%)",
    "fixed_false_positive_rate": "Clean utterances detected at that threshold (%)",
    "f1": "F1 at the detector's own threshold (%)",
    "undecodable_utterances": "Readings that failed",
    "undecodable_clean_utterances": "Readings of clean utterances that failed",
}
# Of error rates, which are below one per cent where nothing happens to the audio.
DIGITS = {"bit_error_rate": 2}
COUNTS = ("undecodable_utterances", "undecodable_clean_utterances")
# Neither a rate nor what the second part shows: names and counts.
UNSHOWN = {"benchmark", "corpus", "distortion", "seeds", "fixed_f1", "read_utterances", *ROW, *RATES}


@dataclass(frozen=True)
class Part:
    """A table of texts with its title; the first columns of each row are names."""

    title: str
    headings: list[str]
    rows: list[list[str]]


def write_benchmark_layouts(wide: Path, false_positive_rate: float, markdown_page: Path, latex_page: Path) -> None:
    """Lay a benchmark's wide table out as Markdown and as LaTeX."""
    found = list(parts(read_table(wide), false_positive_rate))
    write_text(markdown_page, "\n".join(map(markdown_part, found)))
    write_text(latex_page, "\n".join(map(latex_part, found)))


def parts(table: pd.DataFrame, false_positive_rate: float) -> Iterator[Part]:
    """The parts of a page; those that say nothing are left out.

    Args:
        table: the wide table of one benchmark.
        false_positive_rate: of the fixed threshold.
    """
    names = [name for name in ROW if name == "watermark" or table[name].nunique() > 1]
    for rate, title in RATES.items():
        if rate in table and table[rate].notna().any() and not (rate in COUNTS and not table[rate].any()):
            yield _by_distortion(table, names, rate, title.format(share=100 * false_positive_rate))
    shown = [name for name in table if _is_shown(table, str(name))]
    for title, level in (("Capacity, quality, keys", False), ("Cost for each second of audio", True)):
        chosen = [name for name in shown if (column(name).level == WATERMARK) == level]
        if chosen:
            yield _of_watermarks(table, names[:1] if level else names, chosen, title)


def _is_shown(table: pd.DataFrame, name: str) -> bool:
    bound = name.endswith(("_low", "_high")) and name.rpartition("_")[0] in table
    return not bound and name not in UNSHOWN and bool(table[name].notna().any())


def _by_distortion(table: pd.DataFrame, names: list[str], rate: str, title: str) -> Part:
    shown = Column(rate, rate, digits=0) if rate in COUNTS else replace(column(rate), digits=DIGITS.get(rate, 1))
    distortions = list(dict.fromkeys(table["distortion"]))
    rows = []
    for _, lines in table.groupby(list(ROW), sort=False):
        by_distortion = lines.set_index("distortion")
        cells = [_cell(by_distortion.loc[distortion], rate, shown) for distortion in distortions]
        rows.append([*map(str, lines.iloc[0][names]), *cells])
    return Part(title, [*names, *distortions], rows)


def _cell(line: pd.Series, rate: str, shown: Column) -> str:
    if pd.isna(line[rate]):
        return ""
    ends = [line.get(f"{rate}_{end}") for end in ("low", "high")]
    interval = "" if any(map(pd.isna, ends)) else f" ({shown.text(ends[0])}–{shown.text(ends[1])})"
    return shown.text(line[rate]) + interval


def _of_watermarks(table: pd.DataFrame, names: list[str], chosen: list[str], title: str) -> Part:
    lines = table.drop_duplicates(names)
    rows = [
        [*map(str, line[names]), *("" if pd.isna(line[name]) else column(name).text(line[name]) for name in chosen)]
        for _, line in lines.iterrows()
    ]
    return Part(title, [*names, *(_heading(column(name)) for name in chosen)], rows)


def _heading(shown: Column) -> str:
    return shown.heading + (" %" if shown.percent else "")


def markdown_part(part: Part) -> str:
    """A part in Markdown, below its title."""
    lines = [part.headings, ["---"] * len(part.headings), *part.rows]
    return f"**{part.title}**\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def latex_part(part: Part) -> str:
    r"""A part as a ``tabular`` for the package ``booktabs``, below its title in a comment."""
    return "\n".join(
        [
            f"% {part.title}",
            rf"\begin{{tabular}}{{l{'c' * (len(part.headings) - 1)}}}",
            r"\toprule",
            _latex_row(part.headings),
            r"\midrule",
            *map(_latex_row, part.rows),
            r"\bottomrule",
            "\\end{tabular}\n",
        ]
    )


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(escaped(cell).replace("–", "--") for cell in cells) + r" \\"
