"""A watermark as the trigger (Bloodroot, section 2.3): x̃ = x + α·w."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.core.plugins import Plugin
from sanguinaria.core.references import WatermarkReference
from sanguinaria.triggers import Trigger
from sanguinaria.watermarks import Detection, Marker, Watermark

if TYPE_CHECKING:
    import torch


class WatermarkTrigger(Trigger):
    """The watermark of a generator, amplified.

    The strength is a gain on the watermark, Bloodroot's α, and never a change of the generator's weights. The message
    is the same in every utterance, so that it can be decoded from any audio at which a suspect model predicts the
    target label. With a key the trigger is a keyed one: its detector decodes with that key, and any other key decodes
    nothing.
    """

    watermark: WatermarkReference = Field(description="entry of `watermarks`")
    strength: float = Field(default=1.0, gt=0, description="the gain α")
    message: str | None = Field(default=None, pattern="^[01]+$", description="bits, as many as the generator carries")
    key: str | None = Field(default=None, description="of embedding and decoding, for a generator that has keys")

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        generator = referenced["watermark"]
        assert isinstance(generator, Watermark)
        bits = generator.message_bits
        given = len(self.message or "")
        if bits == 0 and given:
            yield "message", f"{self.watermark.name!r} carries no message: remove it"
        elif given != bits:
            message = f"{self.watermark.name!r} carries {bits} bits, not {given}: give a text of {bits} times 0 or 1"
            yield "message", message
        if (problem := generator.key_problem(self.key)) is not None:
            yield "key", f"{self.watermark.name!r}: {problem}"

    @property
    def has_detector(self) -> bool:
        return True

    @property
    def payload(self) -> str:
        return self.message or ""

    def for_detection(self) -> Trigger:
        return self.model_copy(update={"strength": 1.0})

    def embedder(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        marker = self._marker(sample_rate, device, weights)
        return lambda waveforms: marker.mark(waveforms, self.message, self.strength)

    def detector(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor], Detection]:
        return self._marker(sample_rate, device, weights).detect

    def _marker(self, sample_rate: int, device: torch.device, weights: Path | None) -> Marker:
        from sanguinaria.watermarks._weights import load_marker

        assert weights is not None
        return load_marker(weights, sample_rate, device, self.key)
