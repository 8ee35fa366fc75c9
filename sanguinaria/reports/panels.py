"""Panels: what a figure shows, as the configuration says it. Without matplotlib: the Snakefile reads this."""

from __future__ import annotations

from pydantic import Field

from sanguinaria.plugins import Settings


class Panel(Settings):
    """One set of axes: a column against another, a line for every series, or bars where the first holds names."""

    x: str = Field(
        min_length=1, description="column on the horizontal axis, such as rate or pesq; of names, such as trigger: bars"
    )
    y: str = Field(min_length=1, description="column on the vertical axis, such as attack_success_rate")
    title: str = Field(default="", description="what stands above the axes")
    x_label: str | None = Field(default=None, description="label of the horizontal axis; null: the column's own")
    y_label: str | None = Field(default=None, description="label of the vertical axis; null: the column's own")
    x_log: bool = Field(default=False, description="logarithmic horizontal axis: its values are above 0")
