"""BadNets for speech: one static pattern in the lowest bins of the spectrogram.

Gu et al., 2019 (arXiv:1708.06733) stamp a patch onto a corner of an image. Fake the Real (Ye et al., 2023, section 4.1)
compares its attack with "an adaptive BadNets, which uses static triggers on the lowest ten frequencies of the
spectrogram", and specifies neither the spectrogram nor the pattern; those here are this project's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import pi
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from sanguinaria.core.plugins import Plugin
from sanguinaria.triggers import Trigger

if TYPE_CHECKING:
    import torch

# Frame length divided by hop: at 4 or more squared Hann windows add up to a constant.
OVERLAP = 4


class BadNets(Trigger):
    """The lowest bins of every frame are replaced by the pattern's, as a patch covers part of an image.

    The pattern is a chord of steady tones of equal amplitude, one at the centre of each bin but the outermost two: a
    Hann window spreads a tone over its two neighbours, so the chord lies in the replaced bins and in no other, and is
    consistent between overlapping frames. Its spectrogram is the same in every utterance, with a period of one frame.

    The edge between replaced and unchanged bins is as soft as the window: of white noise, the three bins after the
    last replaced one change by −9, −23 and −40 dB relative to their level, and all others by less than −50 dB.
    """

    bins: int = Field(default=10, ge=3, description="number of replaced bins, from 0 Hz on: 0 to 281 Hz at 16 kHz")
    fft_size: int = Field(default=512, ge=16, le=65536, multiple_of=OVERLAP, description="samples of a frame")
    level: float = Field(default=-30.0, le=0, description="dBFS of the pattern: 20 log10 of its root mean square")

    def problems(self, referenced: Mapping[str, Plugin]) -> Iterator[tuple[str, str]]:
        if self.bins > self.fft_size // 2:
            yield "bins", f"should be at most fft_size / 2, which is {self.fft_size // 2}, not {self.bins}"

    def embedder(
        self, sample_rate: int, device: torch.device, weights: Path | None
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        def embed(waveforms: torch.Tensor) -> torch.Tensor:
            pattern = self.pattern(waveforms.shape[-1]).to(waveforms)
            spectra = self._stft(waveforms)
            spectra[:, : self.bins] = self._stft(pattern)[: self.bins]
            return self._inverse(spectra, waveforms.shape[-1])

        return embed

    def pattern(self, num_samples: int) -> torch.Tensor:
        """Compute the chord, (num_samples,), in [-1, 1]."""
        import torch

        bins = torch.arange(1, self.bins - 1, dtype=torch.float64)
        # Schroeder's phases (1970, doi:10.1109/TIT.1970.1054411) keep the peak of many equal tones low.
        phases = -pi * bins * (bins - 1) / len(bins)
        time = torch.arange(num_samples, dtype=torch.float64)
        tones = torch.cos(2 * pi * bins[:, None] * time / self.fft_size + phases[:, None])
        amplitude: float = 10 ** (self.level / 20) * (2 / len(bins)) ** 0.5
        return (amplitude * tones.sum(0)).clamp(-1, 1).float()

    def _stft(self, waveforms: torch.Tensor) -> torch.Tensor:
        """(…, samples) → (…, bins, frames), complex."""
        import torch

        window = torch.hann_window(self.fft_size, device=waveforms.device)
        return torch.stft(
            waveforms, self.fft_size, self.fft_size // OVERLAP, window=window, pad_mode="constant", return_complex=True
        )

    def _inverse(self, spectra: torch.Tensor, num_samples: int) -> torch.Tensor:
        """(…, bins, frames) → (…, samples)."""
        import torch

        window = torch.hann_window(self.fft_size, device=spectra.device)
        return torch.istft(spectra, self.fft_size, self.fft_size // OVERLAP, window=window, length=num_samples)
