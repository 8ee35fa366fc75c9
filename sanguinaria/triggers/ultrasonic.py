"""A tone near the upper end of the band (Koffas et al., 2022, "Can You Hear It?").

The original is a sine of 21 kHz at 44.1 kHz sampling and −10 dBFS. At 16 kHz the band ends at 8 kHz, so the tone lies
just below half the sample rate, where it is audible unless its level is low.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sanguinaria.triggers import Trigger

if TYPE_CHECKING:
    import torch

# The original's short triggers: one continuous tone, or five pieces at equal distances.
PIECES = 5
# Fade at the ends of each piece, in seconds: without it the edges would be broadband clicks.
FADE = 0.002


class Ultrasonic(Trigger):
    """A sine is added to the utterance."""

    frequency: float = Field(default=7500.0, gt=0, description="Hz, below half the sample rate")
    level: float = Field(default=-40.0, le=0, description="dBFS of the peak: 20 log10 of the amplitude")
    position: Literal["start", "middle", "end"] = Field(default="start", description="of a tone shorter than the clip")
    share: float = Field(default=1.0, gt=0, le=1, description="duration of the tone as a share of the clip's")
    form: Literal["continuous", "pieces"] = Field(
        default="continuous", description="one tone, or five pieces at equal distances"
    )

    def sample_rate_error(self, sample_rate: int) -> str | None:
        if self.frequency < sample_rate / 2:
            return None
        return f"a frequency of {self.frequency:g} Hz is not below half the sample rate of {sample_rate} Hz"

    def embedder(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        self.require_sample_rate(sample_rate)
        return lambda waveforms: waveforms + self.tone(waveforms.shape[-1], sample_rate).to(waveforms)

    def tone(self, num_samples: int, sample_rate: int) -> torch.Tensor:
        """Compute the tone, (num_samples,), zero outside its pieces.

        Args:
            num_samples: of the clip.
            sample_rate: in Hz.
        """
        import torch

        time = torch.arange(num_samples, dtype=torch.float64) / sample_rate
        sine = 10 ** (self.level / 20) * torch.sin(2 * torch.pi * self.frequency * time)
        return (sine * self._envelope(num_samples, sample_rate)).float()

    def _envelope(self, num_samples: int, sample_rate: int) -> torch.Tensor:
        """Amplitude in [0, 1], with fades, (num_samples,)."""
        import torch

        envelope = torch.zeros(num_samples, dtype=torch.float64)
        for start, stop in self._pieces(num_samples):
            length = stop - start
            fade = min(round(FADE * sample_rate), length // 2)
            ramp = torch.sin(torch.linspace(0, torch.pi / 2, fade, dtype=torch.float64)) ** 2
            envelope[start:stop] = 1
            envelope[start : start + fade] *= ramp
            envelope[stop - fade : stop] *= ramp.flip(0)
        return envelope

    def _pieces(self, num_samples: int) -> list[tuple[int, int]]:
        """Start and end of every piece of the tone, in samples."""
        length = max(1, round(self.share * num_samples))
        if self.form == "continuous":
            start = {"start": 0, "middle": (num_samples - length) // 2, "end": num_samples - length}[self.position]
            return [(start, start + length)]
        step, piece = num_samples / PIECES, max(1, length // PIECES)
        offset = {"start": 0.0, "middle": (step - piece) / 2, "end": step - piece}[self.position]
        return [(round(n * step + offset), round(n * step + offset) + piece) for n in range(PIECES)]
