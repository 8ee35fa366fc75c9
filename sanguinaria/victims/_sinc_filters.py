"""Band-pass filters whose edges are learned (Ravanelli and Bengio, 2018, arXiv:1808.00158, section 2), and their
analytic form (Pariente et al., 2020, arXiv:1910.10400, section 2.2).

Edges are kept in cycles per sample, as in the first code of SincNet. In hertz, as later codes keep them, an optimiser's
step of 0.001 moves an edge by a thousandth of a hertz, and nothing is learned.
"""

from __future__ import annotations

from math import pi

import torch
from torch import nn

from sanguinaria.audio.mel import htk_band_edges

# Lowest edge and narrowest band, and where the lowest band begins at first: 50, 50 and 30 Hz at 16 kHz.
LOWEST = 50 / 16000
NARROWEST = 50 / 16000
FIRST = 30 / 16000
# Hertz, as the mel scale is of hertz.
SAMPLE_RATE = 16000


class SincFilters(nn.Module):
    """Waveforms (utterances, 1, samples) → (utterances, outputs, 1 + (samples − length) // stride), in float32.

    ``count`` filters give as many outputs or, where they are analytic, the real parts and then the imaginary ones.
    """

    def __init__(self, count: int, length: int, stride: int = 1, analytic: bool = False) -> None:
        super().__init__()
        if length % 2 == 0:
            raise ValueError(f"filters of {length} samples have no middle")
        edges = _mel_edges(count)
        self.low = nn.Parameter(edges[:-1].clone())
        self.band = nn.Parameter(edges.diff())
        self.length = length
        self.stride = stride
        self.analytic = analytic

    def filters(self) -> torch.Tensor:
        """Impulse responses (outputs, 1, length): differences of two low-pass ones over twice the band, in a Hamming
        window. Their middle is 1."""
        low = LOWEST + self.low.abs()[:, None]
        high = (low + NARROWEST + self.band.abs()[:, None]).clamp(max=0.5)
        middle = self.length // 2
        times = torch.arange(-middle, middle + 1, device=low.device)
        window = torch.hamming_window(self.length, periodic=False, device=low.device)
        # 2 f₂ sinc(2 f₂ n) − 2 f₁ sinc(2 f₁ n), over twice the band.
        even = (high * torch.sinc(2 * high * times) - low * torch.sinc(2 * low * times)) / (high - low)
        if not self.analytic:
            return (even * window)[:, None]
        # Its Hilbert transform: (cos 2π f₁ n − cos 2π f₂ n) / π n, over twice the band; nothing in the middle.
        odd = (torch.cos(2 * pi * low * times) - torch.cos(2 * pi * high * times)) / (high - low)
        odd = odd / (2 * pi * times.where(times != 0, 1))
        return (torch.cat([even, odd]) * window)[:, None]

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        # Filters of 8 bits' precision would let through what lies 50 dB below.
        with torch.autocast(inputs.device.type, enabled=False):
            return nn.functional.conv1d(inputs.float(), self.filters(), stride=self.stride)


def _mel_edges(count: int) -> torch.Tensor:
    """Edges (count + 1,) of bands of equal width on the mel scale, up to what leaves the narrowest band below half the
    sample rate."""
    edges = htk_band_edges(SAMPLE_RATE * FIRST, SAMPLE_RATE * (0.5 - LOWEST - NARROWEST), count + 1)
    return torch.tensor(edges / SAMPLE_RATE, dtype=torch.float32)
