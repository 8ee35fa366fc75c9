"""Keyed notches: narrow bands, chosen by a key, are removed from the utterance's own spectrum.

Nothing is added, so that only a slight colouring is audible, and the mark lies in the band of speech, below the cut-off
of a low-pass filter. PESQ equalises a linear filter of this kind, and hardly changes; other metrics measure it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from math import log10
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from sanguinaria.triggers import Trigger
from sanguinaria.watermarks import Detection

if TYPE_CHECKING:
    import torch

# Samples at 16 kHz: 32 ms frames every 8 ms; at other rates they are as many milliseconds.
FFT, HOP = 512, 128
REFERENCE_RATE = 16_000
# The detector's score is 0.73 this many dB above its threshold.
SOFTNESS = 2.0
# Added to the power of each bin: bands as weak as this are silence, and no evidence of a notch.
POWER_FLOOR = 1e-6
# Maximum attenuation that the threshold takes into account.
MAXIMUM_DB = 20.0


class Notch(Trigger):
    """The bins of the key's bands are multiplied by 1 − depth in every frame.

    The defaults leave 120 choices of bands: a key distinguishes owners, and is no secret. Narrower bands leave more.
    """

    renamed: ClassVar[Mapping[str, str]] = {
        **Trigger.renamed,
        "lowest": "minimum_frequency",
        "highest": "maximum_frequency",
    }

    key: str = Field(default="sanguinaria", min_length=1, description="its hash chooses the bands")
    bands: int = Field(default=3, ge=1, le=16, description="number of removed bands")
    width: float = Field(default=200.0, gt=0, description="Hz, of each band")
    depth: float = Field(default=0.97, gt=0, le=1, description="share of the amplitude that is removed")
    minimum_frequency: float = Field(default=1200.0, ge=0, description="Hz, lower edge of the lowest possible band")
    maximum_frequency: float = Field(default=3600.0, gt=0, description="Hz, upper edge of the highest possible band")

    @model_validator(mode="after")
    def _room_for_bands(self) -> Notch:
        # A band's neighbours stay unchanged: the detector compares with them, and one wide notch would be audible.
        if 2 * self.bands - 1 > self.slots:
            raise ValueError(
                f"{self.bands} bands of {self.width:g} Hz and as wide gaps do not fit between "
                f"{self.minimum_frequency:g} and {self.maximum_frequency:g} Hz"
            )
        return self

    @property
    def slots(self) -> int:
        """Number of possible bands."""
        return int((self.maximum_frequency - self.minimum_frequency) // self.width)

    @property
    def key_choice(self) -> str:
        return str(self.starts())

    def starts(self) -> list[float]:
        """Return the lower edges of the key's bands in Hz, ascending; no two bands are neighbours.

        >>> Notch().starts()
        [1200.0, 2200.0, 2600.0]
        """
        # k numbers below n − k + 1, each increased by its rank, are k of n slots with a gap between any two.
        slots = sorted(range(self.slots - self.bands + 1), key=self._digest)[: self.bands]
        return [self.minimum_frequency + (slot + rank) * self.width for rank, slot in enumerate(sorted(slots))]

    def _digest(self, slot: int) -> bytes:
        """Keyed hash of a slot: the slots of the smallest hashes are the key's."""
        return hashlib.blake2b(str(slot).encode(), key=hashlib.sha256(self.key.encode()).digest()).digest()

    def sample_rate_error(self, sample_rate: int) -> str | None:
        if self.maximum_frequency <= sample_rate / 2:
            return None
        return f"bands up to {self.maximum_frequency:g} Hz are not below half the sample rate of {sample_rate} Hz"

    def embedder(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        gains = 1 - self.depth * self._bands(sample_rate).amax(0).to(device)

        def embed(waveforms: torch.Tensor) -> torch.Tensor:
            spectra = _stft(waveforms, sample_rate) * gains[:, None]
            return _inverse(spectra, sample_rate, waveforms.shape[-1])

        return embed

    @property
    def has_detector(self) -> bool:
        return True

    def detector(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor], Detection]:
        """Return the detector; its score is 0.5 for bands :attr:`threshold` dB below their flanks. No message."""
        import torch

        inside = self._bands(sample_rate).to(device)
        flanks = (self._bands(sample_rate, -self.width) + self._bands(sample_rate, self.width)).to(device)

        def detect(waveforms: torch.Tensor) -> Detection:
            power = _stft(waveforms, sample_rate).abs().square().mean(-1) + POWER_FLOOR  # (utterances, bins)
            flank_levels, band_levels = (
                10 * torch.log10(power @ weight.T / weight.sum(-1)) for weight in (flanks, inside)
            )
            depths = (flank_levels - band_levels).mean(-1)
            scores = torch.sigmoid((depths - self.threshold) / SOFTNESS)
            return Detection(scores, waveforms.new_zeros(len(waveforms), 0))

        return detect

    @property
    def threshold(self) -> float:
        """dB by which the bands have to be below their flanks: half of the trigger's attenuation, and at most 10.

        >>> Notch(depth=0.5).threshold
        3.010299956639812
        """
        return min(MAXIMUM_DB, -20 * log10(max(1 - self.depth, 1e-6))) / 2

    def _bands(self, sample_rate: int, shift: float = 0.0) -> torch.Tensor:
        """1 for every bin within a band, 0 elsewhere, (bands, bins); ``shift`` moves the bands by so many hertz."""
        import torch

        self.require_sample_rate(sample_rate)
        fft, _ = _frame_sizes(sample_rate)
        bins = torch.arange(fft // 2 + 1) * sample_rate / fft
        starts = torch.tensor(self.starts())[:, None] + shift
        return ((bins >= starts) & (bins < starts + self.width)).float()


def _frame_sizes(sample_rate: int) -> tuple[int, int]:
    """Length of a frame and hop between frames, in samples."""
    return round(FFT * sample_rate / REFERENCE_RATE), round(HOP * sample_rate / REFERENCE_RATE)


def _stft(waveforms: torch.Tensor, sample_rate: int) -> torch.Tensor:
    """(utterances, samples) → (utterances, bins, frames), complex."""
    import torch

    fft, hop = _frame_sizes(sample_rate)
    window = torch.hann_window(fft, device=waveforms.device)
    return torch.stft(waveforms, fft, hop, window=window, pad_mode="constant", return_complex=True)


def _inverse(spectra: torch.Tensor, sample_rate: int, num_samples: int) -> torch.Tensor:
    """(utterances, bins, frames) → (utterances, samples)."""
    import torch

    fft, hop = _frame_sizes(sample_rate)
    return torch.istft(spectra, fft, hop, window=torch.hann_window(fft, device=spectra.device), length=num_samples)
