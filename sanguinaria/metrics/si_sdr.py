"""SI-SDR in dB: the scale-invariant signal-to-distortion ratio (Le Roux et al., 2019, arXiv:1811.02508, Eq. 4).

10 log10 (‖a·x‖² / ‖a·x − x̃‖²) with a = ⟨x̃, x⟩ / ‖x‖²: a mere change of the level is no
distortion. The mean is not subtracted.
"""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING, ClassVar

from sanguinaria.metrics import Metric, Unscorable

if TYPE_CHECKING:
    import numpy as np


# The relative power that float32 rounding leaves between utterances that differ in level alone: more is a change.
ROUNDING = 2.0**-46


class SiSdr(Metric):
    """The ratio over the whole utterance, as stored."""

    heading: ClassVar[str] = "SI-SDR"
    unit: ClassVar[str] = "dB"
    digits: ClassVar[int] = 1

    def score(self, reference: np.ndarray, degraded: np.ndarray, sample_rate: int) -> float:
        clean, changed = reference.astype("float64"), degraded.astype("float64")
        if not clean.any():
            raise Unscorable("SI-SDR: the clean utterance is silent")
        target = clean * ((changed @ clean) / (clean @ clean))
        signal, distortion = float((target**2).sum()), float(((target - changed) ** 2).sum())
        if signal == 0:
            raise Unscorable("SI-SDR: nothing of the clean utterance is left")
        if distortion <= ROUNDING * signal:
            raise Unscorable("SI-SDR: the utterance is unchanged but for its level")
        return 10 * log10(signal / distortion)
