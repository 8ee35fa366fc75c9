"""Carriers and lattice offsets (dithers) that are derived from a key, and the short-time spectrum that shapes marks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch

# Hann windows of the spectrum in which carriers are drawn and marks are shaped: length and hop in samples.
FFT, HOP = 512, 256
# Bits of the digest for each dither.
DITHER_BITS = 16


@dataclass(frozen=True)
class Carriers:
    """Carriers and dithers of one key.

    Attributes:
        waveforms: of unit energy, (bits, samples); 0 outside the band but for its edges, and at both ends.
        dithers: offsets of the lattices as shares of a step, (bits,).
    """

    waveforms: torch.Tensor
    dithers: torch.Tensor

    def to(self, device: torch.device) -> Carriers:
        """Return the carriers on a device."""
        return Carriers(self.waveforms.to(device), self.dithers.to(device))


def derive_carriers(key: str, *, bits: int, samples: int, fade: int, band: tuple[int, int]) -> Carriers:
    """Derive carriers and dithers from the SHAKE-256 digest of a key.

    Each cell of each carrier's spectrum is one of ±1 ± i, so that carriers of one key, or of two, are as uncorrelated
    as random ones.

    Args:
        key: any text.
        bits: of a message.
        samples: of a chunk.
        fade: samples of the carriers' fades at both ends.
        band: the first bin of :data:`FFT` and the one after the last.

    Returns:
        Carriers (bits, samples) and dithers (bits,), on the CPU.
    """
    first, end = band
    frames = 1 + samples // HOP
    cells = bits * (end - first) * frames
    dither_bytes = bits * DITHER_BITS // 8
    digest = hashlib.shake_256(key.encode()).digest(-(-2 * cells // 8) + dither_bytes)
    octets = torch.frombuffer(bytearray(digest), dtype=torch.uint8)
    digits, rest = octets[:dither_bytes].reshape(bits, -1).double(), octets[dither_bytes:]
    # The digits of a number below 1 to the base of 256.
    place_values = 256.0 ** -torch.arange(1, digits.shape[1] + 1, dtype=torch.float64)
    signs = (rest[:, None] >> torch.arange(8, dtype=torch.uint8) & 1).flatten()[: 2 * cells].float() * 2 - 1
    spectra = torch.zeros(bits, FFT // 2 + 1, frames, dtype=torch.complex64)
    spectra[:, first:end] = torch.complex(*signs.reshape(2, bits, end - first, frames).unbind())
    waveforms = inverse_spectrum(spectra, samples) * taper(samples, fade)
    return Carriers(waveforms / waveforms.norm(dim=1, keepdim=True), (digits @ place_values).float())


def taper(samples: int, fade: int) -> torch.Tensor:
    """Return a window that is 1 in the middle and fades to 0 at both ends, in halves of a Hann window, (samples,).

    >>> taper(6, 2)
    tensor([0.0000, 0.5000, 1.0000, 1.0000, 0.5000, 0.0000])
    """
    rise = torch.hann_window(2 * fade, periodic=True)[:fade]
    window = torch.ones(samples)
    window[:fade] *= rise
    window[samples - fade :] *= rise.flip(0)
    return window


def spectrum(waveforms: torch.Tensor) -> torch.Tensor:
    """Compute the short-time spectrum: (…, samples) → (…, bins, frames), complex."""
    window = torch.hann_window(FFT, device=waveforms.device)
    flat = waveforms.reshape(-1, waveforms.shape[-1])
    spectra = torch.stft(flat, FFT, HOP, window=window, pad_mode="constant", return_complex=True)
    return spectra.reshape(*waveforms.shape[:-1], *spectra.shape[1:])


def inverse_spectrum(spectra: torch.Tensor, samples: int) -> torch.Tensor:
    """Invert :func:`spectrum`: (…, bins, frames) → (…, samples)."""
    window = torch.hann_window(FFT, device=spectra.device)
    flat = spectra.reshape(-1, *spectra.shape[-2:])
    return torch.istft(flat, FFT, HOP, window=window, length=samples).reshape(*spectra.shape[:-2], samples)
