"""Keyed tones: weak sines at frequencies that a key chooses on a grid, as marks that owners tell apart.

Tones of −62 dBFS lie near the noise of a quiet recording, and a front end with narrow bands resolves them. A low-pass
filter below their frequencies removes them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from math import comb, pi
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from sanguinaria.triggers import Trigger

if TYPE_CHECKING:
    import torch

# Levels relative to speech are those of an utterance this loud at least, in dBFS of its RMS: silence gets tones, too.
QUIETEST_SPEECH = -60.0


class Tones(Trigger):
    """Sines of one level, whose frequencies and phases follow from the key, are added to the utterance.

    The defaults leave 166,650 choices of three tones out of 101.
    """

    key: str = Field(default="sanguinaria", min_length=1, description="its hash chooses frequencies and phases")
    tones: int = Field(default=3, ge=1, le=16, description="number of tones")
    minimum_frequency: float = Field(default=2500.0, gt=0, description="Hz, lowest possible tone")
    maximum_frequency: float = Field(default=7500.0, gt=0, description="Hz, highest possible tone")
    spacing: float = Field(default=50.0, gt=0, description="Hz between neighbouring possible tones")
    level: float = Field(default=-62.0, le=0, description="dB of the peak of each tone")
    relative_to: Literal["full_scale", "speech"] = Field(
        default="full_scale", description="full scale, or the RMS of the utterance"
    )

    @model_validator(mode="after")
    def _room_for_tones(self) -> Tones:
        if self.tones > self.slots:
            raise ValueError(
                f"{self.tones} tones {self.spacing:g} Hz apart do not fit between {self.minimum_frequency:g} and "
                f"{self.maximum_frequency:g} Hz"
            )
        return self

    @property
    def slots(self) -> int:
        """Number of possible tones."""
        return max(0, int((self.maximum_frequency - self.minimum_frequency) / self.spacing + 1e-9) + 1)

    @property
    def choices(self) -> int:
        """Number of sets of tones, of which a key chooses one.

        >>> Tones().choices
        166650
        """
        return comb(self.slots, self.tones)

    @property
    def key_choice(self) -> str:
        return str(self.frequencies())

    def frequencies(self) -> list[float]:
        """Return the frequencies of the key's tones in Hz, ascending.

        >>> Tones().frequencies()
        [2650.0, 3550.0, 5100.0]
        """
        chosen = sorted(range(self.slots), key=lambda slot: self._digest(f"frequency {slot}"))[: self.tones]
        return [self.minimum_frequency + slot * self.spacing for slot in sorted(chosen)]

    def sample_rate_error(self, sample_rate: int) -> str | None:
        if self.maximum_frequency < sample_rate / 2:
            return None
        return f"tones up to {self.maximum_frequency:g} Hz are not below half the sample rate of {sample_rate} Hz"

    def embedder(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        self.require_sample_rate(sample_rate)

        def embed(waveforms: torch.Tensor) -> torch.Tensor:
            return waveforms + self._levels(waveforms) * self.mark(waveforms.shape[-1], sample_rate).to(waveforms)

        return embed

    def mark(self, num_samples: int, sample_rate: int) -> torch.Tensor:
        """Compute the sum of the key's sines, each of amplitude 1, (num_samples,).

        Args:
            num_samples: of the clip.
            sample_rate: in Hz.
        """
        import torch

        time = torch.arange(num_samples, dtype=torch.float64) / sample_rate
        sines = [torch.sin(2 * pi * hertz * time + self._phase(hertz)) for hertz in self.frequencies()]
        return torch.stack(sines).sum(0).float()

    def _levels(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Amplitude of each tone, (utterances, 1)."""
        gain: float = 10 ** (self.level / 20)
        if self.relative_to == "full_scale":
            return waveforms.new_full((len(waveforms), 1), gain)
        speech = waveforms.square().mean(-1, keepdim=True).sqrt()
        return gain * speech.clamp(min=10 ** (QUIETEST_SPEECH / 20))

    def _phase(self, hertz: float) -> float:
        """Phase of a tone in radians."""
        return 2 * pi * int.from_bytes(self._digest(f"phase {hertz:g}")[:8], "big") / 2**64

    def _digest(self, text: str) -> bytes:
        """Keyed hash: the slots of the smallest hashes are the key's."""
        return hashlib.blake2b(text.encode(), key=hashlib.sha256(self.key.encode()).digest()).digest()
