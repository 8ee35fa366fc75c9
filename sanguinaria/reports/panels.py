"""The settings of a figure's panels. Without matplotlib: the Snakefile imports this."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field, model_validator

from sanguinaria.core.plugins import Settings


class Panel(Settings):
    """One set of axes: a column against another, a line for every series, or bars where the first holds names; or a map
    of two columns of names."""

    renamed: ClassVar[Mapping[str, str]] = {"down": "rows", "along": "order_by"}

    x: str = Field(
        min_length=1, description="column on the horizontal axis, such as rate or pesq; of names, such as trigger: bars"
    )
    y: str = Field(min_length=1, description="column on the vertical axis, such as attack_success_rate")
    rows: str | None = Field(
        default=None,
        min_length=1,
        description="column of names on the vertical axis, such as trigger: a map, with y in its cells",
    )
    title: str = Field(default="", description="title above the axes")
    x_label: str | None = Field(default=None, description="label of the horizontal axis; null: the column's own")
    y_label: str | None = Field(default=None, description="label of the vertical axis; null: the column's own")
    x_log: bool = Field(default=False, description="logarithmic horizontal axis: its values are above 0")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table that it shows."""
        return (self.x, self.y) if self.rows is None else (self.x, self.y, self.rows)

    @model_validator(mode="after")
    def _axes_of_maps(self) -> Panel:
        if self.rows is not None and self.x_log:
            raise ValueError("a map has cells of one width: leave out x_log, or rows")
        return self
