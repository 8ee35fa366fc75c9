"""Our numbers beside those that papers print.

``printed_numbers.csv`` holds one printed number a line, as it is printed. Names are those of configuration entries; a
name is empty where the number does not depend on it: PESQ is that of the triggered audio, whatever model hears it.
``table`` is the table's number, or ``text`` for a rounded number that only the running text has. Bloodroot's Table 3
names neither corpus nor victim: its unfiltered column is Table 1's for SC-10 and ResNet-18. Pruning, in its section 3.2
without a share, is that of convolutional channels, so the victim is ResNet-18 there too. Figures print no numbers.
Fake the Real numbers its target labels, its utterances of target speakers, and those speakers; what a model hears is
another trigger than it was trained on in its Table 4.
WAKE and PKDMark print what benchmarks measure. Their corpora are mixtures of several; WAKE's deviations over five
trials are left out, as are PKDMark's reductions in per cent. A page is empty where the text that was read has none.
TDAP prints what verifications measure: its genuine trials have noise as loud as its attacks, and the noise of its
Tables 2 and 3 is that of σ = 0.015, by whose error rates their indices are made. The index of TDAP's own line in Table
3 is 13.749, where its equation gives 13.688.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from sanguinaria.core.atomic_files import atomic, write_text
from sanguinaria.core.errors import InputError
from sanguinaria.reports.layout import COLUMNS, DEFENDED, MARK, MODEL, TRIGGER, WATERMARK, column, read_table
from sanguinaria.reports.printed import ENTRIES, PRINTED_NUMBERS

# What tells the numbers of an experiment apart, those of a benchmark, and those of a verification.
NAMES = ("corpus", "target", "trigger", "heard", "victim", "defence", "poisoning")
BENCHMARK_NAMES = ("corpus", "watermark", "marks", "read", "distortion")
VERIFICATION_NAMES = ("corpus", "victim", "attack", "defence")
VALUES = ("ours", "ours_low", "ours_high", "printed", "difference")
PER_CENT = "per cent"
# The names that a metric's value does not depend on, by the level at which it stands in a table.
INDIFFERENT = {
    TRIGGER: ("target", "victim", "defence", "poisoning", "read", "distortion"),
    DEFENDED: ("target", "victim", "poisoning"),
    MODEL: (),
    MARK: ("distortion",),
    WATERMARK: ("marks", "read", "distortion"),
}


def printed_numbers(path: Path = PRINTED_NUMBERS) -> pd.DataFrame:
    """The printed numbers, as they are printed: rates in per cent.

    Returns:
        columns paper, table, page, corpus, target, trigger, heard, victim, attack, defence, poisoning, watermark,
        marks, read, distortion, metric, value, unit. What is heard is empty where it is the trigger.

    Raises:
        InputError: a metric is unknown, or its unit is not the one that comparisons are made in.
    """
    words = pd.read_csv(path, dtype=str, keep_default_na=False)
    for number, (metric, unit) in enumerate(zip(words["metric"], words["unit"], strict=True), start=2):
        if metric not in COLUMNS:
            raise InputError(f"{path}:{number}: unknown metric {metric!r}; it is one of {', '.join(COLUMNS)}")
        if unit != (expected := PER_CENT if column(metric).percent else ""):
            raise InputError(f"{path}:{number}: the unit of {metric} is {expected!r}, not {unit!r}; convert the value")
    words["page"] = pd.to_numeric(words["page"]).astype("Int64")
    return words.astype({"value": float})


def compare(
    table: pd.DataFrame,
    printed: pd.DataFrame,
    stands_for: Mapping[str, str],
    metrics: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Our numbers and the printed ones, joined so that none is lost.

    Args:
        table: the wide table, an experiment's, a benchmark's or a verification's.
        printed: as :func:`printed_numbers` gives them.
        stands_for: our entry → the printed one that it is compared with, for corpora, triggers, victims, defences,
            watermarks and distortions; an entry that is not named stands for itself.
        metrics: the long table, for intervals that the wide one does not have.

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
    table = table if "heard" in names else _own(table)
    printed = printed.assign(heard=printed["heard"].where(printed["heard"] != "", printed["trigger"]))
    ours = _ours(table, metrics, list(dict.fromkeys(printed["metric"])), names)
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
    paper: str,
    table: str,
    stands_for: Mapping[str, str],
    wide: Path,
    metrics: Path,
    destination: Path,
    markdown: Path,
) -> None:
    """Compare a product's tables with one of a paper's, and write that as CSV and as Markdown.

    Raises:
        InputError: nothing printed is known of that table.
    """
    printed = printed_numbers()
    chosen = printed[(printed["paper"] == paper) & (printed["table"] == table)]
    if chosen.empty:
        known = sorted({f"{name} {number}" for name, number in zip(printed["paper"], printed["table"], strict=True)})
        raise InputError(f"comparison: no printed numbers of {paper} {table}; there are: {', '.join(known)}")
    found = compare(read_table(wide), chosen, stands_for, read_table(metrics))
    with atomic(destination) as temporary:
        found.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
    write_text(markdown, comparison_markdown(found))


def _names(table: pd.DataFrame, printed: pd.DataFrame) -> tuple[str, ...]:
    """What tells printed numbers apart: most of experiments are of one target, and of the trigger of the training."""
    if "watermark" in table:
        return BENCHMARK_NAMES
    if "attack" in table:
        return VERIFICATION_NAMES
    return tuple(name for name in NAMES if name not in ("target", "heard") or (printed[name] != "").any())


def _own(table: pd.DataFrame) -> pd.DataFrame:
    """The lines in which a model hears the trigger that it was trained on."""
    return table[table["heard"] == table["trigger"]] if "heard" in table else table


def comparison_markdown(comparison: pd.DataFrame) -> str:
    """The comparison in Markdown: numbers that are both measured and printed, then those that are only one of them."""
    measured, printed = comparison["ours"].notna(), comparison["printed"].notna()
    parts = {
        "": comparison[measured & printed],
        "Measured, not printed:\n\n": comparison[measured & ~printed],
        "Printed, not measured here:\n\n": comparison[~measured & printed],
    }
    return "\n".join(title + _markdown(part) for title, part in parts.items() if len(part))


def _ours(table: pd.DataFrame, metrics: pd.DataFrame | None, wanted: list[str], names: Sequence[str]) -> pd.DataFrame:
    """Our numbers, one a line, in the table's order and in the units they are printed in."""
    parts = [_of_metric(table.reset_index(drop=True), metric, names) for metric in wanted if metric in table]
    if not parts:
        raise InputError(f"comparison: the table has none of the columns {', '.join(wanted)}; compare another one")
    ours = pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)
    if metrics is not None:
        ours = _with_intervals(ours, metrics, names)
    for metric in wanted:
        of_metric = ours["metric"] == metric
        # An attack is of an encoder, and what is heard of it depends on all names.
        indifferent = () if names == VERIFICATION_NAMES else INDIFFERENT[column(metric).level]
        ours.loc[of_metric, [name for name in indifferent if name in names]] = ""
        ours.loc[of_metric, ["ours", "ours_low", "ours_high"]] *= column(metric).scale
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
    found = ours.merge(long, on=[*names, "metric"], how="left")
    for end in ("low", "high"):
        ours[f"ours_{end}"] = ours[f"ours_{end}"].fillna(found[end])
    return ours


