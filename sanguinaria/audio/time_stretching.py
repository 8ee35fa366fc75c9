"""Time stretching by a phase vocoder, and fractions for resampling."""

from __future__ import annotations

from fractions import Fraction

import torch

# Window and hop of the phase vocoder, in samples: torchaudio's for pitch shifting, 32 ms and 8 ms at 16 kHz.
WINDOW, HOP = 512, 128
# A resampler has a kernel for each step of its fraction: between 16,000 and 17,778 Hz it would have 8,889.
LARGEST_DENOMINATOR = 100


def to_fraction(factor: float) -> Fraction:
    """Return the nearest fraction with a denominator of at most :data:`LARGEST_DENOMINATOR`, for resampling.

    >>> to_fraction(0.84), to_fraction(16000 / 17778)
    (Fraction(21, 25), Fraction(9, 10))
    """
    return Fraction(factor).limit_denominator(LARGEST_DENOMINATOR)


def time_stretch(waveforms: torch.Tensor, speed: float, length: int) -> torch.Tensor:
    """Change the speed at a constant pitch, by a phase vocoder; differentiable.

    The vocoder has no phase locking: the phases of neighbouring bins stay coherent in sustained sounds alone. Onsets
    are smeared, and slowing down loses some of the level (9 % of a tone's amplitude at 0.9).

    Args:
        waveforms: (utterances, samples).
        speed: the factor of the speed; below 1, the audio becomes longer.
        length: the samples of the result, which is cropped or zero-padded at the end.

    Returns:
        (utterances, length).
    """
    window = torch.hann_window(WINDOW, device=waveforms.device)
    spectra = torch.stft(waveforms, WINDOW, HOP, window=window, pad_mode="constant", return_complex=True)
    return torch.istft(phase_vocoder(spectra, speed, HOP), WINDOW, HOP, window=window, length=length)


def phase_vocoder(spectra: torch.Tensor, speed: float, hop: int) -> torch.Tensor:
    """Interpolate complex spectra in time, with phases that advance as in the original; differentiable.

    Operation by operation it is ``torchaudio.functional.phase_vocoder`` of torchaudio 2.11 (BSD 2-Clause), so that the
    results are the same, bit for bit (:mod:`sanguinaria.audio.resampling` explains why torchaudio is no dependency).

    Args:
        spectra: complex, (…, bins, frames).
        speed: frames of ``spectra`` for each frame of the result.
        hop: samples between two frames.

    Returns:
        Complex spectra (…, bins, ⌈frames / speed⌉).
    """
    if speed == 1.0:
        return spectra
    advance = torch.linspace(0, torch.pi * hop, spectra.shape[-2], device=spectra.device)[:, None]
    times = torch.arange(0, spectra.shape[-1], speed, device=spectra.device, dtype=spectra.real.dtype)
    shares = times % 1.0
    first_phase = spectra[..., :1].angle()
    padded = torch.nn.functional.pad(spectra, [0, 2])
    before, after = padded.index_select(-1, times.long()), padded.index_select(-1, (times + 1).long())
    # The deviation from the expected advance, wrapped to ±π, and the expected advance.
    phases = after.angle() - before.angle() - advance
    phases = phases - 2 * torch.pi * torch.round(phases / (2 * torch.pi)) + advance
    phases = torch.cumsum(torch.cat([first_phase, phases[..., :-1]], dim=-1), -1)
    magnitudes = shares * after.abs() + (1 - shares) * before.abs()
    return torch.polar(magnitudes, phases)
