"""Measured numbers beside those that papers print.

``printed_numbers.csv`` holds one printed number a line, as it is printed. Names are those of configuration entries; a
name is empty where the number does not depend on it: PESQ is that of the triggered audio, whatever the model.
``table`` is the table's number, or ``text`` for a rounded number that only the running text has. Bloodroot's Table 3
names neither corpus nor victim: its unfiltered column is Table 1's for SC-10 and ResNet-18. Pruning, in its section 3.2
without a share, is that of convolutional channels, so the victim is ResNet-18 there too. Figures print no numbers.
Fake the Real numbers its target labels, its utterances of target speakers, and those speakers; its Table 4
tests models with other triggers than they were trained on.
WAKE and PKDMark print what benchmarks measure. Their corpora are mixtures of several; WAKE's deviations over five
trials are left out, as are PKDMark's reductions in per cent. A page is empty where the text that was read has none.
TDAP prints what verifications measure: its genuine trials have noise as loud as its attacks, and the noise of its
Tables 2 and 3 is that of σ = 0.015, by whose error rates their indices are made. The index of TDAP's own line in Table
3 is 13.749, where its equation gives 13.688.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sanguinaria.core.atomic_files import write_text
from sanguinaria.core.columns import Column, Columns
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import find, kinds
from sanguinaria.metrics import Metric
from sanguinaria.reports import benchmarks, experiments, verifications
from sanguinaria.reports.benchmarks import MARK, WATERMARK
from sanguinaria.reports.evaluation import columns_of, read_table, write_table
from sanguinaria.reports.layout.grid import DEFENDED, MODEL, TRIGGER
from sanguinaria.reports.layout.markdown import markdown_table
from sanguinaria.reports.printed import ENTRIES, PRINTED_NUMBERS

# The factors that distinguish the numbers of an experiment, of a benchmark, and of a verification.
NAMES = ("corpus", "target", "trigger", "test_trigger", "victim", "defence", "poisoning")
BENCHMARK_NAMES = ("corpus", "watermark", "marks", "decoded_mark", "distortion")
VERIFICATION_NAMES = ("corpus", "victim", "attack", "defence")
VALUES = ("ours", "ours_low", "ours_high", "printed", "difference")
PER_CENT = "per cent"
# Columns that are not of metrics of quality.
OWN_COLUMNS = Columns({**verifications.COLUMNS, **benchmarks.COLUMNS, **experiments.COLUMNS})
# The factors that a metric's value does not depend on, by the level of its column.
INDIFFERENT = {
    TRIGGER: ("target", "victim", "defence", "poisoning", "decoded_mark", "distortion"),
    DEFENDED: ("target", "victim", "poisoning"),
    MODEL: (),
    MARK: ("distortion",),
    WATERMARK: ("marks", "decoded_mark", "distortion"),
}


def printed_numbers(path: Path = PRINTED_NUMBERS) -> pd.DataFrame:
    """Read the printed numbers, as they are printed: rates in per cent.

    Returns:
        columns paper, table, page, corpus, target, trigger, test_trigger, victim, attack, defence, poisoning,
        watermark, marks, decoded_mark, distortion, metric, value, unit. The trigger of the tests is empty where it is
        that of the training.

    Raises:
        InputError: a metric is unknown, or its unit is not the one in which comparisons are made.
    """
    words = pd.read_csv(path, dtype=str, keep_default_na=False)
    percent = _shown_in_per_cent()
    for number, (metric, unit) in enumerate(zip(words["metric"], words["unit"], strict=True), start=2):
        if metric not in percent:
            raise InputError(f"{path}:{number}: unknown metric {metric!r}; it is one of {', '.join(percent)}")
        if unit != (expected := PER_CENT if percent[metric] else ""):
            raise InputError(f"{path}:{number}: the unit of {metric} is {expected!r}, not {unit!r}; convert the value")
    words["page"] = pd.to_numeric(words["page"]).astype("Int64")
    return words.astype({"value": float})


def _shown_in_per_cent() -> dict[str, bool]:
    """By column, whether it is shown in per cent: of the columns of evaluations, and of each kind of metric."""
    return {name: column.percent for name, column in {**OWN_COLUMNS, **_columns_of_metrics()}.items()}


def _columns_of_metrics() -> Columns:
    """The columns of metrics whose entry has the name of its kind: by these names papers' numbers are known."""
    metrics = {kind: find("metrics", kind) for kind in kinds("metrics")}
    return Columns(
        (metric.column_name(kind), metric.model_construct().column(kind))
        for kind, metric in metrics.items()
        if issubclass(metric, Metric)
    )