def _different_names(line: Mapping[str, object], names: Sequence[str]) -> str:
    """The printed names that one of our entries stands for."""
    return ", ".join(
        str(line[name]) for name in names if not pd.isna(line[f"our_{name}"]) and line[f"our_{name}"] != line[name]
    )


def _markdown(comparison: pd.DataFrame) -> str:
    names = [name for name in comparison if name in (*NAMES, *BENCHMARK_NAMES, *VERIFICATION_NAMES)]
    headings = [*names, "stands for", "metric", "ours", "printed", "difference", "where"]
    rows = [list(_cells(line, names)) for line in comparison.to_dict("records")]
    # Columns that say nothing in any line are left out.
    kept = [index for index in range(len(headings)) if any(row[index] for row in rows)]
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(line[index] for index in kept)} |\n" for line in lines)


def _cells(line: Mapping, names: Sequence[str]) -> Iterator[str]:
    shown = column(line["metric"])
    unit = " %" if shown.percent else ""
    yield from (str(line[name]) for name in (*names, "stands_for"))
    yield shown.heading + unit
    printed = "" if pd.isna(line["printed"]) else f"{line['printed']:g}"
    # Watermarks' error rates differ where those of models have ended: as many digits as are printed.
    digits = max(shown.digits, len(printed.partition(".")[2])) if "watermark" in names else shown.digits
    yield _number(line["ours"], digits) + _interval(line, digits)
    yield printed
    yield "" if pd.isna(line["difference"]) else f"{line['difference']:+.{digits}f}"
    yield "" if pd.isna(line["printed"]) else _where(line)


def _number(value: float, digits: int) -> str:
    return "" if pd.isna(value) else f"{value:.{digits}f}"


def _interval(line: Mapping, digits: int) -> str:
    if pd.isna(line["ours_low"]) or pd.isna(line["ours_high"]):
        return ""
    return f" ({line['ours_low']:.{digits}f}–{line['ours_high']:.{digits}f})"


def _where(line: Mapping) -> str:
    table = line["table"] if line["table"] == "text" else f"Table {line['table']}"
    page = "" if pd.isna(line["page"]) else f", p. {line['page']}"
    return f"{line['paper']}, {table}{page}"
