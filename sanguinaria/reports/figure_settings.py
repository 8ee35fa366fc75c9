"""The settings of figures: curves, bars and maps drawn from tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from sanguinaria.core.fields import entry_names
from sanguinaria.core.plugins import Settings
from sanguinaria.reports.panels import Panel

# Lines of a table, by the values of columns, or of numbers among the entries' settings.
Selection = Mapping[str, str | float | tuple[str | float, ...]]


class FigurePanel(Panel):
    """One set of axes, with the lines of the table that it shows."""

    where: Selection = Field(default={}, description="only these lines of the table, such as {victim: resnet18}")
    order_by: str | tuple[str, ...] | None = Field(
        default=None,
        description="column that orders a line's points and is written beside them, of several the first that has a "
        "value; x itself where absent",
    )

    @property
    def order_by_columns(self) -> tuple[str, ...]:
        """The columns of ``order_by``; none where it is absent."""
        return (self.order_by,) if isinstance(self.order_by, str) else self.order_by or ()


class Figure(Settings):
    """Curves drawn from the tables of one experiment or of several; lines that two of them share count once.

    A column is one of the table's, or a number among its entries' settings: `trigger.strength`, `defence.share`, ….
    """

    experiment: str | entry_names("experiments") = Field(  # type: ignore[valid-type]
        description="entry of `experiments`, or several"
    )
    panels: Annotated[tuple[FigurePanel, ...], Field(min_length=1, max_length=6)]
    series: Mapping[str, Selection] = Field(
        default={},
        description="name in the legend → the lines of the table that it joins; one per trigger where absent",
    )

    @property
    def experiments(self) -> tuple[str, ...]:
        return (self.experiment,) if isinstance(self.experiment, str) else self.experiment
