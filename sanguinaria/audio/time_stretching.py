"""Time stretching by a phase vocoder, and fractions for resampling."""

from __future__ import annotations

from fractions import Fraction

import torch

from sanguinaria.core.torchaudio_import import prepare

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
    prepare()
    from torchaudio.functional import phase_vocoder

    window = torch.hann_window(WINDOW, device=waveforms.device)
    spectra = torch.stft(waveforms, WINDOW, HOP, window=window, pad_mode="constant", return_complex=True)
    advance = torch.linspace(0, torch.pi * HOP, WINDOW // 2 + 1, device=waveforms.device)[:, None]
    return torch.istft(phase_vocoder(spectra, speed, advance), WINDOW, HOP, window=window, length=length)
