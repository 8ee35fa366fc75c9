"""TDAP: a diffusion from noisy to clean speech, conditioned on the noisy speech's spectrum and on its text.

Chen et al., "Textual-Driven Adversarial Purification for Speaker Verification", Interspeech 2024. The defaults are the
paper's sizes (section 4.1). It pretrains on clean mel spectra; here the pretraining is conditioned on the clean
speech's spectrum, so that the fine-tuning continues with the same layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from sanguinaria.adversaries import Adversary
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Plugin
from sanguinaria.core.references import (
    AdversaryReference,
    DistortionReference,
    EmbedderReference,
    TextReference,
    VictimReference,
)
from sanguinaria.purifiers import TrainingAttack
from sanguinaria.purifiers._diffusion.settings import TrainingAugmentation
from sanguinaria.purifiers._diffusion.spectrum_conditioned import SpectrumConditionedPurifier
from sanguinaria.victims._encoders import SpeakerEncoderVictim

if TYPE_CHECKING:
    import torch

    from sanguinaria.embedders import Embedder
    from sanguinaria.purifiers._diffusion.training_data import TrainingUtterances

# Texts in one batch of the embedder.
TEXT_BATCH = 64


class Tdap(SpectrumConditionedPurifier):
    """The conditional process, from clean speech to its distorted or attacked version."""

    renamed: ClassVar[Mapping[str, str]] = {
        **SpectrumConditionedPurifier.renamed,
        "noises": "distortions",
        "untouched": "undistorted_share",
        "attacked": "attacked_share",
        "untold": "text_dropout",
    }
    conditional_process: ClassVar[bool] = True

    distortions: tuple[DistortionReference, ...] = Field(
        default=(), description="entries of `distortions`, one of which makes noisy speech of clean in each step"
    )
    undistorted_share: float = Field(
        default=0.0, ge=0, le=1, description="share of the training steps without a distortion"
    )
    encoder: VictimReference | None = Field(
        default=None,
        description="entry of `victims`: a speaker encoder, attacks on which are noisy speech, too; it is trained on "
        "the same corpus, unless it is pretrained",
    )
    adversary: AdversaryReference | None = Field(
        default=None, description="entry of `adversaries`: the attack on the encoder"
    )
    # Ten utterances of each of VoxCeleb1's 1,211 training speakers.
    trials: int = Field(default=12_110, ge=2, description="largest number of training utterances that are attacked")
    attacked_share: float = Field(
        default=0.5, gt=0, le=1, description="share of the training steps on attacked speech, where there is an attack"
    )
    text: TextReference | None = Field(
        default=None,
        description="entry of `texts`: text of the training utterances; absent: no conditioning on text",
    )
    embedder: EmbedderReference | None = Field(default=None, description="entry of `embedders`: embeds the text")
    text_dropout: float = Field(
        default=0.1, ge=0, le=1, description="probability of training on an utterance without its text"
    )
    pretraining: int = Field(
        default=1_200_000, ge=0, description="steps before `steps`, on clean speech alone and by the ordinary process"
    )
    # Three epochs of ten utterances of each of VoxCeleb1's 1,211 training speakers.
    steps: int = Field(default=2_300, ge=1, description="fine-tuning steps, on pairs of clean and noisy speech")

    @model_validator(mode="after")
    def _text_is_embedded(self) -> Tdap:
        if (self.text is None) != (self.embedder is None):
            raise ValueError("a text needs an embedder and an embedder a text: give both or none of them")
        return self

    @model_validator(mode="after")
    def _speech_is_noisy(self) -> Tdap:
        if (self.encoder is None) != (self.adversary is None):
            raise ValueError("an adversary needs an encoder and an encoder an adversary: give both or none of them")
        if not self.distortions and (self.encoder is None or self.attacked_share < 1):
            raise ValueError(
                "nothing makes noisy speech of clean: give distortions, or an encoder with an attacked_share of 1"
            )
        return self

    @property
    def training_attack(self) -> TrainingAttack | None:
        if self.encoder is None or self.adversary is None:
            return None
        return TrainingAttack(self.encoder.name, self.adversary.name, self.trials)

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        yield from super().problems(referenced)
        if self.encoder is not None and not isinstance(referenced["encoder"], SpeakerEncoderVictim):
            yield "encoder", f"{self.encoder.name!r} makes no embeddings: name a speaker encoder"
        adversary = referenced.get("adversary")
        if self.adversary is not None and isinstance(adversary, Adversary) and not adversary.attacks_encoder:
            yield "adversary", f"{self.adversary.name!r} does not attack an encoder: name an attack"

    @property
    def uses_text(self) -> bool:
        return self.embedder is not None

    @property
    def text_size(self) -> int:
        return 0 if self.embedder is None else self._embedder().size

    @property
    def pretraining_steps(self) -> int:
        return self.pretraining

    @property
    def augmentation(self) -> TrainingAugmentation:
        return TrainingAugmentation(
            distortions=self.distortions,
            undistorted_share=self.undistorted_share,
            attacked_share=0.0 if self.encoder is None else self.attacked_share,
            text_dropout=self.text_dropout,
        )

    def with_text(
        self, utterances: TrainingUtterances, texts: Mapping[str, str], device: torch.device
    ) -> TrainingUtterances:
        from dataclasses import replace

        embed = self.text_embedding(device)
        if embed is None:
            return utterances
        if absent := [name for name in utterances.names if name not in texts]:
            raise InputError(f"{len(absent)} utterances have no text, {absent[0]} first: give the text of each")
        return replace(utterances, texts=_embed_distinct(embed, [texts[name] for name in utterances.names]))

    def text_embedding(self, device: torch.device) -> Callable[[Sequence[str]], torch.Tensor] | None:
        return None if self.embedder is None else self._embedder().embedder(device)

    def _embedder(self) -> Embedder:
        from sanguinaria.embedders import resolve

        assert self.embedder is not None
        return resolve(self.embedder)


def _embed_distinct(embed: Callable[[Sequence[str]], torch.Tensor], texts: Sequence[str]) -> torch.Tensor:
    """Return the embeddings of texts (texts, features) on the CPU; equal texts are embedded once."""
    import torch

    indices = {text: index for index, text in enumerate(dict.fromkeys(texts))}
    distinct = list(indices)
    batches = torch.split(torch.arange(len(distinct)), TEXT_BATCH)
    embeddings = torch.cat([embed([distinct[index] for index in batch.tolist()]).cpu() for batch in batches])
    return embeddings[[indices[text] for text in texts]]