def compare(
    table: pd.DataFrame,
    printed: pd.DataFrame,
    stands_for: Mapping[str, str],
    metrics: pd.DataFrame | None = None,
    columns: Columns = OWN_COLUMNS,
) -> pd.DataFrame:
    """Join measured and printed numbers so that none is lost.

    Args:
        table: the wide table, an experiment's, a benchmark's or a verification's.
        printed: as :func:`printed_numbers` gives them.
        stands_for: our entry → the printed one that it is compared with, for corpora, triggers, victims, defences,
            watermarks and distortions; an entry that is not named stands for itself.
        metrics: the long table, for intervals that the wide one does not have.
        columns: of the table.

    Returns:
        One line per printed number and per number of ours: the names (ours where there are any), ``stands_for`` (the
        printed names that differ from ours), metric, ours, ours_low, ours_high, printed, difference = ours − printed,
        paper, table, page. Rates are in per cent, and their differences in percentage points. What is not there is
        empty: a number that is printed in two tables has two lines, and one that is not printed, such as an unpoisoned
        model's, has one line without ``printed``.

    Raises:
        InputError: the table has no printed metric.
    """
    names = _names(table, printed)
    table = table if "test_trigger" in names else _of_own_trigger(table)
    printed = printed.assign(
        test_trigger=printed["test_trigger"].where(printed["test_trigger"] != "", printed["trigger"])
    )
    ours = _ours(table, metrics, list(dict.fromkeys(printed["metric"])), names, columns)
    for name in names:
        ours[f"our_{name}"] = ours[name]
    for name in ENTRIES:
        if name in names:
            ours[name] = ours[name].map(lambda entry: stands_for.get(entry, entry))
    numbered = printed.rename(columns={"value": "printed"}).assign(number=range(len(printed)))
    # In the papers' order; what they do not print comes after it, in the table's order.
    joined = numbered.merge(ours, on=[*names, "metric"], how="outer").sort_values(["number", "line"], kind="stable")
    joined["difference"] = joined["ours"] - joined["printed"]
    joined["stands_for"] = [_different_names(line, names) for line in joined.to_dict("records")]
    for name in names:
        joined[name] = joined[f"our_{name}"].fillna(joined[name])
    words = ["paper", "table", *names]
    joined[words] = joined[words].fillna("")
    joined["page"] = joined["page"].astype("Int64")
    return joined[[*names, "stands_for", "metric", *VALUES, "paper", "table", "page"]].reset_index(drop=True)


def write_comparison(
    specification: Mapping[str, Any], *, wide: Path, metrics: Path, destination: Path, markdown: Path
) -> None:
    """Compare an evaluation's tables with a paper's table, and write the comparison as CSV and as Markdown.

    Args:
        specification: as :class:`sanguinaria.plan.evaluation.Evaluation` has it, with a ``comparison``: ``paper``,
            ``table`` and ``stands_for``.
        wide, metrics: the evaluation's tables.
        destination, markdown: of the comparison.

    Raises:
        InputError: no printed number of that table is known.
    """
    paper, table, stands_for = (specification["comparison"][name] for name in ("paper", "table", "stands_for"))
    # A metric that only the paper has is shown like the table's own.
    columns, printed = Columns({**_columns_of_metrics(), **columns_of(specification)}), printed_numbers()
    chosen = printed[(printed["paper"] == paper) & (printed["table"] == table)]
    if chosen.empty:
        known = sorted({f"{name} {number}" for name, number in zip(printed["paper"], printed["table"], strict=True)})
        raise InputError(f"comparison: no printed numbers of {paper} {table}; there are: {', '.join(known)}")
    comparison = compare(read_table(wide), chosen, stands_for, read_table(metrics), columns)
    write_table(comparison, destination)
    write_text(markdown, comparison_markdown(comparison, columns))


def _names(table: pd.DataFrame, printed: pd.DataFrame) -> tuple[str, ...]:
    """The factors that distinguish printed numbers: most experiments have one target, and test their own trigger."""
    if "watermark" in table:
        return BENCHMARK_NAMES
    if "attack" in table:
        return VERIFICATION_NAMES
    return tuple(name for name in NAMES if name not in ("target", "test_trigger") or (printed[name] != "").any())


def _of_own_trigger(table: pd.DataFrame) -> pd.DataFrame:
    """The lines in which a model is tested with the trigger that it was trained on."""
    return table[table["test_trigger"] == table["trigger"]] if "test_trigger" in table else table


def comparison_markdown(comparison: pd.DataFrame, columns: Columns = OWN_COLUMNS) -> str:
    """Return a comparison in Markdown: first the numbers that are both measured and printed, then all others, then
    the metrics in words."""
    measured, printed = comparison["ours"].notna(), comparison["printed"].notna()
    parts = {
        "": comparison[measured & printed],
        "Measured, not printed:\n\n": comparison[measured & ~printed],
        "Printed, not measured here:\n\n": comparison[~measured & printed],
    }
    legend = {columns[metric].heading: columns[metric].axis for metric in dict.fromkeys(comparison["metric"])}
    words = "; ".join(f"{heading}: {axis}" for heading, axis in legend.items() if heading != axis)
    pages = [title + _markdown(part, columns) for title, part in parts.items() if len(part)]
    return "\n".join([*pages, *([f"{words}.\n"] if words else [])])


