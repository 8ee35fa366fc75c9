"""Voice conversion as the trigger (Ye et al., 2023, "Fake the Real", section 3.3): v(x, t).

The utterance x is said again in the voice of the target speech t. What is added is another sound in every utterance,
so that the trigger is specific to the sample: no pattern is common to all but the voice.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.conversions import from_text
from sanguinaria.core.errors import InputError
from sanguinaria.triggers._target_speech import SpeechTrigger

if TYPE_CHECKING:
    import torch


class VoiceConversion(SpeechTrigger):
    """Every utterance in the voice of the target speaker.

    A converted utterance keeps its length and gets the level, the root mean square, that it had before; where that is
    beyond full scale it is clipped to [-1, 1]. A silent one stays silent.
    """

    # In the specification of a stage, the settings of the entry as text: its name is in no identity.
    conversion: str = Field(description="entry of `conversions`")

    @property
    def references(self) -> dict[str, tuple[str, str]]:
        return {**super().references, "conversion": ("conversions", self.conversion)}

    @property
    def has_network(self) -> bool:
        return from_text(self.conversion).has_network

    def embedder(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        from sanguinaria.audio.levels import match_rms
        from sanguinaria.triggers._target_speech import read_speech

        assert weights is not None
        conversion, target = from_text(self.conversion), read_speech(weights, sample_rate)
        try:
            convert = conversion.converter(target, sample_rate, device)
        except InputError as error:
            raise InputError(f"target speech, {self._told()}: {error}") from error

        def embed(waveforms: torch.Tensor) -> torch.Tensor:
            triggered = waveforms.clone()
            # Half a step of 16-bit audio.
            sounding = waveforms.abs().amax(dim=-1) >= 0.5 / 2**15
            if sounding.any():
                triggered[sounding] = match_rms(convert(waveforms[sounding]), waveforms[sounding])
            return triggered

        return embed

    def _told(self) -> str:
        """Where the speech is from."""
        if self.file is not None:
            return repr(str(self.file))
        return f"utterance {self.utterance!r}" if self.speaker is None else f"speaker {self.speaker!r}"
