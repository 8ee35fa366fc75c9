"""The complex short-time spectrum, or a band of it, as real features that an invertible network can change."""

from __future__ import annotations

from dataclasses import dataclass

import torch

# Energy of a cell beside that of a sound of level 1, below which compression is linear: −60 dB. Without it, the slope
# of the root would be endless at 0.
FLOOR = 1e-6
# The quietest level that is evened out: −80 dB of full scale, the noise of a quiet room in a good recording.
LOWEST_LEVEL = 1e-4
# The mean of a Hann window's squares.
HANN_ENERGY = 3 / 8


@dataclass(frozen=True)
class Band:
    """Bins ``first`` to ``first + bins - 1`` of Hann windows of ``fft`` samples every ``hop`` samples.

    With ``compressed``, magnitudes are replaced by about their square roots, phases stay: a change of the features is
    then a change of the sound that follows its level, by half as many decibels.
    """

    fft: int
    hop: int
    first: int
    bins: int
    compressed: bool = False

    def frames(self, samples: int) -> int:
        """How many frames there are of so many samples."""
        return 1 + samples // self.hop

    def analyse(self, waveforms: torch.Tensor) -> torch.Tensor:
        """(utterances, samples) → real and imaginary parts (utterances, 2, bins, frames)."""
        return self._compressed(self._parts(waveforms))

    def analyse_levelled(self, waveforms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The same of sounds that are brought to one level before: to a root mean square of 1 within the band.

        Hum below a band may be a thousand times stronger than the speech in it, and would otherwise set its level.

        Returns:
            The features, and the levels they had, (utterances, 1), never below :data:`LOWEST_LEVEL`.
        """
        parts = self._parts(waveforms)
        # Parseval's theorem: the window leaves 3/8 of the energy, and half of it is at negative frequencies.
        energy = parts.square().sum((1, 2)).mean(-1, keepdim=True) * 2 / (HANN_ENERGY * self.fft)
        level = (energy + LOWEST_LEVEL**2).sqrt()
        return self._compressed(parts / level[..., None, None]), level

    def synthesise(self, features: torch.Tensor, samples: int) -> torch.Tensor:
        """The sound whose features these are, with nothing outside of the band: the inverse of :meth:`analyse`."""
        linear = _expand(features) if self.compressed else features
        return self._sound(linear, samples)

    def change(self, before: torch.Tensor, after: torch.Tensor, samples: int) -> torch.Tensor:
        """What to add to a sound so that its features become others; no error of analysis and synthesis is in it."""
        if self.compressed:
            before, after = _expand(before), _expand(after)
        return self._sound(after - before, samples)

    def _sound(self, features: torch.Tensor, samples: int) -> torch.Tensor:
        above = self.fft // 2 + 1 - self.first - self.bins
        parts = torch.nn.functional.pad(features, (0, 0, self.first, above))
        spectra = torch.complex(parts[:, 0], parts[:, 1])
        window = torch.hann_window(self.fft, device=features.device)
        return torch.istft(spectra, self.fft, self.hop, window=window, normalized=True, length=samples)

    def _parts(self, waveforms: torch.Tensor) -> torch.Tensor:
        window = torch.hann_window(self.fft, device=waveforms.device)
        # Zeros beyond the ends, as a reflection there would let a mark's change count twice.
        spectra = torch.stft(
            waveforms, self.fft, self.hop, window=window, pad_mode="constant", normalized=True, return_complex=True
        )[:, self.first : self.first + self.bins]
        return torch.stack([spectra.real, spectra.imag], 1)

    def _compressed(self, parts: torch.Tensor) -> torch.Tensor:
        return _compress(parts) if self.compressed else parts


def _compress(features: torch.Tensor) -> torch.Tensor:
    """X → X·(|X|² + floor)^(−1/4), cell by cell."""
    energy = features.square().sum(1, keepdim=True)
    return features * (energy + FLOOR) ** -0.25


def _expand(features: torch.Tensor) -> torch.Tensor:
    """The inverse of :func:`_compress`: with e = |X|², r = e/√(e + floor) solves to e = (r² + r·√(r² + 4·floor))/2."""
    root = features.square().sum(1, keepdim=True)
    energy = (root.square() + root * (root.square() + 4 * FLOOR).sqrt()) / 2
    return features * (energy + FLOOR) ** 0.25
