"""Print tables of experiments in the terminal: rates in per cent, with their 95 % intervals."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sanguinaria.core.columns import Column
from sanguinaria.core.errors import InputError
from sanguinaria.reports.evaluation import read_table
from sanguinaria.reports.experiments import COLUMNS

if TYPE_CHECKING:
    from rich.table import Table

# Fractions that read better as percentages, with their intervals where the table has them.
RATES = {name: COLUMNS[name].title for name in ("benign_accuracy", "attack_success_rate", "false_trigger_rate")}
MEANS = {
    "pesq": Column(heading="PESQ", label="PESQ", digits=2),
    "stoi": Column(heading="STOI", label="STOI", digits=3),
    "snr_db": Column(heading="SNR dB", label="SNR", digits=1),
}
PER_CENT = Column(heading="", label="", digits=1, percent=True)
# A pipe or a file has no width of its own.
WIDTH_WITHOUT_TERMINAL = 140
MAXIMUM_WIDTH = 10_000


def main(arguments: Sequence[str]) -> None:
    """Print the tables that the command line names.

    Args:
        arguments: of the command line, without the program's name.

    Raises:
        SystemExit: help was requested, or a table cannot be shown.
    """
    parser = argparse.ArgumentParser(prog="python -m sanguinaria.reports.show", description=__doc__)
    parser.add_argument("tables", nargs="+", type=Path, metavar="results/tables/T.csv", help="table of an experiment")
    for path in parser.parse_args(arguments).tables:
        try:
            show(path)
        except InputError as error:
            raise SystemExit(f"Error: {error}") from error


def show(path: Path, width: int | None = None) -> None:
    """Print an experiment's wide table; no line is cut, whatever the width.

    Args:
        path: of the table, ``results/tables/T.csv``.
        width: in characters; that of the terminal where ``None``.

    Raises:
        InputError: there is no such file, or it is no table of an experiment.
    """
    from rich.console import Console
    from rich.measure import Measurement

    table = _table(path, _read(path))
    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    console = Console(width=width or (None if known else WIDTH_WITHOUT_TERMINAL))
    needed = Measurement.get(console, console.options.update(max_width=MAXIMUM_WIDTH), table).maximum
    if needed > console.width:  # columns would be cut; a terminal wraps lines that are too long
        console = Console(width=needed)
    console.print(table)


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise InputError(f"{path}: no such table; `snakemake {path.stem} --cores 2` makes it, if it is a target")
    try:
        source = read_table(path)
    except ValueError as error:  # pandas' errors of parsing and of decoding
        raise InputError(f"{path}: not a table ({error}); give results/tables/T.csv") from error
    missing = [name for name in ("trigger", "defence", *RATES) if name not in source]
    if missing or source.empty:
        cause = f"column {missing[0]!r} is missing" if missing else "it has no lines"
        raise InputError(f"{path}: no table of an experiment, as {cause}; {path.with_suffix('.md')} shows other tables")
    return source


def _table(path: Path, source: pd.DataFrame) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(
        title=f"{path}: rates in per cent{', 95 % intervals' if _has_intervals(source) else ''}",
        caption="\n".join(_caption(source)),
        box=SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    names = list(_names(source))
    means = [name for name in MEANS if name in source]
    for name in names:
        table.add_column(name, no_wrap=True)
    for heading in (*RATES.values(), *(MEANS[name].heading for name in means)):
        # Two short lines, so that the demonstration's table fits 80 characters.
        table.add_column(heading.replace(" ", "\n"), no_wrap=True)
    for row in source.to_dict("records"):
        rates = (_rate(row, name) for name in RATES)
        table.add_row(*(str(row[name]) for name in names), *rates, *(_text(MEANS[name], row[name]) for name in means))
    return table


def _has_intervals(source: pd.DataFrame) -> bool:
    """Whether any rate has an interval: of one training there is none."""
    return any(source.get(f"{rate}_low", pd.Series()).notna().any() for rate in RATES)


def _names(source: pd.DataFrame) -> Iterator[str]:
    """The factors that distinguish the lines; those of one value are in the caption."""
    for name in ("corpus", "target"):
        if source.get(name, pd.Series()).nunique() > 1:
            yield name
    yield "trigger"
    if "test_trigger" in source and (source["test_trigger"] != source["trigger"]).any():
        yield "test_trigger"
    if "poisoning" in source and (source.groupby("trigger")["poisoning"].nunique() > 1).any():
        yield "poisoning"
    if source.get("victim", pd.Series()).nunique() > 1:
        yield "victim"
    yield "defence"


def _caption(source: pd.DataFrame) -> Iterator[str]:
    """The one victim, the corpora, and counts."""
    if "victim" in source and source["victim"].nunique() == 1:
        yield f"victim: {source['victim'].iloc[0]}"
    if not _has_intervals(source):
        yield "one training a line: no intervals (T.metrics.csv has those over test utterances)"
    counts = ["corpus", "seeds", "training_utterances", "test_utterances"]
    if {*counts, "poisoned_utterances"} <= set(source):
        for row in source.drop_duplicates(counts).to_dict("records"):
            yield (
                f"{row['corpus']}: {row['seeds']} run(s), {row['training_utterances']} utterances to train on, "
                f"at most {source['poisoned_utterances'].max()} of them poisoned, {row['test_utterances']} to test on"
            )


def _rate(row: dict[str, Any], name: str) -> str:
    value, low, high = (_text(PER_CENT, row.get(f"{name}{end}")) for end in ("", "_low", "_high"))
    return f"{value} ({low}–{high})" if low and high else value


def _text(column: Column, value: Any) -> str:
    return "" if pd.isna(value) else column.text(value)


if __name__ == "__main__":
    main(sys.argv[1:])
