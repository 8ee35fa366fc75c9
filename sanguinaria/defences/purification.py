"""Purification as a defence: what a diffusion takes out of the input, and what it takes from the model's accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from sanguinaria.core.errors import InputError
from sanguinaria.core.plugins import Plugin
from sanguinaria.defences import Defence

if TYPE_CHECKING:
    import torch

    from sanguinaria.purifiers import Sampling

Variances = Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(min_length=1)]


class Purification(Defence):
    """Passes test audio through an entry of `purifiers`.

    What is random follows from the seed and from the utterance's samples. An utterance that is silent, or that has
    anything that is no number, stays as it is.
    """

    # In the specification of a stage, the purifier is the key of its weights, the text is empty, and the noise is the
    # settings of the entry as text.
    purifier: str = Field(description="entry of `purifiers`")
    noise: str | None = Field(
        default=None,
        description="entry of `distortions`, which happens to the audio before, so that the spectrum that the purifier "
        "is told is noisy, too (TDAP, section 2.1); text is heard in the audio as it came",
    )
    steps: Literal["usual", "all"] | Variances = Field(
        default="usual",
        description="those of the purifier's own sampling, all of its training's, or the variances of other ones",
    )
    start: int | None = Field(
        default=None, ge=1, description="t*: the step that noise is added up to; the purifier's own where absent"
    )
    back: bool = Field(default=True, description="false: the noise alone is added, and nothing taken away")
    text: str | None = Field(
        default=None, description="entry of `texts`: what the purifier is told of what is said; nothing where absent"
    )
    whose: Literal["own", "other"] = Field(
        default="own",
        description="text of the utterance itself, or, as a control, a wrong one: of another utterance beside it",
    )
    seed: int = Field(default=0, ge=0, description="of all that is random")

    @property
    def references(self) -> dict[str, tuple[str, str]]:
        optional = {
            field: (room, entry)
            for field, room, entry in (("text", "texts", self.text), ("noise", "distortions", self.noise))
            if entry is not None
        }
        return {"purifier": ("purifiers", self.purifier), **optional}

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        from sanguinaria.purifiers._diffusion.settings import DiffusionPurifier

        if self.whose == "other" and self.text is None:
            yield "whose", "there is no text that could be another utterance's: give `text`, or leave it out"
        purifier = referenced["purifier"]
        if isinstance(purifier, DiffusionPurifier):
            if self.text is not None and not purifier.hears_text:
                yield "text", f"the purifier {self.purifier!r} is told no text: leave it out"
            try:
                purifier.way(self.sampling())
            except InputError as error:
                field, _, message = str(error).partition(": ")
                yield field, message

    def sampling(self) -> Sampling:
        """How the purifier is gone through."""
        from sanguinaria.purifiers import Sampling

        variances = {"usual": (), "all": None}[self.steps] if isinstance(self.steps, str) else self.steps
        return Sampling(variances, self.start, self.back)

    def of_utterances(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor, Sequence[str]], torch.Tensor]:
        from sanguinaria.purifiers._weights import load_cleanser

        if weights is None:
            raise InputError("a purification needs the weights of its purifier")
        cleanser = load_cleanser(weights, sample_rate, device, self.sampling())
        add_noise = self._noise(sample_rate)

        def apply(waveforms: torch.Tensor, texts: Sequence[str]) -> torch.Tensor:
            told = None if self.text is None else others(texts) if self.whose == "other" else texts
            return cleanser.purify(add_noise(waveforms), told, self.seed)

        return apply

    def _noise(self, sample_rate: int) -> Callable[[torch.Tensor], torch.Tensor]:
        import torch

        from sanguinaria.audio.validation import is_usable
        from sanguinaria.distortions import distort_each

        if self.noise is None:
            return lambda waveforms: waveforms
        distort = distort_each(self.noise, sample_rate, self.seed)
        return lambda waveforms: torch.where(is_usable(waveforms)[:, None], distort(waveforms), waveforms)


def others(texts: Sequence[str]) -> list[str]:
    """For each utterance the text of the next one that says something else, from the last on to the first; none where
    all say the same.

    >>> others(["yes", "yes", "no", "up"])
    ['no', 'no', 'up', 'yes']
    """
    return [
        next((other for other in [*texts[row:], *texts[:row]] if other != text), "") for row, text in enumerate(texts)
    ]
