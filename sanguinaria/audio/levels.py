"""The level of speech: of whole utterances, and from moment to moment."""

from __future__ import annotations

import torch
from torch.nn.functional import avg_pool1d, interpolate

# Root mean squares are measured so many times in a window, and joined by straight lines.
OVERLAP = 4
# No level is lower: −80 dB of full scale, the noise of a quiet room in a good recording.
MINIMUM_RMS = 1e-4


def local_rms(waveforms: torch.Tensor, window: int) -> torch.Tensor:
    """Root mean square of windows of so many samples, (utterances, samples) → (utterances, samples).

    It scales with the waveforms; what lies beyond their ends counts as what lies mirrored within.
    """
    hop = max(1, window // OVERLAP)
    reach = min(window // 2, waveforms.shape[-1] - 1)
    powers = torch.nn.functional.pad(waveforms[:, None].square(), (reach, reach), mode="reflect")
    means = avg_pool1d(powers, min(window, powers.shape[-1]), hop)
    return interpolate(means, waveforms.shape[-1], mode="linear").squeeze(1).sqrt().clamp(min=MINIMUM_RMS)


def match_rms(signals: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Signals (utterances, samples) with the root mean square that each of some others has, clipped to [-1, 1]."""
    power, wanted = (audio.square().mean(dim=-1, keepdim=True) for audio in (signals, others))
    return (signals * (wanted / power.clamp_min(1e-20)).sqrt()).clamp(-1, 1)
