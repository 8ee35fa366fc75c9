"""Requested metrics, paired differences and notes, which a page shows beside a wide table's values."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Context:
    """Requested metrics, paired differences and notes, which a page shows beside a wide table's values.

    Attributes:
        requested: the columns of the metrics that the evaluation requests, which are shown without a value, too.
        differences: paired differences to the best lines, by which values are marked; ``None`` for values as they are.
        notes: sentences for the legend.
    """

    requested: Collection[str] = ()
    differences: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()


PLAIN = Context()
