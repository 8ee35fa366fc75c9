"""The attack layer of a watermark's training: random distortions between embedding and decoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sanguinaria.core.references import Reference
from sanguinaria.distortions import Distortion, distort, resolve

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class AttackLayer:
    """One random distortion per training step, applied to the whole batch.

    Args:
        distortions: the distortions, each drawn with the same probability.
        sample_rate: in Hz.
        undistorted_share: the probability that a step has no distortion.

    Shape:
        - Input: (utterances, samples)
        - Output: (utterances, samples)
    """

    distortions: Sequence[Distortion]
    sample_rate: int
    undistorted_share: float = 0.0

    def __call__(self, waveforms: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Distort waveforms (utterances, samples) at a constant length; ``generator`` is one of the CPU."""
        import torch

        if not self.distortions or (
            self.undistorted_share and torch.rand((), generator=generator) < self.undistorted_share
        ):
            return waveforms
        distortion = self.distortions[int(torch.randint(len(self.distortions), (), generator=generator))]
        return distort(distortion, waveforms, self.sample_rate, generator)


def build_attack_layer(
    references: Sequence[Reference], sample_rate: int, undistorted_share: float = 0.0
) -> AttackLayer:
    """Build an attack layer from the distortions of a stage's settings.

    Args:
        references: to the distortions, as a specification has them.
        sample_rate: in Hz.
        undistorted_share: the probability that a step has no distortion.

    Returns:
        The attack layer.
    """
    return AttackLayer([resolve(reference) for reference in references], sample_rate, undistorted_share)
