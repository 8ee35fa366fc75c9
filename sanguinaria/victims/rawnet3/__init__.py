"""RawNet3 (Jung et al., 2022, arXiv:2203.08488, section 2) on waveforms: Fake the Real's victim on VoxCeleb1
(section 4.1).

Its parts: a bank of analytic filters with trained edges, three blocks, attentive statistics pooling, an embedding, and
a cosine classifier that is trained with AAM-softmax; scale and margin are those of ESPnet's recipe. The paper computes
the filters' outputs every 10 samples. A width of 1,024 is the paper's; less trains on small machines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.victims import WaveformVictim
from sanguinaria.victims._encoders import SpeakerEncoderVictim

if TYPE_CHECKING:
    import torch

# Samples of a filter.
FILTER_LENGTH = 251
# Product of the poolings: frames of the filter bank for one frame after the blocks.
FRAMES = 15


class RawNet3(SpeakerEncoderVictim, WaveformVictim):
    """A residual network of the waveform, for speakers."""

    width: int = Field(default=1024, ge=16, multiple_of=8, description="channels of each block; 1,024 in the paper")
    embedding: int = Field(default=256, ge=2, description="dimensions of the embeddings")
    stride: int = Field(default=10, ge=1, description="samples between frames of the filter bank")
    scale: float = Field(default=30.0, gt=0, description="of AAM-softmax: factor on the cosines")
    margin: float = Field(default=0.3, ge=0, lt=1.5, description="of AAM-softmax, in radians")
    weight_decay: float = Field(default=5e-5, ge=0)

    def minimum_samples(self, sample_rate: int) -> int:
        return FILTER_LENGTH + (FRAMES - 1) * self.stride

    def network(self, labels: int) -> torch.nn.Module:
        from torch import nn

        from sanguinaria.victims._aam_softmax import CosineClassifier
        from sanguinaria.victims._attentive_pooling import AttentiveStatisticsPooling
        from sanguinaria.victims.rawnet3.layers import AnalyticFilterBank, FrameLayers

        bands, outputs = self.width // 4, 3 * self.width // 2
        return nn.Sequential(
            AnalyticFilterBank(bands, self.stride),
            FrameLayers(bands, self.width, outputs),
            AttentiveStatisticsPooling(outputs, self.width // 8),
            nn.BatchNorm1d(2 * outputs),
            nn.Linear(2 * outputs, self.embedding),
            CosineClassifier(self.embedding, labels, self.scale),
        )

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        from sanguinaria.victims._aam_softmax import aam_softmax_loss

        return aam_softmax_loss(logits, labels, self.scale, self.margin)
