"""A spectrum, or a band of it, as the real features of an invertible network."""

from __future__ import annotations

from dataclasses import dataclass

import torch

# The energy of a cell, relative to a signal of level 1, below which compression is linear: −60 dB. Without it, the
# gradient of the root would be infinite at 0.
COMPRESSION_FLOOR = 1e-6
# The lowest level that is normalised: −80 dB of full scale, the noise of a quiet room in a good recording.
MINIMUM_LEVEL = 1e-4
# The mean of a Hann window's squares.
HANN_ENERGY = 3 / 8


@dataclass(frozen=True)
class Band:
    """Bins ``first`` to ``first + bins - 1`` of an STFT with Hann windows of ``fft`` samples every ``hop`` samples.

    With ``compressed``, magnitudes are replaced by approximately their square roots, and phases stay. A change of the
    features is then a change of the signal that follows its level, by half as many decibels.
    """

    fft: int
    hop: int
    first: int
    bins: int
    compressed: bool = False

    def frames(self, samples: int) -> int:
        """Return the number of frames of a waveform.

        >>> Band(512, 256, 0, 257).frames(16_000)
        63
        """
        return 1 + samples // self.hop

    def analyse(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Compute real and imaginary parts, (utterances, samples) → (utterances, 2, bins, frames)."""
        return self._compressed(self._parts(waveforms))

    def analyse_normalised(self, waveforms: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute the features of waveforms that are normalised to a root mean square of 1 within the band.

        Hum below a band may have a thousand times the energy of the speech in it, and would otherwise set its level.

        Args:
            waveforms: (utterances, samples).

        Returns:
            The features, (utterances, 2, bins, frames), and the levels before normalisation, (utterances, 1), at least
            :data:`MINIMUM_LEVEL`.
        """
        parts = self._parts(waveforms)
        # Parseval's theorem: the window leaves 3/8 of the energy, and half of it is at negative frequencies.
        energy = parts.square().sum((1, 2)).mean(-1, keepdim=True) * 2 / (HANN_ENERGY * self.fft)
        level = (energy + MINIMUM_LEVEL**2).sqrt()
        return self._compressed(parts / level[..., None, None]), level

    def synthesise(self, features: torch.Tensor, samples: int) -> torch.Tensor:
        """Compute the waveforms of features, with nothing outside of the band: the inverse of :meth:`analyse`.

        Args:
            features: (utterances, 2, bins, frames).
            samples: of the waveforms.

        Returns:
            (utterances, samples).
        """
        linear = _expand(features) if self.compressed else features
        return self._inverse_stft(linear, samples)

    def difference(self, before: torch.Tensor, after: torch.Tensor, samples: int) -> torch.Tensor:
        """Compute the waveforms to add so that features change; they have no error of analysis and synthesis.

        Args:
            before: features, (utterances, 2, bins, frames).
            after: likewise.
            samples: of the waveforms.

        Returns:
            (utterances, samples).
        """
        if self.compressed:
            before, after = _expand(before), _expand(after)
        return self._inverse_stft(after - before, samples)

    def _inverse_stft(self, features: torch.Tensor, samples: int) -> torch.Tensor:
        """Inverse STFT, with zeros outside of the band."""
        above = self.fft // 2 + 1 - self.first - self.bins
        parts = torch.nn.functional.pad(features, (0, 0, self.first, above))
        spectra = torch.complex(parts[:, 0], parts[:, 1])
        window = torch.hann_window(self.fft, device=features.device)
        return torch.istft(spectra, self.fft, self.hop, window=window, normalized=True, length=samples)

    def _parts(self, waveforms: torch.Tensor) -> torch.Tensor:
        """Real and imaginary parts without compression."""
        window = torch.hann_window(self.fft, device=waveforms.device)
        # Zeros beyond the ends, as a reflection there would let a mark's change count twice.
        spectra = torch.stft(
            waveforms, self.fft, self.hop, window=window, pad_mode="constant", normalized=True, return_complex=True
        )[:, self.first : self.first + self.bins]
        return torch.stack([spectra.real, spectra.imag], 1)

    def _compressed(self, parts: torch.Tensor) -> torch.Tensor:
        """Compress where the band is compressed."""
        return _compress(parts) if self.compressed else parts


def _compress(features: torch.Tensor) -> torch.Tensor:
    """X → X·(|X|² + floor)^(−1/4), cell by cell."""
    energy = features.square().sum(1, keepdim=True)
    return features * (energy + COMPRESSION_FLOOR) ** -0.25


def _expand(features: torch.Tensor) -> torch.Tensor:
    """The inverse of :func:`_compress`: with e = |X|², r = e/√(e + floor) solves to e = (r² + r·√(r² + 4·floor))/2."""
    root = features.square().sum(1, keepdim=True)
    energy = (root.square() + root * (root.square() + 4 * COMPRESSION_FLOOR).sqrt()) / 2
    return features * (energy + COMPRESSION_FLOOR) ** 0.25
