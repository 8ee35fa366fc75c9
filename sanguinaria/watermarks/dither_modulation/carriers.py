"""What a key is to spread-transform dither modulation: a carrier for each bit, and how far its lattice is moved."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch

# Hann windows of the spectrum that carriers are drawn in, and that a mark is shaped in; samples.
FFT, HOP = 512, 256
# Bits of the digest for each lattice.
DITHER_BITS = 16


@dataclass(frozen=True)
class Carriers:
    """What belongs to one key.

    Attributes:
        waveforms: of unit energy, (bits, samples); 0 outside of the band but for its edges, and at both ends.
        dithers: shares of a step, (bits,).
    """

    waveforms: torch.Tensor
    dithers: torch.Tensor


def carriers_of(key: str, bits: int, samples: int, fade: int, band: tuple[int, int]) -> Carriers:
    """Carriers from the SHAKE-256 digest of a key.

    Each cell of each carrier's spectrum is one of ±1 ± i, so that carriers of one key, or of two, are as little alike
    as drawn ones.

    Args:
        key: any text.
        bits: of a message.
        samples: of a piece.
        fade: samples over which carriers rise and fall at its ends.
        band: the first bin of :data:`FFT` and the one after the last.
    """
    first, end = band
    frames = 1 + samples // HOP
    cells = bits * (end - first) * frames
    digest = hashlib.shake_256(key.encode()).digest(-(-2 * cells // 8) + bits * DITHER_BITS // 8)
    octets = torch.frombuffer(bytearray(digest), dtype=torch.uint8)
    dithers, rest = octets[: bits * DITHER_BITS // 8].reshape(bits, -1).double(), octets[bits * DITHER_BITS // 8 :]
    places = 256.0 ** -torch.arange(1, dithers.shape[1] + 1, dtype=torch.float64)
    signs = (rest[:, None] >> torch.arange(8, dtype=torch.uint8) & 1).flatten()[: 2 * cells].float() * 2 - 1
    spectra = torch.zeros(bits, FFT // 2 + 1, frames, dtype=torch.complex64)
    spectra[:, first:end] = torch.complex(*signs.reshape(2, bits, end - first, frames).unbind())
    waveforms = sound(spectra, samples) * taper(samples, fade)
    return Carriers(waveforms / waveforms.norm(dim=1, keepdim=True), (dithers @ places).float())


def taper(samples: int, fade: int) -> torch.Tensor:
    """1 in the middle and, in halves of a Hann window, 0 at both ends, (samples,)."""
    rise = torch.hann_window(2 * fade, periodic=True)[:fade]
    found = torch.ones(samples)
    found[:fade] *= rise
    found[samples - fade :] *= rise.flip(0)
    return found


def spectrum(waveforms: torch.Tensor) -> torch.Tensor:
    """(…, samples) → (…, bins, frames), complex."""
    window = torch.hann_window(FFT, device=waveforms.device)
    flat = waveforms.reshape(-1, waveforms.shape[-1])
    found = torch.stft(flat, FFT, HOP, window=window, pad_mode="constant", return_complex=True)
    return found.reshape(*waveforms.shape[:-1], *found.shape[1:])


def sound(spectra: torch.Tensor, samples: int) -> torch.Tensor:
    """(…, bins, frames) → (…, samples)."""
    window = torch.hann_window(FFT, device=spectra.device)
    flat = spectra.reshape(-1, *spectra.shape[-2:])
    return torch.istft(flat, FFT, HOP, window=window, length=samples).reshape(*spectra.shape[:-2], samples)
