"""WAKE: an invertible network of which each block is scaled by a bit of the key.

Xu et al., "WAKE: Watermarking Audio with Key Enrichment", Interspeech 2025. The defaults are the paper's size, weights
and equations (sections 2 and 3). It does not give optimiser, batch size, number of steps or discriminator.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from sanguinaria.watermarks._invertible.settings import CHUNK, SAMPLE_RATE, InvertibleWatermark
from sanguinaria.watermarks.wake import key_alphabets

if TYPE_CHECKING:
    import torch

    from sanguinaria.watermarks._invertible.keys import Key, KeySampler
    from sanguinaria.watermarks._invertible.network import KeyedNetwork
    from sanguinaria.watermarks._invertible.training import Objective


class Wake(InvertibleWatermark):
    """A watermark with a key of one character for each invertible block; a second of audio carries 32 bits.

    In the paper's order, no decoded message depends on the first bit of the key, and a factor of 0 removes a block from
    the embedding; `order: message_first` with `keys: signs` corrects both.
    """

    renamed: ClassVar[Mapping[str, str]] = {
        **InvertibleWatermark.renamed,
        "message": "message_encoding",
        "levelled": "level_normalised",
        "agreement_weight": "wrong_key_correlation_weight",
        "quiet_weight": "wrong_key_logit_weight",
        "neighbours": "near_key_share",
        "quality": "curriculum",
    }

    fft: int = Field(default=1000, ge=16, multiple_of=2, description="samples of an STFT window")
    hop: int = Field(default=400, ge=1, description="samples between windows")
    first_bin: int = Field(default=0, ge=0, description="lowest bin of the marked band")
    bins: int = Field(default=501, ge=1, description="number of bins of the marked band")
    blocks: int = Field(default=8, ge=1, description="number of invertible blocks, and length of a key")
    layout: Literal["dense", "plain", "conv1d"] = Field(
        default="dense",
        description="architecture of each transformation: dense, as in the paper, plain, or conv1d, which is small",
    )
    width: int = Field(default=32, ge=1, description="growth of dense transformations, channels of the others")
    predict_blocks: int = Field(default=8, ge=0, description="residual blocks of the predict module")
    steps: int = Field(default=100_000, ge=1, description="training steps")
    batch_size: int = Field(default=16, ge=2, description="crops in a training step")
    learning_rate: float = Field(default=1e-4, gt=0, description="Adam's maximum learning rate")

    order: Literal["host_first", "message_first"] = Field(
        default="host_first",
        description="of a block's two updates: the paper's (Eq. 1), in which the first bit of the key has no effect, "
        "or the reverse",
    )
    keys: Literal["bits", "signs", "digits", "none"] = Field(
        default="bits",
        description="alphabet of a key: factors 0 and 1, as in the paper; 0 and 1 for −1 and 1; 1 to 9, as in its "
        "public code; or no key, as a baseline",
    )
    message_encoding: Literal["waveform", "map", "cell_codes"] = Field(
        default="waveform",
        description="features of the message: a waveform's spectrum, as in the paper; PKDMark's feature map; or codes "
        "of time–frequency cells",
    )
    predict: bool = Field(default=True, description="false: the redundancy is Gaussian noise, as in Table 4")
    level_normalised: bool = Field(
        default=False, description="normalise the level of each second, so that the mark follows it"
    )
    compressed: bool = Field(default=False, description="use the square roots of magnitudes")
    perceptual: Literal["l2", "mel", "broad", "audibility"] = Field(
        default="broad",
        description="terms of Eq. 2, as in Table 3: L2; multi-scale mel, too; or with BroadWeight on the edges, too; "
        "or in their place the disturbance by the mark in a model of loudness and masking",
    )
    distance: Literal["norm", "mean_square"] = Field(
        default="norm",
        description="‖·‖₂ of waveforms in Eq. 2: norm, as it is printed, of each utterance's difference; or the mean "
        "of its squares, which is thousands of times smaller",
    )
    perceptual_weight: float = Field(default=10.0, ge=0, description="w_t1 of Eq. 4")
    adversarial_weight: float = Field(default=1.0, ge=0, description="w_p2 of Eq. 2; 0: no discriminator")
    accuracy_weight: float = Field(default=10.0, ge=0, description="w_t2 of Eq. 4")
    wrong_key_weight: float = Field(default=1000.0, ge=0, description="w_l1 of Eq. 3; 0 in its public code")
    wrong_key_threshold: float = Field(
        default=0.01, ge=0, description="w_l2 of Eq. 3: minimum BCE of a wrong key; chance is 0.69"
    )
    wrong_key_correlation_weight: float = Field(
        default=0.0,
        ge=0,
        description="of the squared correlation between a wrong key's message and the embedded one: towards a bit "
        "error rate of 50 % from both sides",
    )
    wrong_key_logit_weight: float = Field(default=0.0, ge=0, description="of a wrong key's squared logits")
    near_key_share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of the wrong keys in training that differ from the right one in one character: at 0, a "
        "character may come to have no effect",
    )
    curriculum: bool = Field(
        default=False,
        description="raise the perceptual weight from a hundredth to its full value while messages are decoded, which "
        "is learnt sooner; false: a constant weight, as in the paper",
    )

    @model_validator(mode="after")
    def _without_keys_none_is_wrong(self) -> Wake:
        needing_keys = [
            self.double_embedding_share,
            self.wrong_key_weight,
            self.wrong_key_correlation_weight,
            self.wrong_key_logit_weight,
            self.near_key_share,
        ]
        if self.keys == "none" and any(needing_keys):
            raise ValueError(
                "without keys there is no other one to embed a second message or to decode with: set "
                "double_embedding_share, wrong_key_weight, wrong_key_correlation_weight, wrong_key_logit_weight and "
                "near_key_share to 0"
            )
        return self

    def key_problem(self, key: str | None) -> str | None:
        if self.keys == "none":
            return None if key is None else "this watermark has none: leave the key out"
        return key_alphabets.key_problem(key, self.blocks, self.keys)

    @property
    def trains_by_curriculum(self) -> bool:
        return self.curriculum

    @property
    def near_wrong_key_share(self) -> float:
        return self.near_key_share

    def network(self) -> KeyedNetwork:
        from sanguinaria.watermarks._invertible.network import KeyedNetwork
        from sanguinaria.watermarks._invertible.spectra import Band

        return KeyedNetwork(
            band=Band(self.fft, self.hop, self.first_bin, self.bins, self.compressed),
            samples=CHUNK,
            bits=self.bits,
            blocks=self.blocks,
            layout=self.layout,
            width=self.width,
            order=self.order,
            encoding=self.message_encoding,
            redundancy="predict" if self.predict else "noise",
            predict_blocks=self.predict_blocks,
            level_normalised=self.level_normalised,
        )

    def key_of(self, text: str | None) -> Key:
        from sanguinaria.watermarks._invertible.keys import identity_key
        from sanguinaria.watermarks.wake.keys import block_key

        if self.keys == "none":
            return identity_key(1, self.blocks)
        assert text is not None
        return block_key(text, self.keys)

    def key_sampler(self) -> KeySampler:
        from sanguinaria.watermarks._invertible.keys import identity_key
        from sanguinaria.watermarks.wake.keys import random_block_keys

        alphabet = self.keys
        if alphabet == "none":
            return lambda count, generator: identity_key(count, self.blocks)
        return lambda count, generator: random_block_keys(count, self.blocks, alphabet, generator)

    def objective(self, device: torch.device) -> Objective:
        from sanguinaria.watermarks._invertible.losses import AccuracyLoss
        from sanguinaria.watermarks._invertible.training import Objective
        from sanguinaria.watermarks.wake.losses import perceptual_loss

        return Objective(
            perceptual=perceptual_loss(self.perceptual, SAMPLE_RATE, device, self.distance),
            accuracy=AccuracyLoss(
                hinge_weight=self.wrong_key_weight,
                hinge_threshold=self.wrong_key_threshold,
                correlation_weight=self.wrong_key_correlation_weight,
                logit_weight=self.wrong_key_logit_weight,
            ),
            perceptual_weight=self.perceptual_weight,
            adversarial_weight=self.adversarial_weight,
            accuracy_weight=self.accuracy_weight,
        )
