"""A keyed watermark by code division: the key's hash gives a sign for every cell of the spectrum.

The mechanism is not WAKE's, whose keys are bits of the network's blocks, but serves the same ends: one trained network
for every key, wrong keys that decode nothing, and marks of several keys in one recording. A key may be any text, and
there are as many as a cryptographic hash distinguishes. Two keys that differ in one character have uncorrelated signs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sanguinaria.watermarks._invertible.settings import CHUNK, SAMPLE_RATE, InvertibleWatermark

if TYPE_CHECKING:
    import torch

    from sanguinaria.watermarks._invertible.keys import Key, KeySampler
    from sanguinaria.watermarks._invertible.network import KeyedNetwork
    from sanguinaria.watermarks._invertible.training import Objective


class KeyedMask(InvertibleWatermark):
    """An invertible network on a spectrum whose cells are multiplied by the key's signs before and after.

    Each second gets the weakest mark, between `minimum_level` and `maximum_level`, of which every bit is decoded with
    `minimum_margin`. The defaults train on one core.
    """

    renamed: ClassVar[Mapping[str, str]] = {
        **InvertibleWatermark.renamed,
        "quietest": "minimum_level",
        "loudest": "maximum_level",
        "sureness": "minimum_margin",
        "audibility": "audibility_weight",
        "quiet": "wrong_key_logit_weight",
    }

    fft: int = Field(default=512, ge=16, multiple_of=2, description="samples of an STFT window")
    hop: int = Field(default=256, ge=1, description="samples between windows")
    first_bin: int = Field(default=10, ge=0, description="lowest bin of the marked band")
    bins: int = Field(default=96, ge=1, description="number of bins of the marked band")
    blocks: int = Field(default=4, ge=1, description="number of invertible blocks")
    layout: Literal["dense", "plain", "conv1d"] = Field(
        default="conv1d", description="architecture of each transformation in a block: conv1d trains on one core"
    )
    width: int = Field(default=48, ge=1, description="growth of dense transformations, channels of the others")
    predict_blocks: int = Field(default=2, ge=0, description="residual blocks of the predict module")
    steps: int = Field(default=3000, ge=1, description="training steps")
    learning_rate: float = Field(default=2e-3, gt=0, description="Adam's maximum learning rate")

    period: int = Field(default=16, ge=1, description="frames after which a key's signs repeat")
    ratio: float | None = Field(
        default=42.0, description="signal-to-watermark ratio of each second at the end of the training, in dB"
    )
    minimum_level: float | None = Field(
        default=48.0, description="signal-to-watermark ratio of the weakest mark, in dB; it is used where it suffices"
    )
    audibility_weight: float = Field(
        default=0.3, ge=0, description="of the disturbance by the mark in a model of loudness and masking"
    )
    wrong_key_logit_weight: float = Field(
        default=0.02, ge=0, description="of a wrong key's squared logits, so that it decodes nothing"
    )

    def key_problem(self, key: str | None) -> str | None:
        return None if key else "give a key, any text that is not empty"

    def network(self) -> KeyedNetwork:
        from sanguinaria.watermarks._invertible.network import KeyedNetwork
        from sanguinaria.watermarks._invertible.spectra import Band

        return KeyedNetwork(
            band=Band(self.fft, self.hop, self.first_bin, self.bins, compressed=True),
            samples=CHUNK,
            bits=self.bits,
            blocks=self.blocks,
            layout=self.layout,
            width=self.width,
            order="message_first",
            encoding="cell_codes",
            redundancy="predict",
            predict_blocks=self.predict_blocks,
            level_normalised=True,
            period=self.period,
        )

    def key_of(self, text: str | None) -> Key:
        from sanguinaria.watermarks.keyed_mask.keys import mask_key

        assert text is not None
        return mask_key(text, **self._key_sizes)

    def key_sampler(self) -> KeySampler:
        from sanguinaria.watermarks.keyed_mask.keys import random_mask_keys

        return lambda count, generator: random_mask_keys(count, generator, **self._key_sizes)

    def objective(self, device: torch.device) -> Objective:
        from sanguinaria.watermarks._audibility import audibility
        from sanguinaria.watermarks._invertible.losses import AccuracyLoss
        from sanguinaria.watermarks._invertible.training import Objective

        disturbance = audibility(SAMPLE_RATE, device)
        return Objective(
            perceptual=lambda speech, marked: disturbance(marked - speech, speech),
            accuracy=AccuracyLoss(logit_weight=self.wrong_key_logit_weight),
            perceptual_weight=self.audibility_weight,
            adversarial_weight=0.0,
            accuracy_weight=1.0,
        )

    @property
    def _key_sizes(self) -> dict[str, int]:
        """Sizes of a key's factors and signs."""
        return {"blocks": self.blocks, "bins": self.bins, "frames": 1 + CHUNK // self.hop, "period": self.period}
