"""Purification of the input by a diffusion as a defence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Plugin
from sanguinaria.core.references import DistortionReference, PurifierReference, TextReference
from sanguinaria.defences import Defence

if TYPE_CHECKING:
    import torch

    from sanguinaria.purifiers import SamplingSettings

Variances = Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(min_length=1)]


class Purification(Defence):
    """Purifies test audio by an entry of `purifiers`.

    Random numbers follow from the seed and the utterance's samples. Silent and non-finite utterances are unchanged.
    """

    renamed: ClassVar[Mapping[str, str]] = {"back": "reverse", "whose": "transcript_of", "noise": "distortion"}

    purifier: PurifierReference = Field(description="entry of `purifiers`")
    distortion: DistortionReference | None = Field(
        default=None,
        description="entry of `distortions` that is applied before, such as noise, so that the spectrum that the "
        "purifier is conditioned on is noisy, too (TDAP, section 2.1); texts are those of the undistorted audio",
    )
    steps: Literal["default", "all"] | Variances = Field(
        default="default",
        description="sampling steps: the purifier's default, all of its training's, or the variance of each step",
    )
    start: int | None = Field(
        default=None,
        ge=1,
        description="t*: the step that noise is added up to, and that the reverse process starts from; the purifier's "
        "default where absent",
    )
    reverse: bool = Field(
        default=True, description="whether the reverse process follows; false: the noise of the forward process alone"
    )
    text: TextReference | None = Field(
        default=None,
        description="entry of `texts`: text that the purifier is conditioned on; absent: no text",
    )
    transcript_of: Literal["own_utterance", "other_utterance"] = Field(
        default="own_utterance",
        description="whether the text is the utterance's own or, as a control, a wrong one, of another utterance",
    )
    seed: int = Field(default=0, ge=0, description="of the random numbers")

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        from sanguinaria.purifiers._diffusion.settings import DiffusionPurifier

        if self.transcript_of == "other_utterance" and self.text is None:
            yield "transcript_of", "there is no text that could be another utterance's: give `text`, or leave it out"
        purifier = referenced["purifier"]
        if isinstance(purifier, DiffusionPurifier):
            if self.text is not None and not purifier.uses_text:
                yield "text", f"the purifier {self.purifier.name!r} is not conditioned on text: leave it out"
            try:
                purifier.sampling_schedule(self.sampling())
            except InputError as error:
                field, _, message = str(error).partition(": ")
                yield field, message

    def sampling(self) -> SamplingSettings:
        """Return the sampling settings of the purifier."""
        from sanguinaria.purifiers import SamplingSettings

        return SamplingSettings(self.steps, self.start, self.reverse)

    def transform_with_texts(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor, Sequence[str]], torch.Tensor]:
        from sanguinaria.purifiers._weights import load_purifier

        if weights is None:
            raise InputError("a purification needs the weights of its purifier")
        purifier = load_purifier(weights, sample_rate, device, self.sampling())
        distort = self._distort(sample_rate)

        def apply(waveforms: torch.Tensor, texts: Sequence[str]) -> torch.Tensor:
            return purifier.purify(distort(waveforms), self._conditioning_texts(texts), self.seed)

        return apply

    def _conditioning_texts(self, texts: Sequence[str]) -> Sequence[str] | None:
        """Return the texts that the purifier is conditioned on."""
        if self.text is None:
            return None
        return other_texts(texts) if self.transcript_of == "other_utterance" else texts

    def _distort(self, sample_rate: int) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return the distortion before the purification, which leaves silent and non-finite utterances unchanged."""
        import torch

        from sanguinaria.audio.validation import is_usable
        from sanguinaria.distortions import distort_each, resolve

        if self.distortion is None:
            return lambda waveforms: waveforms
        distort = distort_each(resolve(self.distortion), sample_rate, self.seed)
        return lambda waveforms: torch.where(is_usable(waveforms)[:, None], distort(waveforms), waveforms)


def other_texts(texts: Sequence[str]) -> list[str]:
    """Return for each utterance the next text that differs from its own; empty where all are the same.

    The first text follows the last.

    >>> other_texts(["yes", "yes", "no", "up"])
    ['no', 'no', 'up', 'yes']
    """
    return [
        next((other for other in [*texts[row:], *texts[:row]] if other != text), "") for row, text in enumerate(texts)
    ]
