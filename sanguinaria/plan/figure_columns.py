"""The columns that a figure of experiments may draw, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sanguinaria.core.errors import InputError
from sanguinaria.core.suggestions import unknown_name
from sanguinaria.plan.evaluation import Evaluation
from sanguinaria.reports.figure_settings import Figure

# What ``sanguinaria.reports.experiments`` measures for every cell, besides the metrics that an experiment lists. Names
# stand here as well, as that module imports pandas.
MEASURED = (
    *("seeds", "benign_accuracy", "attack_success_rate", "false_trigger_rate", "pesq", "stoi", "snr_db"),
    *("test_utterances", "triggered_utterances", "poisoned_utterances", "training_utterances"),
    *("unscorable_utterances", "rate", "stealthy", "detection_rate", "false_positive_rate", "bit_error_rate"),
)


def check_columns(name: str, figure: Figure, tables: Sequence[Evaluation]) -> None:
    """Check that the tables have, or will have, every column that a figure names.

    Args:
        name: of the figure.
        figure: its settings.
        tables: that it is drawn from.

    Raises:
        InputError: a column is unknown; the message has its place and the nearest name.
    """
    cells = [cell for table in tables for cell in table.cells]
    parts = [(*MEASURED, *cell.factors, *cell.settings) for cell in cells]
    known = dict.fromkeys(
        [*(column for part in parts for column in part), *(c for table in tables for c in table.columns)]
    )
    for place, column in _named(figure):
        if column.removesuffix("_low").removesuffix("_high") not in known:
            raise InputError(f"figures.{name}.{place}: {unknown_name('column', column, known)}")


def _named(figure: Figure) -> Iterator[tuple[str, str]]:
    """Every column that a figure names, with its place."""
    for number, panel in enumerate(figure.panels):
        fields = {
            "x": (panel.x,),
            "y": (panel.y,),
            "rows": (panel.rows,) if panel.rows else (),
            "order_by": panel.order_by_columns,
        }
        for field, columns in {**fields, "where": tuple(panel.where)}.items():
            yield from ((f"panels[{number}].{field}", column) for column in columns)
    for series, selection in figure.series.items():
        yield from ((f"series.{series}", column) for column in selection)
