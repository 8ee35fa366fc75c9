"""WAKE: an invertible network whose blocks obey the bits of a key.

Xu et al., "WAKE: Watermarking Audio with Key Enrichment", Interspeech 2025. The defaults are the paper's size, weights
and equations (sections 2 and 3). It says nothing of optimiser, batches, steps and discriminator.
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


class Wake(InvertibleWatermark):
    """A key of as many characters as there are blocks.

    In the paper's order the first bit of a key is in no message that is read, and a factor of 0 takes a block out of
    the embedding; `order: message_first` with `keys: signs` mends both. A second of audio carries 32 bits.
    """

    fft: int = Field(default=1000, ge=16, multiple_of=2, description="samples of a window of the spectrum")
    hop: int = Field(default=400, ge=1, description="samples between windows")
    first_bin: int = Field(default=0, ge=0, description="lowest bin of the spectrum that is changed")
    bins: int = Field(default=501, ge=1, description="how many are changed")
    blocks: int = Field(default=8, ge=1, description="of the invertible network, and the length of a key")
    layout: Literal["dense", "plain", "lines"] = Field(
        default="dense", description="of each transformation: dense, as in the paper, plain, or lines, which is small"
    )
    width: int = Field(default=32, ge=1, description="growth of dense transformations, channels of the others")
    predict_blocks: int = Field(default=8, ge=0, description="residual blocks of the predict module")
    steps: int = Field(default=100_000, ge=1)
    batch_size: int = Field(default=16, ge=2)
    learning_rate: float = Field(default=1e-4, gt=0, description="Adam's, at its highest")

    order: Literal["host_first", "message_first"] = Field(
        default="host_first",
        description="of a block's two updates: the paper's (Eq. 1), whose first bit of the key is dead, or the other",
    )
    keys: Literal["bits", "signs", "digits", "none"] = Field(
        default="bits",
        description="what a key's characters are: factors 0 and 1, as in the paper; 0 and 1 for −1 and 1; 1 to 9, as "
        "in its public code; or there is no key, as a baseline",
    )
    message: Literal["wave", "map", "cells"] = Field(
        default="wave",
        description="the message's features: a waveform's spectrum, as in the paper, PKDMark's map, or codes of cells",
    )
    predict: bool = Field(default=True, description="false: the redundancy is Gaussian noise, as in Table 4")
    levelled: bool = Field(default=False, description="bring each second to one level before, so that marks follow it")
    compressed: bool = Field(default=False, description="work on the square roots of magnitudes")
    perceptual: Literal["l2", "mel", "broad"] = Field(
        default="broad",
        description="terms of Eq. 2, as in Table 3: L2, multi-scale mel too, more weight on the edges too",
    )
    perceptual_weight: float = Field(default=10.0, ge=0, description="w_t1 of Eq. 4")
    adversarial_weight: float = Field(default=1.0, ge=0, description="w_p2 of Eq. 2; 0: no discriminator")
    accuracy_weight: float = Field(default=10.0, ge=0, description="w_t2 of Eq. 4")
    wrong_key_weight: float = Field(default=1000.0, ge=0, description="w_l1 of Eq. 3; 0 in its public code")
    wrong_key_threshold: float = Field(
        default=0.01, ge=0, description="w_l2 of Eq. 3: what BCE a wrong key has to have; chance is 0.69"
    )
    agreement_weight: float = Field(
        default=0.0,
        ge=0,
        description="of the squared agreement of what a wrong key reads: towards 50 % from both sides",
    )
    quiet_weight: float = Field(default=0.0, ge=0, description="of the squared logits of a wrong key: it reads nothing")
    neighbours: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of the wrong keys in training that differ from the right one in one character: without any, "
        "a character may come to have no say",
    )
    quality: Literal["constant", "gradual"] = Field(
        default="constant",
        description="constant, the perceptual weight, as in the paper; gradual, rising from a hundredth of it while "
        "messages are read, which is learnt sooner",
    )

    @model_validator(mode="after")
    def _without_keys_none_is_wrong(self) -> Wake:
        asked = [self.twice, self.wrong_key_weight, self.agreement_weight, self.quiet_weight, self.neighbours]
        if self.keys == "none" and any(asked):
            raise ValueError(
                "without keys there is no other one to embed a second message or to read with: set twice, "
                "wrong_key_weight, agreement_weight, quiet_weight and neighbours to 0"
            )
        return self

    def key_problem(self, key: str | None) -> str | None:
        from sanguinaria.watermarks._invertible.keys import FACTORS

        if self.keys == "none":
            return None if key is None else "this watermark has none: leave the key out"
        characters = FACTORS[self.keys]
        kind = "digits from 1 to 9" if self.keys == "digits" else "times 0 or 1"
        if key is None or len(key) != self.blocks or not set(key) <= set(characters):
            return f"give a key of {self.blocks} {kind}, one for each block, not {key!r}"
        if not any(characters[character] for character in key):
            return f"the key {key!r} marks nothing, as each of its factors is 0: give one with a 1 in it"
        return None

    @property
    def gradual(self) -> bool:
        return self.quality == "gradual"

    @property
    def near_keys(self) -> float:
        return self.neighbours

    def network(self) -> KeyedNetwork:
        from sanguinaria.watermarks._invertible.network import KeyedNetwork
        from sanguinaria.watermarks._invertible.spectra import Band

        return KeyedNetwork(
            Band(self.fft, self.hop, self.first_bin, self.bins, self.compressed),
            PIECE,
            self.bits,
            self.blocks,
            self.layout,
            self.width,
            self.order,
            self.message,
            "predict" if self.predict else "noise",
            self.predict_blocks,
            self.levelled,
        )

    def key_of(self, text: str | None) -> Key:
        from sanguinaria.watermarks._invertible.keys import block_key, plain_key

        if self.keys == "none":
            return plain_key(1, self.blocks)
        assert text is not None
        return block_key(text, self.keys)

    def random_keys(self) -> RandomKeys:
        from sanguinaria.watermarks._invertible.keys import plain_key, random_block_keys

        convention = self.keys
        if convention == "none":
            return lambda count, generator: plain_key(count, self.blocks)
        return lambda count, generator: random_block_keys(count, self.blocks, convention, generator)

    def objective(self, device: torch.device) -> Objective:
        from sanguinaria.watermarks._invertible.losses import Accuracy, wake_perceptual
        from sanguinaria.watermarks._invertible.training import Objective

        return Objective(
            wake_perceptual(self.perceptual, SAMPLE_RATE, device),
            Accuracy(self.wrong_key_weight, self.wrong_key_threshold, self.agreement_weight, self.quiet_weight),
            self.perceptual_weight,
            self.adversarial_weight,
            self.accuracy_weight,
        )
