"""Another duration: at the same pitch, or as a fraction that audio can be resampled by."""

from __future__ import annotations

from fractions import Fraction

import torch

from sanguinaria.core.torchaudio_import import prepare

# A window and a hop of the phase vocoder, in samples: torchaudio's for its shifts of pitch, 32 ms at 16 kHz.
WINDOW, HOP = 512, 128
# A resampler has a kernel for each step of its fraction: between 16,000 and 17,778 Hz it would have 8,889.
LARGEST_DENOMINATOR = 100


def to_fraction(factor: float) -> Fraction:
    """The nearest fraction that audio can be resampled by; hundredths are exact."""
    return Fraction(factor).limit_denominator(LARGEST_DENOMINATOR)


def time_stretch(waveforms: torch.Tensor, speed: float, length: int) -> torch.Tensor:
    """Waveforms (utterances, samples) at another speed, (utterances, length), by a phase vocoder; differentiable.

    It is a plain one, which keeps the phases of neighbouring bins together only where a sound lasts: onsets blur, and
    where they slow down some of the level is lost (9 % of a tone's amplitude at 0.9). What is beyond the length is
    cut, and what is missing is zeros.
    """
    prepare()
    from torchaudio.functional import phase_vocoder

    window = torch.hann_window(WINDOW, device=waveforms.device)
    spectra = torch.stft(waveforms, WINDOW, HOP, window=window, pad_mode="constant", return_complex=True)
    advance = torch.linspace(0, torch.pi * HOP, WINDOW // 2 + 1, device=waveforms.device)[:, None]
    return torch.istft(phase_vocoder(spectra, speed, advance), WINDOW, HOP, window=window, length=length)
