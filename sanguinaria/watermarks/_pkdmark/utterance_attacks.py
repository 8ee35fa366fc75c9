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
        count = len(self.distortions) + len(self.warps)
        if not count:
            return waveforms
        drawn = torch.randint(count, (len(waveforms),), generator=generator)
        distorted = torch.rand(len(waveforms), generator=generator) >= self.undistorted_share
        result = waveforms.clone()
        for index in sorted(set(drawn[distorted].tolist())):
            members = (distorted & (drawn == index)).to(waveforms.device)
            result[members] = self._attack(index, waveforms[members], generator)
        return result

    def _attack(self, index: int, waveforms: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Apply one distortion or warp to the utterances that drew it, (utterances, samples)."""
        if index < len(self.distortions):
            return distort(self.distortions[index], waveforms, self.sample_rate, generator)
        factor, length = self.warps[index - len(self.distortions)], waveforms.shape[-1]
        undone = undo_warp(Pitch(factor=factor).apply(waveforms, self.sample_rate, generator), factor)[..., :length]
        return pad(undone, (0, length - undone.shape[-1]))
