"""The attack layer of a watermark's training: what may happen to marked audio before its message is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sanguinaria.distortions import Distortion, distorted, from_text

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Attacks:
    """In each step one of the distortions happens to the whole batch, or, in a share of the steps, none."""

    distortions: Sequence[Distortion]
    sample_rate: int
    untouched: float = 0.0

    def __call__(self, waveforms: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Distorted waveforms (utterances, samples) of the same length; ``generator`` is the CPU's."""
        import torch

        if not self.distortions or (self.untouched and torch.rand((), generator=generator) < self.untouched):
            return waveforms
        chosen = self.distortions[int(torch.randint(len(self.distortions), (), generator=generator))]
        return distorted(chosen, waveforms, self.sample_rate, generator)


def attacks_of(texts: Sequence[str], sample_rate: int, untouched: float = 0.0) -> Attacks:
    """From what stands for entries of `distortions` in a stage's settings (:func:`sanguinaria.distortions.to_text`)."""
    return Attacks([from_text(text) for text in texts], sample_rate, untouched)
