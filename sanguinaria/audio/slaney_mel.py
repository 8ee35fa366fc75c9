"""Mel filters on Slaney's scale, linear to 1 kHz and logarithmic above, as in librosa (Slaney, 1998, Auditory Toolbox).

torchaudio has them too, but only for frames of even length.
"""

from __future__ import annotations

from functools import cache
from math import log
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

# Where the logarithmic part starts, in mel and in Hz, and how much higher 27 mel above that are.
BEND, BEND_HZ, STEP = 15, 1000, 6.4


@cache
def mel_filters(sample_rate: int, frame: int, bands: int, highest: float) -> np.ndarray:
    """Triangles (bands, bins) of unit area from 0 Hz to ``highest`` Hz.

    Args:
        sample_rate: in Hz.
        frame: samples that a spectrum of ``frame // 2 + 1`` bins is of.
        bands: how many triangles.
        highest: at least 1 kHz. It may be above half the sample rate; triangles that lie there are 0.
    """
    import numpy as np

    mels = np.linspace(0, BEND + 27 * log(highest / BEND_HZ) / log(STEP), bands + 2)
    edges = np.where(mels < BEND, mels * BEND_HZ / BEND, BEND_HZ * STEP ** ((mels - BEND) / 27))[:, None]
    bins = np.arange(frame // 2 + 1) * sample_rate / frame
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters: np.ndarray = np.minimum(rising, falling).clip(min=0) * 2 / (edges[2:] - edges[:-2])
    return filters
