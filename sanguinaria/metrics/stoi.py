"""STOI: short-time objective intelligibility (Taal et al., 2011), up to 1."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, ClassVar

from sanguinaria.metrics import Metric, Unscorable

if TYPE_CHECKING:
    import numpy as np


class Stoi(Metric):
    """STOI by the package ``pystoi``."""

    heading: ClassVar[str] = "STOI"
    digits: ClassVar[int] = 3

    def score(self, reference: np.ndarray, degraded: np.ndarray, sample_rate: int) -> float:
        from pystoi import stoi

        if not reference.any() or not degraded.any():
            raise Unscorable("STOI: an utterance is silent")
        with warnings.catch_warnings():
            # Where fewer than 30 frames hold speech pystoi warns and returns 1e-5, which no mean may see.
            warnings.simplefilter("error", RuntimeWarning)
            try:
                value = float(stoi(reference, degraded, sample_rate))
            except (RuntimeWarning, ValueError) as warning:
                raise Unscorable(f"STOI: {str(warning).splitlines()[0]}") from warning
        if value != value:
            raise Unscorable("STOI: not a number")
        return value
