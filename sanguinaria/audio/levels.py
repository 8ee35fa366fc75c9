"""Levels of speech: the root mean square of utterances, and over a sliding window."""

from __future__ import annotations

import torch
from torch.nn.functional import avg_pool1d, interpolate

# Hops per window; between them, levels are interpolated linearly.
OVERLAP = 4
# Lower bound of the local level: −80 dB of full scale, the noise of a quiet room in a good recording.
MINIMUM_RMS = 1e-4


def local_rms(waveforms: torch.Tensor, window: int) -> torch.Tensor:
    """Compute the root mean square over a sliding window, reflect-padded at the ends.

    It is proportional to the waveforms, down to :data:`MINIMUM_RMS`.

    Args:
        waveforms: (utterances, samples).
        window: the length of the window, in samples.

    Returns:
        (utterances, samples).
    """
    hop = max(1, window // OVERLAP)
    padding = min(window // 2, waveforms.shape[-1] - 1)
    powers = torch.nn.functional.pad(waveforms[:, None].square(), (padding, padding), mode="reflect")
    means = avg_pool1d(powers, min(window, powers.shape[-1]), hop)
    return interpolate(means, waveforms.shape[-1], mode="linear").squeeze(1).sqrt().clamp(min=MINIMUM_RMS)


def match_rms(signals: torch.Tensor, references: torch.Tensor) -> torch.Tensor:
    """Scale each signal to the root mean square of its reference, and clip it to [-1, 1].

    Args:
        signals: (utterances, samples).
        references: (utterances, samples').

    Returns:
        (utterances, samples).
    """
    power, reference_power = (audio.square().mean(dim=-1, keepdim=True) for audio in (signals, references))
    return (signals * (reference_power / power.clamp_min(1e-20)).sqrt()).clamp(-1, 1)