def _ours(
    table: pd.DataFrame, metrics: pd.DataFrame | None, printed: list[str], names: Sequence[str], columns: Columns
) -> pd.DataFrame:
    """Measured numbers of the printed metrics, one a line, in the table's order and in the printed units."""
    parts = [_of_metric(table.reset_index(drop=True), metric, names) for metric in printed if metric in table]
    if not parts:
        raise InputError(f"comparison: the table has none of the columns {', '.join(printed)}; compare another one")
    ours = pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)
    if metrics is not None:
        ours = _with_intervals(ours, metrics, names)
    for metric in printed:
        of_metric = ours["metric"] == metric
        # An attack is made against an encoder, so that even quality depends on all factors.
        indifferent = () if names == VERIFICATION_NAMES else INDIFFERENT[columns[metric].level]
        ours.loc[of_metric, [name for name in indifferent if name in names]] = ""
        ours.loc[of_metric, ["ours", "ours_low", "ours_high"]] *= columns[metric].scale
    # A value that does not depend on the victim is in the table once for each.
    ours = ours.drop_duplicates(ignore_index=True)
    return ours.assign(line=range(len(ours)))


def _of_metric(table: pd.DataFrame, metric: str, names: Sequence[str]) -> pd.DataFrame:
    values = table.dropna(subset=[metric])
    lines = values[list(names)].copy()
    lines["metric"] = metric
    lines["ours"] = values[metric].astype(float)
    for end in ("low", "high"):
        lines[f"ours_{end}"] = values.get(f"{metric}_{end}", pd.Series(float("nan"), values.index)).astype(float)
    return lines


def _with_intervals(ours: pd.DataFrame, metrics: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The long table's intervals, where a number has none yet."""
    long = metrics.drop_duplicates([*names, "metric"])[[*names, "metric", "low", "high"]]
    intervals = ours.merge(long, on=[*names, "metric"], how="left")
    for end in ("low", "high"):
        ours[f"ours_{end}"] = ours[f"ours_{end}"].fillna(intervals[end])
    return ours


def _different_names(line: Mapping[str, object], names: Sequence[str]) -> str:
    """The printed names that one of the configuration's entries stands for."""
    return ", ".join(
        str(line[name]) for name in names if not pd.isna(line[f"our_{name}"]) and line[f"our_{name}"] != line[name]
    )


def _markdown(comparison: pd.DataFrame, columns: Columns) -> str:
    names = [name for name in comparison if name in (*NAMES, *BENCHMARK_NAMES, *VERIFICATION_NAMES)]
    headings = [*names, "stands for", "metric", "ours", "printed", "difference", "where"]
    rows = [list(_cells(line, names, columns)) for line in comparison.to_dict("records")]
    values = [{row[index] for row in rows} for index in range(len(headings))]
    # Columns that are empty in every line are left out; those of one value stand above the table.
    shared = [index for index in range(len(headings)) if len(rows) > 1 and len(values[index]) == 1]
    kept = [index for index in range(len(headings)) if index not in shared and any(values[index])]
    above = "; ".join(f"{headings[index]}: {rows[0][index]}" for index in shared if rows[0][index])
    page = markdown_table([headings[index] for index in kept], [[row[index] for index in kept] for row in rows])
    return f"{above}.\n\n{page}" if above else page


def _cells(line: Mapping, names: Sequence[str], columns: Columns) -> Iterator[str]:
    shown = columns[line["metric"]]
    unit = " %" if shown.percent else ""
    yield from (str(line[name]) for name in (*names, "stands_for"))
    yield shown.heading + unit
    printed = "" if pd.isna(line["printed"]) else f"{line['printed']:g}"
    # Bit error rates differ beyond the digits of other rates: as many digits as are printed.
    digits = max(shown.digits, len(printed.partition(".")[2])) if "watermark" in names else shown.digits
    yield _number(line["ours"], digits) + _interval(line, digits)
    yield printed
    yield "" if pd.isna(line["difference"]) else f"{line['difference']:+.{digits}f}"
    yield "" if pd.isna(line["printed"]) else _where(line)


def _number(value: float, digits: int) -> str:
    return "" if pd.isna(value) else Column(heading="", label="", digits=digits).text(value)


def _interval(line: Mapping, digits: int) -> str:
    if pd.isna(line["ours_low"]) or pd.isna(line["ours_high"]):
        return ""
    return f" ({line['ours_low']:.{digits}f}–{line['ours_high']:.{digits}f})"


def _where(line: Mapping) -> str:
    table = line["table"] if line["table"] == "text" else f"Table {line['table']}"
    page = "" if pd.isna(line["page"]) else f", p. {line['page']}"
    return f"{line['paper']}, {table}{page}"
