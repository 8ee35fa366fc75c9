"""TDAP: a diffusion from noisy speech to clean, told the spectrum of the one and what is said in it.

Chen et al., "Textual-Driven Adversarial Purification for Speaker Verification", Interspeech 2024. The defaults are the
paper's sizes (section 4.1). It pretrains on clean mel spectra; here the pretraining is told the clean speech's
spectrum, so that the fine-tuning goes on with the same layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from sanguinaria.adversaries import Adversary
from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Plugin
from sanguinaria.purifiers import TrainingAttack
from sanguinaria.purifiers._diffusion.conditioned_settings import ConditionedPurifier
from sanguinaria.purifiers._diffusion.settings import Unlike
from sanguinaria.victims._encoders import SpeakerEncoderVictim

if TYPE_CHECKING:
    import torch

    from sanguinaria.embedders import Embedder
    from sanguinaria.purifiers._diffusion.speech import Speech

# Texts that are embedded at once.
EMBEDDED_AT_ONCE = 64


class Tdap(ConditionedPurifier):
    """The conditional process, from clean speech to what `noises` make of it."""

    conditional: ClassVar[bool] = True

    # In the specification of a stage, `noises` and `embedder` are the settings of the entries as text, and what has a
    # stage of its own is empty: their names are in no identity.
    noises: tuple[str, ...] = Field(
        default=(), description="entries of `distortions`, one of which makes noisy speech of clean in a step"
    )
    untouched: float = Field(default=0.0, ge=0, le=1, description="share of the steps in which none does")
    encoder: str | None = Field(
        default=None,
        description="entry of `victims`: a speaker encoder, attacks on which are noisy speech, too; it is trained on "
        "the same corpus, unless it is pretrained",
    )
    adversary: str | None = Field(default=None, description="entry of `adversaries`: who attacks it")
    # Ten utterances of each of VoxCeleb1's 1,211 training speakers.
    trials: int = Field(default=12_110, ge=2, description="of training utterances that are attacked, at most")
    attacked: float = Field(
        default=0.5, gt=0, le=1, description="share of the steps whose noisy speech are attacks, where there are such"
    )
    text: str | None = Field(
        default=None,
        description="entry of `texts`: what is said in the training utterances; absent: it is told no text",
    )
    embedder: str | None = Field(default=None, description="entry of `embedders`: makes numbers of it")
    untold: float = Field(
        default=0.1, ge=0, le=1, description="share of the utterances in training whose text is left out"
    )
    pretraining: int = Field(
        default=1_200_000, ge=0, description="steps before `steps`, on clean speech alone and by the ordinary process"
    )
    # Three epochs of ten utterances of each of VoxCeleb1's 1,211 training speakers.
    steps: int = Field(default=2_300, ge=1, description="of the fine-tuning on pairs of clean and noisy speech")

    @model_validator(mode="after")
    def _text_is_embedded(self) -> Tdap:
        if (self.text is None) != (self.embedder is None):
            raise ValueError("a text needs an embedder and an embedder a text: give both or none of them")
        return self

    @model_validator(mode="after")
    def _speech_is_noisy(self) -> Tdap:
        if (self.encoder is None) != (self.adversary is None):
            raise ValueError("an adversary needs an encoder and an encoder an adversary: give both or none of them")
        if not self.noises and (self.encoder is None or self.attacked < 1):
            raise ValueError("nothing makes noisy speech of clean: give noises, or an encoder with an attacked of 1")
        return self

    @property
    def references(self) -> dict[str, tuple[str, str | tuple[str, ...]]]:
        optional = {
            field: (room, entry)
            for field, room, entry in (
                ("text", "texts", self.text),
                ("embedder", "embedders", self.embedder),
                ("encoder", "victims", self.encoder),
                ("adversary", "adversaries", self.adversary),
            )
            if entry is not None
        }
        return {**super().references, "noises": ("distortions", self.noises), **optional}

    @property
    def attack(self) -> TrainingAttack | None:
        if self.encoder is None or self.adversary is None:
            return None
        return TrainingAttack(self.encoder, self.adversary, self.trials)

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        yield from super().problems(referenced)
        if self.encoder is not None and not isinstance(referenced["encoder"], SpeakerEncoderVictim):
            yield "encoder", f"{self.encoder!r} makes no embeddings: name a speaker encoder"
        if isinstance(adversary := referenced.get("adversary"), Adversary) and not adversary.attacks_encoder:
            yield "adversary", f"{self.adversary!r} does not attack an encoder: name an attack"

    @property
    def hears_text(self) -> bool:
        return self.embedder is not None

    @property
    def text_size(self) -> int:
        return 0 if self.embedder is None else self._embedder().size

    @property
    def pretrained(self) -> int:
        return self.pretraining

    @property
    def unlike(self) -> Unlike:
        return Unlike(self.noises, self.untouched, self.untold, 0.0 if self.encoder is None else self.attacked)

    def embedded(self, speech: Speech, texts: Mapping[str, str], device: torch.device) -> Speech:
        from dataclasses import replace

        embed = self.embed(device)
        if embed is None:
            return speech
        if absent := [name for name in speech.names if name not in texts]:
            raise InputError(f"{len(absent)} utterances have no text, {absent[0]} first: give what is said in them")
        return replace(speech, texts=_each_once(embed, [texts[name] for name in speech.names]))

    def embed(self, device: torch.device) -> Callable[[Sequence[str]], torch.Tensor] | None:
        return None if self.embedder is None else self._embedder().embedder(device)

    def _embedder(self) -> Embedder:
        from sanguinaria.embedders import from_text

        assert self.embedder is not None
        return from_text(self.embedder)


def _each_once(embed: Callable[[Sequence[str]], torch.Tensor], texts: Sequence[str]) -> torch.Tensor:
    """The embeddings of texts (texts, features), on the CPU; equal ones are embedded once."""
    import torch

    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    different = torch.split(torch.arange(len(places)), EMBEDDED_AT_ONCE)
    names = list(places)
    made = torch.cat([embed([names[place] for place in part.tolist()]).cpu() for part in different])
    return made[[places[text] for text in texts]]
