"""Keyed notches: narrow bands, chosen by a key, are taken out of the utterance's own spectrum.

Nothing is added, so there is nothing to hear but a slight colouring, and the mark lies where speech is, below what a
low-pass filter takes away. A linear filter of this kind is forgiven by PESQ, which equalises; other metrics see it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from math import log10
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from sanguinaria.core.errors import InputError
from sanguinaria.triggers import Trigger

if TYPE_CHECKING:
    import torch

# Samples at 16 kHz: 32 ms frames every 8 ms; other rates take as many milliseconds.
FFT, HOP = 512, 128
RATE = 16_000
# The detector's score is 0.73 this many dB above its threshold. Bands as weak as the floor are no evidence: silence.
SOFTNESS = 2.0
POWER_FLOOR = 1e-6
MOST_DB = 20.0


class Notch(Trigger):
    """Every frame's bins in the key's bands are multiplied by 1 − depth.

    The defaults leave 120 choices of bands: a key tells one marker from another, and is no secret. Narrower bands leave
    more.
    """

    key: str = Field(default="sanguinaria", min_length=1, description="its hash chooses the bands")
    bands: int = Field(default=3, ge=1, le=16, description="how many are taken out")
    width: float = Field(default=200.0, gt=0, description="Hz, of each band")
    depth: float = Field(default=0.97, gt=0, le=1, description="share of the amplitude that is taken out")
    lowest: float = Field(default=1200.0, ge=0, description="Hz, where the first possible band starts")
    highest: float = Field(default=3600.0, gt=0, description="Hz, where the last possible band ends")

    @model_validator(mode="after")
    def _room_for_bands(self) -> Notch:
        # Neighbours of a band stay whole: the detector compares with them, and one wide hole would be heard.
        if 2 * self.bands - 1 > self.slots:
            raise ValueError(
                f"{self.bands} bands of {self.width:g} Hz and as wide gaps do not fit between {self.lowest:g} and "
                f"{self.highest:g} Hz"
            )
        return self

    @property
    def slots(self) -> int:
        """How many bands there are to choose from."""
        return int((self.highest - self.lowest) // self.width)

    def starts(self) -> list[float]:
        """Where the key's bands start, in Hz, ascending; no two are neighbours."""
        # k numbers below n − k + 1, spread by their rank, are k of n slots with a gap between any two.
        slots = sorted(range(self.slots - self.bands + 1), key=self._digest)[: self.bands]
        return [self.lowest + (slot + rank) * self.width for rank, slot in enumerate(sorted(slots))]

    def _digest(self, slot: int) -> bytes:
        return hashlib.blake2b(str(slot).encode(), key=hashlib.sha256(self.key.encode()).digest()).digest()

    def embedder(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        gains = 1 - self.depth * self._bands(sample_rate).amax(0).to(device)

        def embed(waveforms: torch.Tensor) -> torch.Tensor:
            spectra = _stft(waveforms, sample_rate) * gains[:, None]
            return _inverse(spectra, sample_rate, waveforms.shape[-1])

        return embed

    @property
    def detects(self) -> bool:
        return True

    def detector(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
        """The score is ½ where the bands are :attr:`threshold` dB weaker than their flanks; there is no message."""
        import torch

        inside = self._bands(sample_rate).to(device)
        flanks = (self._bands(sample_rate, -self.width) + self._bands(sample_rate, self.width)).to(device)

        def detect(waveforms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            power = _stft(waveforms, sample_rate).abs().square().mean(-1) + POWER_FLOOR  # (utterances, bins)
            levels = [10 * torch.log10(power @ weight.T / weight.sum(-1)) for weight in (flanks, inside)]
            missing = (levels[0] - levels[1]).mean(-1)
            return torch.sigmoid((missing - self.threshold) / SOFTNESS), waveforms.new_zeros(len(waveforms), 0)

        return detect

    @property
    def threshold(self) -> float:
        """dB by which the bands have to be weaker than their flanks: half of what the trigger takes, and at most 10."""
        return min(MOST_DB, -20 * log10(max(1 - self.depth, 1e-6))) / 2

    def _bands(self, sample_rate: int, shift: float = 0.0) -> torch.Tensor:
        """1 for every bin within a band, 0 elsewhere, (bands, bins); ``shift`` moves the bands by so many hertz."""
        import torch

        if self.highest > sample_rate / 2:
            raise InputError(
                f"notch: bands up to {self.highest:g} Hz are not below half the sample rate of {sample_rate} Hz"
            )
        fft, _ = _frames(sample_rate)
        bins = torch.arange(fft // 2 + 1) * sample_rate / fft
        starts = torch.tensor(self.starts())[:, None] + shift
        return ((bins >= starts) & (bins < starts + self.width)).float()


def _frames(sample_rate: int) -> tuple[int, int]:
    """Samples of a frame and between frames."""
    return round(FFT * sample_rate / RATE), round(HOP * sample_rate / RATE)


def _stft(waveforms: torch.Tensor, sample_rate: int) -> torch.Tensor:
    import torch

    fft, hop = _frames(sample_rate)
    window = torch.hann_window(fft, device=waveforms.device)
    return torch.stft(waveforms, fft, hop, window=window, pad_mode="constant", return_complex=True)


def _inverse(spectra: torch.Tensor, sample_rate: int, num_samples: int) -> torch.Tensor:
    import torch

    fft, hop = _frames(sample_rate)
    return torch.istft(spectra, fft, hop, window=torch.hann_window(fft, device=spectra.device), length=num_samples)
