"""A verification's tables as a page shows them, in Markdown and in LaTeX: the error rates of the attacks by the
defences, and for each attack how the defended audio sounds, as TDAP's Tables 1 to 3 are arranged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from sanguinaria.core.atomic_files import write_text
from sanguinaria.reports.benchmark_layout import Part, latex_part, markdown_part
from sanguinaria.reports.layout import column, read_table

# The parts whose columns are the defences.
RATES = {
    "equal_error_rate": "Equal error rate (%)",
    "minimum_detection_cost": "Minimum detection cost",
    "unscored_trials": "Trials without a score",
    "failed_attacks": "Attacks that failed",
}
COUNTS = ("unscored_trials", "failed_attacks")
ROW = ("corpus", "victim", "attack")
# Neither a rate nor what the other parts show: names and counts.
UNSHOWN = {"verification", "defence", "seeds", "scored_trials", *ROW, *RATES}


def write_verification_layouts(wide: Path, markdown_page: Path, latex_page: Path) -> None:
    """Lay a verification's wide table out as Markdown and as LaTeX."""
    found = list(parts(read_table(wide)))
    write_text(markdown_page, "\n".join(map(markdown_part, found)))
    write_text(latex_page, "\n".join(map(latex_part, found)))


def parts(table: pd.DataFrame) -> Iterator[Part]:
    """The parts of a page; those that say nothing are left out."""
    names = [name for name in ROW if name == "attack" or table[name].nunique() > 1]
    for rate, title in RATES.items():
        if rate not in COUNTS or table[rate].any():
            yield _by_defence(table, names, rate, title)
    shown = [str(name) for name in table if _is_shown(table, str(name))]
    for attack, lines in table.groupby("attack", sort=False):
        chosen = [name for name in shown if lines[name].notna().any()]
        if chosen:
            yield _of_defences(lines, names, chosen, f"Quality after the attack {attack}")


def _is_shown(table: pd.DataFrame, name: str) -> bool:
    bound = name.endswith(("_low", "_high")) and name.rpartition("_")[0] in table
    return not bound and name not in UNSHOWN and bool(table[name].notna().any())


def _by_defence(table: pd.DataFrame, names: list[str], rate: str, title: str) -> Part:
    defences = list(dict.fromkeys(table["defence"]))
    rows = []
    for _, lines in table.groupby(list(ROW), sort=False):
        by_defence = lines.set_index("defence")
        cells = [_cell(by_defence.loc[defence], rate) for defence in defences]
        rows.append([*map(str, lines.iloc[0][names]), *cells])
    return Part(title, [*names, *defences], rows)


def _cell(line: pd.Series, rate: str) -> str:
    if pd.isna(line[rate]):
        return ""
    if rate in COUNTS:
        return str(int(line[rate]))
    shown = column(rate)
    low, high = line[f"{rate}_low"], line[f"{rate}_high"]
    interval = "" if pd.isna(low) or pd.isna(high) else f" ({shown.text(low)}–{shown.text(high)})"
    return shown.text(line[rate]) + interval


def _of_defences(lines: pd.DataFrame, names: list[str], chosen: list[str], title: str) -> Part:
    told = [name for name in names if name != "attack"]
    rows = [
        [
            *map(str, line[[*told, "defence"]]),
            *("" if pd.isna(line[name]) else column(name).text(line[name]) for name in chosen),
        ]
        for _, line in lines.iterrows()
    ]
    return Part(title, [*told, "defence", *(column(name).heading for name in chosen)], rows)
