"""Augmentation of the detector's input in training: low-pass filters and white noise.

A mark that is not filtered in training lies at the top of the band, where a low-pass filter removes it. So a share of
the detector's input has passed a filter: a causal one, like that of a front end.
"""

from __future__ import annotations

import numpy as np
import torch

from sanguinaria.audio.filters import convolve, low_pass_responses
from sanguinaria.nn.speech_crops import mean_power

# Signal-to-noise ratios, in dB, between which noise is added.
NOISE_RATIOS = (30.0, 50.0)
# Number of cut-off frequencies, evenly spaced.
CUTOFF_COUNT = 11
FILTER_ORDER = 6


class Augmentation:
    """A low-pass filter for a share of the utterances, and white noise 30 to 50 dB below each.

    Args:
        low_pass_share: probability that an utterance is filtered.
        cutoffs: Hz, the lowest and the highest cut-off frequency.
        sample_rate: of the audio, in Hz.
        device: where it computes.
    """

    def __init__(
        self, low_pass_share: float, cutoffs: tuple[float, float], sample_rate: int, device: torch.device
    ) -> None:
        self.low_pass_share = low_pass_share
        frequencies = [float(cutoff) for cutoff in np.linspace(*cutoffs, CUTOFF_COUNT)]
        self.responses = low_pass_responses(frequencies, FILTER_ORDER, sample_rate).to(device)

    def __call__(self, waveforms: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Augment waveforms.

        Args:
            waveforms: (utterances, samples).
            generator: the CPU's random numbers, so that every device draws the same.

        Returns:
            (utterances, samples).
        """
        count, device = len(waveforms), waveforms.device
        chosen = (torch.rand(count, generator=generator) < self.low_pass_share).to(device)
        filters = torch.randint(len(self.responses), (count,), generator=generator).to(device)
        filtered = torch.where(chosen[:, None], convolve(waveforms, self.responses[filters]), waveforms)
        ratios = NOISE_RATIOS[0] + (NOISE_RATIOS[1] - NOISE_RATIOS[0]) * torch.rand(count, 1, generator=generator)
        noise = torch.randn(waveforms.shape, generator=generator) * 10 ** (-ratios / 20)
        return filtered + noise.to(device) * mean_power(waveforms).detach().sqrt()
