"""The pretrained speaker encoder of the package Resemblyzer 0.1.4, whose wheel holds the weights.

Its embeddings need no training. As a victim that is trained, it keeps the encoder as it is and learns a direction for
each label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.victims import WaveformVictim
from sanguinaria.victims._encoders import SpeakerEncoderVictim

if TYPE_CHECKING:
    import torch


class Resemblyzer(SpeakerEncoderVictim, WaveformVictim):
    """A recurrent network of mel energies at 16 kHz, trained by its authors on LibriSpeech and VoxCeleb."""

    epochs: int = Field(default=10, ge=1)
    learning_rate: float = Field(default=1e-2, gt=0, description="at the first step")
    scale: float = Field(default=30.0, gt=0, description="factor on the cosines")

    @property
    def is_pretrained(self) -> bool:
        return True

    def problem(self, sample_rate: int) -> str | None:
        from sanguinaria.nn.ge2e import SAMPLE_RATE

        return None if sample_rate == SAMPLE_RATE else f"it hears audio at {SAMPLE_RATE} Hz, not at {sample_rate} Hz"

    def pretrained(self) -> torch.nn.Module:
        """
        Raises:
            InputError: the weights cannot be had or are not the encoder's.
        """
        from sanguinaria.nn.resemblyzer import WEIGHTS, load_encoder

        return load_encoder(WEIGHTS)

    def network(self, labels: int) -> torch.nn.Module:
        from torch import nn

        from sanguinaria.nn.ge2e import SIZE
        from sanguinaria.victims._aam_softmax import CosineClassifier

        encoder = self.pretrained().requires_grad_(False)
        return nn.Sequential(encoder, CosineClassifier(SIZE, labels, self.scale))
