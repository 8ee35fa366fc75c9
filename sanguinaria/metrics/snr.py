"""Signal-to-noise ratio in dB: 10 log10 (Σ x² / Σ (x̃ − x)²); the noise is the change that the trigger made."""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING, ClassVar

from sanguinaria.metrics import Metric, Unscorable

if TYPE_CHECKING:
    import numpy as np


class Snr(Metric):
    """The ratio over the whole utterance, as stored."""

    heading: ClassVar[str] = "SNR"
    unit: ClassVar[str] = "dB"
    digits: ClassVar[int] = 1

    def score(self, reference: np.ndarray, degraded: np.ndarray, sample_rate: int) -> float:
        signal = float((reference.astype("float64") ** 2).sum())
        noise = float(((degraded.astype("float64") - reference) ** 2).sum())
        if signal == 0:
            raise Unscorable("SNR: the clean utterance is silent")
        if noise == 0:
            raise Unscorable("SNR: the utterance is unchanged")
        return 10 * log10(signal / noise)
