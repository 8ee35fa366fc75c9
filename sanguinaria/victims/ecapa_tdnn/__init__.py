"""ECAPA-TDNN (Desplanques et al., 2020, arXiv:2005.07143), a speaker encoder: TDAP's victim (section 4.1).

Its parts: 80 log-mel energies every 10 ms with mean and variance normalisation, three SE-Res2Blocks, attentive
statistics pooling, an embedding, and a cosine classifier that is trained with AAM-softmax. Scale and margin are TDAP's.
512 channels are both papers'; less trains on small machines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from sanguinaria.core.references import DistortionReference
from sanguinaria.victims import WaveformVictim
from sanguinaria.victims._encoders import SpeakerEncoderVictim

if TYPE_CHECKING:
    import torch


class EcapaTdnn(SpeakerEncoderVictim, WaveformVictim):
    """A time-delay network of log-mel energies, for speakers.

    Its training may distort the audio: TDAP changes the speed, and adds noise and reverberation. A change of speed
    keeps the speaker's label, as in SpeechBrain's recipe.
    """

    renamed: ClassVar[Mapping[str, str]] = {"untouched": "undistorted_share"}

    channels: int = Field(default=512, ge=16, multiple_of=8, description="of each block; 512 or 1,024 in the paper")
    embedding: int = Field(default=192, ge=2, description="dimensions of the embeddings")
    bands: int = Field(default=80, ge=8, le=128, description="mel bands")
    sample_rate: int = Field(default=16000, ge=4000, le=96000, description="Hz, of the audio")
    scale: float = Field(default=32.0, gt=0, description="of AAM-softmax: factor on the cosines")
    margin: float = Field(default=0.2, ge=0, lt=1.5, description="of AAM-softmax, in radians")
    weight_decay: float = Field(default=2e-5, ge=0)
    augmentations: tuple[DistortionReference, ...] = Field(
        default=(), description="entries of `distortions`, one of which is applied to each training utterance"
    )
    undistorted_share: float = Field(
        default=0.25, ge=0, le=1, description="share of the training utterances without a distortion"
    )

    def sample_rate_error(self, sample_rate: int) -> str | None:
        if sample_rate == self.sample_rate:
            return None
        return f"it takes audio at {self.sample_rate} Hz, not at {sample_rate} Hz: set its `sample_rate`"

    def network(self, labels: int) -> torch.nn.Module:
        from torch import nn

        from sanguinaria.nn.filter_banks import LogFilterBanks, MeanVarianceNormalisation
        from sanguinaria.victims._aam_softmax import CosineClassifier
        from sanguinaria.victims._attentive_pooling import AttentiveStatisticsPooling
        from sanguinaria.victims.ecapa_tdnn.augmentation import Augmentation
        from sanguinaria.victims.ecapa_tdnn.layers import BOTTLENECK, FrameLayers

        frame_layers = FrameLayers(self.bands, self.channels)
        return nn.Sequential(
            Augmentation(self.augmentations, self.sample_rate, self.undistorted_share),
            LogFilterBanks(self.bands, self.sample_rate),
            MeanVarianceNormalisation(),
            frame_layers,
            AttentiveStatisticsPooling(frame_layers.outputs, min(BOTTLENECK, self.channels)),
            nn.BatchNorm1d(2 * frame_layers.outputs),
            nn.Linear(2 * frame_layers.outputs, self.embedding),
            nn.BatchNorm1d(self.embedding),
            CosineClassifier(self.embedding, labels, self.scale),
        )

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        from sanguinaria.victims._aam_softmax import aam_softmax_loss

        return aam_softmax_loss(logits, labels, self.scale, self.margin)
