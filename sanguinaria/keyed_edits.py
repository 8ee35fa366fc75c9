"""What may happen to marked audio before a message is read: differentiable edits for training, of unchanged length.

They are WAKE's nine (section 2.2) with AudioSeal's strengths (arXiv:2401.17264, table 6), where WAKE gives none, and a
small shift of time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from sanguinaria.filtering import LENGTH, convolve
from sanguinaria.watermark_training import power

# (waveforms (utterances, samples), the CPU's random numbers) → edited waveforms of the same shape.
Edit = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
# The share by which gains change, and that of the samples that are silenced.
GAIN, SHUSHED = 0.2, 0.001
# dB by which white and pink noise are below the audio. AudioSeal's white noise, of 0.001, is as far below quiet speech.
NOISE = (25.0, 45.0)
# Hz: AudioSeal's cut-offs, and a low-pass filter's lowest.
LOW_PASS, HIGH_PASS, BAND_PASS = 4000.0, 500.0, (300.0, 6000.0)
FILTER_ORDER = 4


def wake_edits(sample_rate: int, shift: int = 0) -> list[Edit]:
    """The edits, with a shift of at most so many samples, if any; none of them is as likely as three of the others."""
    filters = [
        _filter("lowpass", LOW_PASS, sample_rate),
        _filter("highpass", HIGH_PASS, sample_rate),
        _filter("bandpass", BAND_PASS, sample_rate),
    ]
    edits: list[Edit] = [_none, _none, _none, _up_and_down, _noise, _noise, _pink_noise, *filters, _gain, _shush]
    return edits if not shift else [*edits, _shifted(shift), _shifted(shift), _shifted(shift)]


def one_of(edits: Sequence[Edit], waveforms: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """One edit for the whole batch, as in WAKE; with none to choose from, the waveforms as they are."""
    if not edits:
        return waveforms
    return edits[int(torch.randint(len(edits), (), generator=generator))](waveforms, generator)


def _none(waveforms: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return waveforms


def _up_and_down(waveforms: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Three quarters of the rate and back: nothing is left above three quarters of the band."""
    spectra = torch.fft.rfft(waveforms)
    kept = torch.arange(spectra.shape[-1], device=waveforms.device) < 0.75 * spectra.shape[-1]
    lower: torch.Tensor = torch.fft.irfft(spectra * kept, waveforms.shape[-1])
    return lower


def _noise(waveforms: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return waveforms + _levelled(torch.randn(waveforms.shape, generator=generator), waveforms, generator)


def _pink_noise(waveforms: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Noise whose power falls as 1/f."""
    spectra = torch.fft.rfft(torch.randn(waveforms.shape, generator=generator))
    pink = torch.fft.irfft(spectra / torch.arange(1, spectra.shape[-1] + 1).sqrt(), waveforms.shape[-1])
    return waveforms + _levelled(pink / pink.std(-1, keepdim=True), waveforms, generator)


def _levelled(noise: torch.Tensor, waveforms: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Noise of power 1, at a level below each utterance's that is drawn."""
    ratios = NOISE[0] + (NOISE[1] - NOISE[0]) * torch.rand(len(noise), 1, generator=generator)
    return (noise * 10 ** (-ratios / 20)).to(waveforms) * power(waveforms).detach().sqrt()


def _gain(waveforms: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Boosted or ducked."""
    return waveforms * (1 + GAIN * (2 * torch.rand(len(waveforms), 1, generator=generator) - 1)).to(waveforms)


def _shush(waveforms: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return waveforms * (torch.rand(waveforms.shape, generator=generator) >= SHUSHED).to(waveforms)


def _shifted(most: int) -> Edit:
    def shift(waveforms: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return waveforms.roll(int(torch.randint(-most, most + 1, (), generator=generator)), -1)

    return shift


def _filter(kind: str, cutoffs: float | tuple[float, float], sample_rate: int) -> Edit:
    """A causal Butterworth filter, as an impulse response."""
    from scipy.signal import butter, sosfilt

    impulse = np.zeros(LENGTH)
    impulse[0] = 1
    response = torch.from_numpy(sosfilt(butter(FILTER_ORDER, cutoffs, kind, fs=sample_rate, output="sos"), impulse))

    def apply(waveforms: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return convolve(waveforms, response.to(waveforms).expand(len(waveforms), -1))

    return apply
