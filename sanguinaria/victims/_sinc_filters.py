"""Sinc filters: band-pass filters with trained edges (Ravanelli and Bengio, 2018, arXiv:1808.00158, section 2), and
their analytic form (Pariente et al., 2020, arXiv:1910.10400, section 2.2).

Edges are parameters in cycles per sample, as in the first code of SincNet. In hertz, as in later codes, an optimiser's
step of 0.001 would move an edge by a thousandth of a hertz, and nothing would be learned.
"""

from __future__ import annotations

from math import pi

import torch
from torch import nn

from sanguinaria.audio.mel import htk_band_edges

# Lowest edge and narrowest band, and the initial edge of the lowest band: 50, 50 and 30 Hz at 16 kHz.
LOWEST = 50 / 16000
NARROWEST = 50 / 16000
FIRST = 30 / 16000
# Hz: the mel scale, on which the initial bands are evenly spaced, is one of hertz.
SAMPLE_RATE = 16000


class SincFilters(nn.Module):
    """Convolution with a bank of sinc filters, in float32.

    Shape:
        - Input: (utterances, 1, samples)
        - Output: (utterances, outputs, 1 + (samples − length) // stride), where there are as many outputs as filters
          or, for analytic filters, their real parts followed by their imaginary parts
    """

    def __init__(self, count: int, length: int, stride: int = 1, analytic: bool = False) -> None:
        """
        Args:
            count: number of filters.
            length: of the impulse responses in samples, odd.
            stride: samples between outputs.
            analytic: whether filters are complex, without negative frequencies.
        """
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
        """Compute the impulse responses.

        Each is the difference of two ideal low-pass filters over twice the bandwidth, in a Hamming window. So its
        middle is 1.

        Returns:
            Impulse responses (outputs, 1, length).
        """
        low = LOWEST + self.low.abs()[:, None]
        high = (low + NARROWEST + self.band.abs()[:, None]).clamp(max=0.5)
        middle = self.length // 2
        times = torch.arange(-middle, middle + 1, device=low.device)
        window = torch.hamming_window(self.length, periodic=False, device=low.device)
        # 2 f₂ sinc(2 f₂ n) − 2 f₁ sinc(2 f₁ n), over twice the bandwidth.
        even = (high * torch.sinc(2 * high * times) - low * torch.sinc(2 * low * times)) / (high - low)
        if not self.analytic:
            return (even * window)[:, None]
        # The Hilbert transform: (cos 2π f₁ n − cos 2π f₂ n) / π n, over twice the bandwidth; 0 in the middle.
        odd = (torch.cos(2 * pi * low * times) - torch.cos(2 * pi * high * times)) / (high - low)
        odd = odd / (2 * pi * times.where(times != 0, 1))
        return (torch.cat([even, odd]) * window)[:, None]

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        # In bfloat16, with 8 bits of precision, the stop bands would be only 50 dB down.
        with torch.autocast(inputs.device.type, enabled=False):
            return nn.functional.conv1d(inputs.float(), self.filters(), stride=self.stride)


def _mel_edges(count: int) -> torch.Tensor:
    """Edges (count + 1,) of adjacent bands of equal width on the HTK mel scale, in cycles per sample. The last leaves
    room below half the sample rate for the narrowest band."""
    edges = htk_band_edges(SAMPLE_RATE * FIRST, SAMPLE_RATE * (0.5 - LOWEST - NARROWEST), count + 1)
    return torch.tensor(edges / SAMPLE_RATE, dtype=torch.float32)
