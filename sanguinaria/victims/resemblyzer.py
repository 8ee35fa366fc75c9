"""The pretrained speaker encoder of the package Resemblyzer 0.1.4, whose wheel holds the weights.

Its embeddings need no training. As a victim of a training it is frozen, and a cosine classifier is trained on its
embeddings.
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

    def sample_rate_error(self, sample_rate: int) -> str | None:
        from sanguinaria.nn.resemblyzer import SAMPLE_RATE

        return None if sample_rate == SAMPLE_RATE else f"it takes audio at {SAMPLE_RATE} Hz, not at {sample_rate} Hz"

    def pretrained_network(self) -> torch.nn.Module:
        """Load the encoder.

        Raises:
            InputError: the weights cannot be obtained or are not the encoder's.
        """
        from sanguinaria.nn.resemblyzer import WEIGHTS, load_encoder

        return load_encoder(WEIGHTS)

    def network(self, labels: int) -> torch.nn.Module:
        from torch import nn

        from sanguinaria.nn.ge2e import SIZE
        from sanguinaria.victims._aam_softmax import CosineClassifier

        encoder = self.pretrained_network().requires_grad_(False)
        return nn.Sequential(encoder, CosineClassifier(SIZE, labels, self.scale))
