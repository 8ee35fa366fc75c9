"""A distortion of the input as a defence, such as smoothing or added noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.core.plugins import Plugin
from sanguinaria.core.references import DistortionReference
from sanguinaria.defences import Defence

if TYPE_CHECKING:
    import torch


class DistortedInput(Defence):
    """Distorts test audio by an entry of `distortions`; the length is kept.

    Random numbers follow from the seed and the utterance's samples, so they depend neither on the batch nor on the
    utterance's shard.
    """

    distortion: DistortionReference = Field(description="entry of `distortions`")
    seed: int = Field(default=0, ge=0, description="of the random numbers")

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        from sanguinaria.distortions import Distortion

        distortion = referenced["distortion"]
        assert isinstance(distortion, Distortion)
        if distortion.is_identity:
            yield "distortion", f"{self.distortion.name!r} changes nothing: use a defence of kind `none`"

    def transform(self, sample_rate: int, device: torch.device) -> Callable[[torch.Tensor], torch.Tensor]:
        from sanguinaria.distortions import distort_each, resolve

        return distort_each(resolve(self.distortion), sample_rate, self.seed)
