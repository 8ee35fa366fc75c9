"""Print a table in the terminal: ``python -m sanguinaria.reports.show results/tables/demo.csv``."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

# Fractions that read better as percentages, with their intervals where the table has them.
RATES = {"benign_accuracy": "accuracy", "attack_success_rate": "attack success", "false_trigger_rate": "false trigger"}
MEANS = {"pesq": "PESQ", "stoi": "STOI", "snr_db": "SNR dB"}
NAMES = ("trigger", "poisoning", "victim", "defence")


def show(path: Path) -> None:
    """Print the wide table at ``path``: rates in per cent with their 95 % intervals."""
    from rich.console import Console
    from rich.table import Table

    source = pd.read_csv(path, keep_default_na=False, na_values=[""])
    table = Table(title=f"{path}: rates in per cent, 95 % intervals", caption=_caption(source))
    for heading in (*NAMES, *RATES.values(), *MEANS.values()):
        table.add_column(heading, no_wrap=True)
    for row in source.to_dict("records"):
        table.add_row(
            *(str(row[name]) for name in NAMES),
            *(_rate(row, name) for name in RATES),
            *("" if pd.isna(row[name]) else f"{row[name]:.3g}" for name in MEANS),
        )
    # A pipe or a file has no width of its own, and a table that is cut is of no use there.
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def _caption(source: pd.DataFrame) -> str:
    """The corpora and counts of the rows."""
    kinds = source.drop_duplicates(["corpus", "seeds", "training_utterances", "test_utterances"]).to_dict("records")
    return "\n".join(
        f"{row['corpus']}: {row['seeds']} seed(s), {row['training_utterances']} utterances to train on, "
        f"at most {source['poisoned_utterances'].max()} of them poisoned, {row['test_utterances']} to test on"
        for row in kinds
    )


def _rate(row: dict, name: str) -> str:
    if pd.isna(row[name]):
        return ""
    value = f"{100 * row[name]:.1f}"
    if f"{name}_low" not in row:
        return value
    return f"{value} ({100 * row[f'{name}_low']:.1f}–{100 * row[f'{name}_high']:.1f})"


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        show(Path(argument))
