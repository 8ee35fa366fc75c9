"""ECAPA-TDNN (Desplanques et al., 2020, arXiv:2005.07143), a speaker encoder: TDAP's victim (section 4.1).

Waveforms become 80 log mel energies every 10 ms, each band at mean 0 and deviation 1; three blocks, pooling with
attention, and an embedding, with a direction for each label. Scale and margin are TDAP's; 512 channels are both
papers', less trains on small machines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.victims import WaveformVictim
from sanguinaria.victims._encoders import SpeakerEncoderVictim

if TYPE_CHECKING:
    import torch


class EcapaTdnn(SpeakerEncoderVictim, WaveformVictim):
    """A network of log filter banks, for speakers.

    Its training may distort what it hears: TDAP alters the speed, and adds noise and reverberation. Speed keeps the
    speaker's label, as in SpeechBrain's recipe.
    """

    channels: int = Field(default=512, ge=16, multiple_of=8, description="of each block; 512 or 1,024 in the paper")
    embedding: int = Field(default=192, ge=2, description="numbers that an utterance becomes")
    bands: int = Field(default=80, ge=8, le=128, description="of the filter bank")
    sample_rate: int = Field(default=16000, ge=4000, le=96000, description="Hz, of the audio that it hears")
    scale: float = Field(default=32.0, gt=0, description="factor on the cosines")
    margin: float = Field(default=0.2, ge=0, lt=1.5, description="radians that training adds to the label's own angle")
    weight_decay: float = Field(default=2e-5, ge=0)
    # In the specification of a stage, the settings of the entries as text: their names are in no identity.
    augmentations: tuple[str, ...] = Field(
        default=(), description="entries of `distortions`, one of which happens to each utterance of a batch"
    )
    untouched: float = Field(default=0.25, ge=0, le=1, description="share of the utterances that none happens to")

    @property
    def references(self) -> dict[str, tuple[str, str | tuple[str, ...]]]:
        return {"augmentations": ("distortions", self.augmentations)}

    def problem(self, sample_rate: int) -> str | None:
        if sample_rate == self.sample_rate:
            return None
        return f"it hears audio at {self.sample_rate} Hz, not at {sample_rate} Hz: set its `sample_rate`"

    def network(self, labels: int) -> torch.nn.Module:
        from torch import nn

        from sanguinaria.nn.filter_banks import LogFilterBanks, MeanVarianceNormalisation
        from sanguinaria.victims._aam_softmax import CosineClassifier
        from sanguinaria.victims._attentive_pooling import AttentivePooling
        from sanguinaria.victims.ecapa_tdnn.augmentation import Augmentation
        from sanguinaria.victims.ecapa_tdnn.layers import BOTTLENECK, Blocks

        blocks = Blocks(self.bands, self.channels)
        return nn.Sequential(
            Augmentation(self.augmentations, self.sample_rate, self.untouched),
            LogFilterBanks(self.bands, self.sample_rate),
            MeanVarianceNormalisation(),
            blocks,
            AttentivePooling(blocks.outputs, min(BOTTLENECK, self.channels)),
            nn.BatchNorm1d(2 * blocks.outputs),
            nn.Linear(2 * blocks.outputs, self.embedding),
            nn.BatchNorm1d(self.embedding),
            CosineClassifier(self.embedding, labels, self.scale),
        )

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        from sanguinaria.victims._aam_softmax import aam_softmax_loss

        return aam_softmax_loss(logits, labels, self.scale, self.margin)
