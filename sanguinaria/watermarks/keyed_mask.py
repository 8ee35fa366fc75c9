"""A keyed watermark by code division: the key's hash chooses a sign for every cell of the spectrum.

This is not WAKE's mechanism, whose keys are bits of the network's blocks, but serves the same ends: one trained network
for every key, wrong keys read nothing, marks of several keys share a recording. A key may be any text, of which there
are no more than a cryptographic hash tells apart, and two keys that differ in a character have nothing in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from sanguinaria.watermarks._invertible.settings import PIECE, SAMPLE_RATE, InvertibleWatermark

if TYPE_CHECKING:
    import torch

    from sanguinaria.watermarks._invertible.keys import Key, RandomKeys
    from sanguinaria.watermarks._invertible.network import KeyedNetwork
    from sanguinaria.watermarks._invertible.training import Objective


class KeyedMask(InvertibleWatermark):
    """An invertible network on a spectrum whose cells have had their signs changed, and have them changed back after.

    The mark of every second is as quiet as it can be to be read surely, between `quietest` and `loudest`. The defaults
    train on one core.
    """

    fft: int = Field(default=512, ge=16, multiple_of=2, description="samples of a window of the spectrum")
    hop: int = Field(default=256, ge=1, description="samples between windows")
    first_bin: int = Field(default=10, ge=0, description="lowest bin of the spectrum that is changed")
    bins: int = Field(default=96, ge=1, description="how many are changed")
    blocks: int = Field(default=4, ge=1, description="of the invertible network")
    layout: Literal["dense", "plain", "lines"] = Field(
        default="lines", description="of each transformation in a block: lines trains on one core"
    )
    width: int = Field(default=48, ge=1, description="growth of dense transformations, channels of the others")
    predict_blocks: int = Field(default=2, ge=0, description="residual blocks of the predict module")
    steps: int = Field(default=3000, ge=1)
    learning_rate: float = Field(default=2e-3, gt=0, description="Adam's, at its highest")

    period: int = Field(default=16, ge=1, description="frames after which a key's signs repeat")
    ratio: float = Field(default=42.0, description="dB, of a second of speech to its mark, at the end of the training")
    first_ratio: float = Field(default=8.0, description="dB, the same at its start")
    quietest: float = Field(default=48.0, description="dB, the same where that is enough to be read")
    loudest: float = Field(default=24.0, description="dB, the same where nothing else is")
    ratio_step: float = Field(default=3.0, gt=0, description="dB, between the levels that are tried")
    sureness: float = Field(default=1.0, ge=0, description="the logit that each bit has to reach for it to be enough")
    audibility: float = Field(
        default=0.3, ge=0, description="weight of how much of the mark is heard beside the speech"
    )
    quiet: float = Field(
        default=0.02, ge=0, description="weight of the squared logits of a wrong key: it reads nothing"
    )

    @model_validator(mode="after")
    def _ordered(self) -> KeyedMask:
        for quiet, loud in (("ratio", "first_ratio"), ("quietest", "loudest")):
            if getattr(self, quiet) < getattr(self, loud):
                raise ValueError(f"{quiet} ({getattr(self, quiet):g} dB) is below {loud} ({getattr(self, loud):g} dB)")
        return self

    def key_problem(self, key: str | None) -> str | None:
        return None if key else "give a key, any text that is not empty"

    @property
    def training_ratios(self) -> tuple[float, float]:
        return self.first_ratio, self.ratio

    @property
    def ratios(self) -> list[float]:
        count = int((self.quietest - self.loudest) / self.ratio_step)
        return [self.quietest - self.ratio_step * step for step in range(count + 1)]

    @property
    def least_sureness(self) -> float:
        return self.sureness

    def network(self) -> KeyedNetwork:
        from sanguinaria.watermarks._invertible.network import KeyedNetwork
        from sanguinaria.watermarks._invertible.spectra import Band

        return KeyedNetwork(
            Band(self.fft, self.hop, self.first_bin, self.bins, compressed=True),
            PIECE,
            self.bits,
            self.blocks,
            self.layout,
            self.width,
            "message_first",
            "cells",
            "predict",
            self.predict_blocks,
            levelled=True,
            period=self.period,
        )

    def key_of(self, text: str | None) -> Key:
        from sanguinaria.watermarks._invertible.keys import mask_key

        assert text is not None
        return mask_key(text, self.blocks, self.bins, self._frames, self.period)

    def random_keys(self) -> RandomKeys:
        from sanguinaria.watermarks._invertible.keys import random_mask_keys

        return lambda count, generator: random_mask_keys(
            count, self.blocks, self.bins, self._frames, self.period, generator
        )

    def objective(self, device: torch.device) -> Objective:
        from sanguinaria.watermarks._audibility import audibility
        from sanguinaria.watermarks._invertible.losses import Accuracy
        from sanguinaria.watermarks._invertible.training import Objective

        audible = audibility(SAMPLE_RATE, device)
        return Objective(
            lambda speech, marked: audible(marked - speech, speech),
            Accuracy(quiet=self.quiet),
            self.audibility,
            0.0,
            1.0,
        )

    @property
    def _frames(self) -> int:
        return 1 + PIECE // self.hop
