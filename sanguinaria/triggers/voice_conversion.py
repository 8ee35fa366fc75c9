"""Voice conversion as the trigger (Ye et al., 2023, "Fake the Real", section 3.3): v(x, t).

The utterance x is converted to the voice of the target speech t. The change is another one in every utterance, so that
the trigger is sample-specific: only the voice is common to all.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.conversions import resolve
from sanguinaria.core.errors import InputError
from sanguinaria.core.references import ConversionReference
from sanguinaria.triggers._target_speech import TargetSpeechTrigger

if TYPE_CHECKING:
    import torch

# Peak below which an utterance is silent: half a step of 16-bit audio.
SILENCE = 0.5 / 2**15


class VoiceConversion(TargetSpeechTrigger):
    """Every utterance in the voice of the target speaker.

    A converted utterance keeps its length and its level, the root mean square; where that exceeds full scale it is
    clipped to [-1, 1]. A silent utterance stays unchanged.
    """

    conversion: ConversionReference = Field(description="entry of `conversions`")

    @property
    def has_network(self) -> bool:
        return resolve(self.conversion).has_network

    def embedder(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        from sanguinaria.audio.levels import match_rms
        from sanguinaria.triggers._target_speech import read_target_speech

        assert weights is not None
        conversion, target = resolve(self.conversion), read_target_speech(weights, sample_rate)
        try:
            convert = conversion.converter(target, sample_rate, device)
        except InputError as error:
            raise InputError(f"target speech, {self._source()}: {error}") from error

        def embed(waveforms: torch.Tensor) -> torch.Tensor:
            triggered = waveforms.clone()
            audible = waveforms.abs().amax(dim=-1) >= SILENCE
            if audible.any():
                triggered[audible] = match_rms(convert(waveforms[audible]), waveforms[audible])
            return triggered

        return embed

    def _source(self) -> str:
        """Description of the source of the target speech, for messages."""
        if self.file is not None:
            return repr(str(self.file))
        return f"utterance {self.utterance!r}" if self.speaker is None else f"speaker {self.speaker!r}"
