"""An attack layer with a distortion for each utterance, and other pitches whose factor the detector has undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import pad

from sanguinaria.distortions import distort
from sanguinaria.distortions._attack_layer import AttackLayer
from sanguinaria.distortions.pitch import Pitch
from sanguinaria.watermarks._pkdmark.warps import undo_warp


@dataclass(frozen=True)
class UtteranceAttacks(AttackLayer):
    """One random distortion for each utterance, or a warp: another pitch, after which its factor is undone.

    A detector that searches warps decodes audio whose factor it has undone. Another speed leaves nothing to learn then;
    another pitch leaves the phase vocoder's time stretching.

    Args:
        distortions: each drawn with the same probability as each warp.
        sample_rate: in Hz.
        undistorted_share: the probability that an utterance has neither.
        warps: factors of frequency.

    Shape:
        - Input: (utterances, samples)
        - Output: (utterances, samples)
    """

    warps: Sequence[float] = ()

    def __call__(self, waveforms: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Distort waveforms (utterances, samples) at a constant length; ``generator`` is one of the CPU."""
        return torch.cat([self._attack(waveform[None], generator) for waveform in waveforms])

    def _attack(self, waveform: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Distort one utterance, (1, samples)."""
        count = len(self.distortions) + len(self.warps)
        if not count or (self.undistorted_share and torch.rand((), generator=generator) < self.undistorted_share):
            return waveform
        index = int(torch.randint(count, (), generator=generator))
        if index < len(self.distortions):
            return distort(self.distortions[index], waveform, self.sample_rate, generator)
        factor, length = self.warps[index - len(self.distortions)], waveform.shape[-1]
        undone = undo_warp(Pitch(factor=factor).apply(waveform, self.sample_rate, generator), factor)[..., :length]
        return pad(undone, (0, length - undone.shape[-1]))
