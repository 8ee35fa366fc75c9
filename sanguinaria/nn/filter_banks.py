"""Log-mel filter banks as differentiable layers: the front end of speaker encoders, with gradients to the waveform."""

from __future__ import annotations

import torch
from torch import nn

from sanguinaria.audio.mel import htk_filters
from sanguinaria.nn.waveform_checks import check_length

# Seconds between frames, and of a window.
HOP, WINDOW = 0.010, 0.025
# Hz, the lower edge of the lowest band: Kaldi's default, with which no band of 80 lies between two bins.
LOWEST = 20.0
# Added to the energies before the logarithm: −60 dB below a full-scale bin, under the noise of 16-bit speech.
FLOOR = 1e-6
# Lower bound of a band's standard deviation in the normalisation: a constant band becomes 0.
MINIMUM_DEVIATION = 1e-3


class LogFilterBanks(nn.Module):
    """Natural logarithms of mel energies, in float32.

    Hamming windows of 25 ms every 10 ms. No window reaches beyond the ends, so frames = 1 + (samples − window) // hop.
    The bands are triangles, evenly spaced on the HTK mel scale from 20 Hz to half the sample rate.

    Shape:
        - Input: (utterances, 1, samples)
        - Output: (utterances, bands, frames)
    """

    taper: torch.Tensor
    filters: torch.Tensor

    def __init__(self, bands: int, sample_rate: int) -> None:
        """
        Args:
            bands: number of mel bands.
            sample_rate: of the waveforms, in Hz.
        """
        super().__init__()
        self.window, self.hop = round(WINDOW * sample_rate), round(HOP * sample_rate)
        self.fft = 2 ** (self.window - 1).bit_length()
        filters = htk_filters(self.fft, bands, sample_rate, LOWEST)
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("taper", torch.hamming_window(self.window, periodic=False), persistent=False)

    def forward(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Compute the features.

        Raises:
            InputError: the waveforms are shorter than a window.
        """
        check_length(waveforms, self.window)
        with torch.autocast(waveforms.device.type, enabled=False):
            frames = waveforms[:, 0].float().unfold(-1, self.window, self.hop) * self.taper
            spectra = torch.fft.rfft(frames, self.fft)
            power = spectra.real.square() + spectra.imag.square()  # (utterances, frames, bins)
            return torch.log(power @ self.filters + FLOOR).transpose(1, 2)


class MeanVarianceNormalisation(nn.Module):
    """Mean and variance normalisation of each band of each utterance over time; a constant band becomes 0.

    Shape:
        - Input: (utterances, bands, frames)
        - Output: the same
    """

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        centred = features - features.mean(-1, keepdim=True)
        # Clamped before the root, whose derivative is infinite at 0.
        variance = centred.square().mean(-1, keepdim=True).clamp(min=MINIMUM_DEVIATION**2)
        return centred / variance.sqrt()
